"""Trains a translation model, or goes on with a run that was cut off."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from tf_mt import config, dataset, script, startup

with startup.quiet():
    from tf_mt import models
    from tf_mt.models import translator
    from tf_mt.training import run, trainer, warm_start

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
flags.DEFINE_string(
    "init_from", None, "Run whose weights this one begins from, where they fit."
)
flags.DEFINE_string(
    "add_domain",
    None,
    "Domain of the dataset that the model of --init_from is to learn as well: all else "
    "in it stays as it is. Its network is that of --init_from.",
)


def _widened(
    preset: config.Preset, data: dataset.DatasetInfo, parent: Mapping[str, Any] | None
) -> tuple[config.Preset, dataset.DatasetInfo]:
    if parent is None:
        raise ValueError("--add_domain needs a run to add it to; give --init_from=RUN.")
    hparams, info = warm_start.widened(parent, FLAGS.approach, data, FLAGS.add_domain)
    return config.Preset(config.read_flags(hparams, FLAGS), preset.training), info


def main(argv: list[str]) -> None:
    """Trains as the flags say."""
    folder = run.Run(Path(FLAGS.run))
    preset = models.preset(FLAGS.approach, FLAGS.preset)
    preset = config.Preset(
        config.read_flags(preset.model, FLAGS),
        config.read_flags(preset.training, FLAGS),
    )
    info = trainer.dataset_info(
        models.approach(FLAGS.approach), preset.model, Path(FLAGS.data)
    )
    parent = None
    if FLAGS.init_from is not None:
        parent = warm_start.parent_of(folder, Path(FLAGS.init_from))
    if FLAGS.add_domain is not None:
        preset, info = _widened(preset, info, parent)
    given = run.settings_of(FLAGS.approach, preset, info)
    if parent is not None:
        given["init_from"] = parent
    if FLAGS.add_domain is not None:
        given["add_domain"] = FLAGS.add_domain
    settings = folder.settle(given)
    training = dataclasses.replace(
        preset.training, precision=settings["resolved_precision"]
    )

    def build() -> translator.Translator:
        model = run.build(settings)
        warm_start.begin(model, settings, folder)
        return model

    trainer.train(build, Path(FLAGS.data), folder, training)
    print(f"Trained {FLAGS.run}. Logs: tensorboard --logdir={folder.logs}")
    print(f"Next: python -m tf_mt.export --run={FLAGS.run} --out=bundles")


def define_config_flags() -> None:
    """Defines the configuration flags of the approach that the command line names."""
    name = config.peek_flag("approach", sys.argv)
    if name is not None:
        hparams = models.approach(name).config_class
        config.define_flags(FLAGS, sys.argv[0], config.Training, hparams)


if __name__ == "__main__":
    if status := script.guard(define_config_flags):
        sys.exit(status)
    script.run(main)
