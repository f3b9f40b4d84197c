"""How near, and how fast, log-mels come back to sound, with a vocoder and without.

python tests/benchmarks/vocoder.py --vocoder=runs/vocoder --data=data --data=other

Each clip is made of its own spectrogram: with no phase to begin with, and then with its
own, as a translation begins with its source's.
"""

import time
from collections.abc import Callable
from pathlib import Path

import machine
import numpy as np
import tensorflow as tf
from absl import flags

from tf_mt import script
from tf_mt.data import clips
from tf_mt.embedders import mfcc
from tf_mt.evaluation.metrics import frechet, log_mel, loudness, pitch, stft_distance
from tf_mt.layers import synthesis
from tf_mt.vocoders import stored, vocoder

VOCODER = flags.DEFINE_string("vocoder", None, "Run of a vocoder.", required=True)
DATA = flags.DEFINE_multi_string(
    "data", None, "Dataset whose test split is resynthesised.", required=True
)
CLIPS = flags.DEFINE_integer("clips", 24, "Clips of each dataset.", lower_bound=2)
SECONDS = flags.DEFINE_float("seconds", 4.0, "Length of a clip.", lower_bound=1.0)

Inverse = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def main(_) -> None:
    """Prints a table for each dataset."""
    trained = stored.load(Path(VOCODER.value))
    ways = _ways(trained)
    hop = trained.front.hop
    samples = round(SECONDS.value * trained.info.sample_rate_hz / hop) * hop
    print(f"{machine.description()}, TF {tf.__version__}")
    for data in DATA.value:
        truth = _clips(Path(data), samples)
        print(f"\n{data}: {len(truth)} clips of {SECONDS.value:g} s")
        heads = f"{'log-mel dB':>11}{'MR-STFT':>9}{'pitch':>7}{'FAD':>8}{'x time':>8}"
        print(f"{'':36}{heads}")
        for name, inverse in ways.items():
            print(f"{name:36}{_row(truth, trained, inverse)}", flush=True)


def _ways(trained: vocoder.Vocoder) -> dict[str, Inverse]:
    """What makes audio of log-mels and the phases of the truth, by name."""
    front = trained.front

    def blind(made: synthesis.Synthesis) -> Inverse:
        return lambda log_mel, phase: made.synthesise(log_mel, None)

    def aligned(made: synthesis.Synthesis) -> Inverse:
        return made.synthesise

    return {
        "Griffin-Lim, 32": blind(synthesis.GriffinLim(front, 32)),
        "PGHI, Griffin-Lim, 4": blind(synthesis.Pghi(front, 4)),
        "vocoder, Griffin-Lim, 32": blind(
            synthesis.GriffinLim(front, 32, trained.magnitudes)
        ),
        "vocoder, PGHI, Griffin-Lim, 4": blind(
            synthesis.Pghi(front, 4, trained.magnitudes)
        ),
        "own phase, Griffin-Lim, 2": aligned(synthesis.GriffinLim(front, 2)),
        "vocoder, own phase, Griffin-Lim, 2": aligned(
            synthesis.GriffinLim(front, 2, trained.magnitudes)
        ),
    }


def _clips(data: Path, samples: int) -> np.ndarray:
    """Clips `[clips, samples]` of a test split that are not silent."""
    split = clips.Clips(data, "test", samples)
    rate_hz = split.info.sample_rate_hz
    drawn = [
        clip
        for batch in split.batches("mixed", 4, seed=0, steps=CLIPS.value)
        for clip in batch["audio"].numpy()
        if not loudness.silent(clip, rate_hz)
    ]
    return np.stack(drawn[: CLIPS.value])


def _row(truth: np.ndarray, trained: vocoder.Vocoder, inverse: Inverse) -> str:
    """Means over the clips, and how many times as fast as they sound they are made."""
    rate_hz, front = trained.info.sample_rate_hz, trained.front
    graph = tf.function(inverse, reduce_retracing=True)
    spectra = [front.analyse(tf.constant(clip[np.newaxis])) for clip in truth]
    graph(*spectra[0])
    began = time.perf_counter()
    made = [graph(*one).numpy()[0] for one in spectra]
    seconds = time.perf_counter() - began
    pairs = list(zip(truth, made, strict=True))
    near = np.mean([log_mel.distance(*pair, rate_hz) for pair in pairs])
    far = np.mean([stft_distance.distance(*pair, rate_hz) for pair in pairs])
    right = np.nanmean(
        [
            pitch.accuracies(*(pitch.track(one, rate_hz) for one in pair)).raw
            for pair in pairs
        ]
    )
    embedded = (
        np.concatenate([mfcc.Mfcc().embed(one, rate_hz) for one in kind])
        for kind in (truth, made)
    )
    speed = truth.size / rate_hz / seconds
    return (
        f"{near:11.2f}{far:9.2f}{right:7.3f}{frechet.distance(*embedded):8.1f}"
        f"{speed:8.0f}"
    )


if __name__ == "__main__":
    script.run(main)
