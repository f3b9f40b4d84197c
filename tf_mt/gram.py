"""Transfers by optimising the waveform with L-BFGS, offline: Gram matrices of a VQ-VAE.

Example: python -m tf_mt.gram --run=RUN --input=a.wav --reference=b.wav --output=c.wav
"""

from pathlib import Path

import numpy as np
from absl import flags

from tf_mt import names, progress, script, startup
from tf_mt.audio import files

with startup.quiet():
    from tf_mt.inference import input_optimisation
    from tf_mt.models.vqvae import model as vqvae
    from tf_mt.training import run

FLAGS = flags.FLAGS

flags.DEFINE_string("run", None, "Run of the approach vqvae.", required=True)
flags.DEFINE_string("input", None, "Audio file to begin with.", required=True)
flags.DEFINE_string("reference", None, "Audio file with the timbre.", required=True)
flags.DEFINE_string("output", None, "WAV file to write.", required=True)
flags.DEFINE_list("levels", None, "Numbers of the levels that count; by default all.")
flags.DEFINE_enum(
    "gram",
    "time_averaged",
    list(input_optimisation.GRAMS),
    "Gram matrices that are means over time, or one for each frame, which wants clips "
    "that are aligned.",
)
flags.DEFINE_float(
    "content_weight", 0.0, "Weight of staying near the input.", lower_bound=0.0
)
flags.DEFINE_integer("iterations", 500, "The most iterations.", lower_bound=1)
flags.DEFINE_float(
    "seconds", 10.0, "The most that is read of each file.", lower_bound=0.1
)


def main(argv: list[str]) -> None:
    """Transfers as the flags say."""
    model = run.load_model(Path(FLAGS.run))
    if not isinstance(model, vqvae.VqVae):
        raise ValueError(f"run={FLAGS.run!r} must be of the approach vqvae.")
    rate_hz = model.info.sample_rate_hz
    content, style = (
        next(files.blocks(Path(path), rate_hz, round(FLAGS.seconds * rate_hz)))
        for path in (FLAGS.input, FLAGS.reference)
    )
    with progress.bar(total=FLAGS.iterations, desc="gram", unit="iteration") as bar:
        found = input_optimisation.optimise(
            model,
            np.asarray(content, np.float32),
            np.asarray(style, np.float32),
            _levels(model),
            input_optimisation.GRAMS[FLAGS.gram],
            FLAGS.content_weight,
            FLAGS.iterations,
            bar.update,
        )
    files.write(Path(FLAGS.output), found, rate_hz)
    print(f"Sound: {FLAGS.output}.")


def _levels(model: vqvae.VqVae) -> list[int]:
    """The numbers of the levels that the flags name."""
    known = [str(number) for number in range(model.hparams.levels)]
    for name in FLAGS.levels or ():
        if name not in known:
            raise ValueError(names.unknown("levels", name, known))
    return [int(name) for name in FLAGS.levels or known]


if __name__ == "__main__":
    script.run(main)
