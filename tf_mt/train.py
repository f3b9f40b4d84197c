"""Trains a translation model, or goes on with a run that was cut off."""

import dataclasses
import sys
from pathlib import Path

from absl import flags

from tf_mt import config, models, precision, run, script, trainer
from tf_mt.data import clips

FLAGS = flags.FLAGS

flags.DEFINE_string("approach", None, "Family of models to train.", required=True)
flags.DEFINE_string("preset", "small", "Named configuration of the approach.")
flags.DEFINE_string("data", None, "Converted dataset to train on.", required=True)
flags.DEFINE_string(
    "run",
    None,
    "Folder of the run. If it holds a run of the same settings, that one goes on.",
    required=True,
)


def _resolved(training: config.Training) -> config.Training:
    if training.precision != "auto":
        return training
    return dataclasses.replace(training, precision=precision.fastest())


def main(argv: list[str]) -> None:
    """Trains as the flags say."""
    preset = models.preset(FLAGS.approach, FLAGS.preset)
    preset = config.Preset(
        config.read_flags(preset.model, FLAGS),
        _resolved(config.read_flags(preset.training, FLAGS)),
    )
    info = clips.read_info(Path(FLAGS.data))
    settings = run.settings_of(FLAGS.approach, preset, info)
    folder = run.Run(Path(FLAGS.run))
    folder.settle(settings)
    trainer.train(
        lambda: run.build(settings), Path(FLAGS.data), folder, preset.training
    )
    print(f"Trained {FLAGS.run}. Logs: tensorboard --logdir={folder.logs}")
    print(f"Next: python -m tf_mt.export --run={FLAGS.run} --out=bundles")


def define_knobs() -> None:
    """Defines the knobs of the approach that the command line names."""
    name = config.peek_flag("approach", sys.argv)
    if name is not None:
        knobs = models.approach(name).knobs
        config.define_flags(FLAGS, sys.argv[0], config.Training, knobs)


if __name__ == "__main__":
    if status := script.guard(define_knobs):
        sys.exit(status)
    script.run(main)
