"""Reports how well each level of a VQ-VAE reconstructs, and how many codes it uses.

Example: python -m tf_mt.levels --run=RUN --data=data
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from tf_mt import progress, script, startup

with startup.quiet():
    import tensorflow as tf

    from tf_mt.data import clips
    from tf_mt.losses import waveform
    from tf_mt.models.vqvae import model as vqvae
    from tf_mt.training import run

FLAGS = flags.FLAGS

flags.DEFINE_string("run", None, "Run of the approach vqvae.", required=True)
flags.DEFINE_string(
    "data", None, "Converted dataset whose split test is reconstructed.", required=True
)
flags.DEFINE_integer("batches", 20, "Batches of 8 training lengths.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Seed of the clips.", lower_bound=0)

BATCH_SIZE = 8
# Spectral convergence of the published levels (Dhariwal et al. 2020).
PUBLISHED_DB = (-23.0, -12.4, -8.3)


class Score(NamedTuple):
    """How a level does.

    Attributes:
        hop: Samples that a feature stands for.
        convergence_db: Spectral convergence of reconstructions, in decibels.
        without_codes_db: The same if features are not quantised.
        used: Share of the codes that occur.
        perplexity: How many codes it would be if all occurred equally often.
    """

    hop: int
    convergence_db: float
    without_codes_db: float
    used: float
    perplexity: float


def score(model: vqvae.VqVae, batches: Iterable[tf.Tensor]) -> list[Score]:
    """Scores every level on batches of audio `[batch, samples]`."""

    @tf.function
    def measured(audio: tf.Tensor, level: int) -> tuple[tf.Tensor, tf.Tensor]:
        codes = model.codebooks[level]
        features = model.features(audio, level)
        numbers = codes.nearest(features)
        with model.averages.applied():
            outputs = [
                model.levels[level].decode(x) for x in (codes.read(numbers), features)
            ]
        signal = waveform.spectral_norm(audio)
        errors = [waveform.spectral_error(output, audio) for output in outputs]
        norms = tf.stack([signal, *errors])
        size = codes.codes.shape[0]
        return norms, tf.math.bincount(numbers, minlength=size, maxlength=size)

    levels = range(model.hparams.levels)
    squares = np.zeros((len(levels), 3))
    counts = np.zeros((len(levels), model.hparams.codes))
    for audio in batches:
        for level in levels:
            norms, count = measured(audio, level)
            squares[level] += np.square(norms).sum(axis=1)
            counts[level] += count.numpy()
    scores = []
    for level in levels:
        signal, error, unquantised = squares[level]
        shares = counts[level][counts[level] > 0] / counts[level].sum()
        scores.append(
            Score(
                model.hparams.hop(level),
                10.0 * np.log10(error / signal),
                10.0 * np.log10(unquantised / signal),
                len(shares) / model.hparams.codes,
                float(np.exp(-np.sum(shares * np.log(shares)))),
            )
        )
    return scores


def main(argv: list[str]) -> None:
    """Scores as the flags say."""
    model = run.load_model(Path(FLAGS.run))
    if not isinstance(model, vqvae.VqVae):
        raise ValueError(f"run={FLAGS.run!r} must be of the approach vqvae.")
    split = clips.Clips(Path(FLAGS.data), "test", model.clip_samples)
    if split.info.sample_rate_hz != model.info.sample_rate_hz:
        raise ValueError(
            f"data={FLAGS.data!r} has {split.info.sample_rate_hz} Hz, but the run "
            f"{model.info.sample_rate_hz}; give a dataset of that rate."
        )
    batches = split.batches("mixed", BATCH_SIZE, FLAGS.seed, steps=FLAGS.batches)
    bar = progress.bar(batches, total=FLAGS.batches, desc="levels", unit="batch")
    scores = score(model, (batch["audio"] for batch in bar))
    print("| hop | convergence (dB) | without codes (dB) | codes used | perplexity |")
    print("|---|---|---|---|---|")
    for one in scores:
        print(
            f"| {one.hop} | {one.convergence_db:.1f} | {one.without_codes_db:.1f} | "
            f"{one.used:.0%} | {one.perplexity:.0f} |"
        )
    published = ", ".join(f"{db:.1f}" for db in PUBLISHED_DB)
    print(
        f"\nn = {FLAGS.batches * BATCH_SIZE} clips. Jukebox, on its own data, at hops "
        f"8, 32, 128: {published} dB, and -40.5 without codes."
    )


if __name__ == "__main__":
    script.run(main)
