"""Trains a vocoder for a model, or goes on with a run that was cut off."""

import dataclasses
import sys
from pathlib import Path

from absl import flags

from tf_mt import config, names, script, startup

with startup.quiet():
    from tf_mt.data import clips
    from tf_mt.training import run, trainer
    from tf_mt.vocoders import configuration, stored, vocoder

FLAGS = flags.FLAGS

flags.DEFINE_string("data", None, "Converted dataset to train on.", required=True)
flags.DEFINE_string(
    "front",
    None,
    "Run of a model of log-mel spectrograms, of which the vocoder is to make sound.",
    required=True,
)
flags.DEFINE_string(
    "run",
    None,
    "Folder of the vocoder's run. If it holds one of the same settings, that goes on.",
    required=True,
)
flags.DEFINE_string("preset", "small", "Named configuration of the vocoder.")


def main(argv: list[str]) -> None:
    """Trains as the flags say."""
    if FLAGS.preset not in configuration.PRESETS:
        raise ValueError(names.unknown("preset", FLAGS.preset, configuration.PRESETS))
    preset = config.Preset(
        *(
            config.read_flags(kind, FLAGS)
            for kind in configuration.PRESETS[FLAGS.preset]
        )
    )
    if preset.training.heard_share:
        raise ValueError(
            f"heard_share={preset.training.heard_share}: vocoders make what they hear; "
            "leave it out."
        )
    if Path(FLAGS.run).resolve() == Path(FLAGS.front).resolve():
        raise ValueError(f"run={FLAGS.run!r} must not be --front; name another folder.")
    info = clips.read_info(Path(FLAGS.data))
    front = stored.front_of(run.build(run.Run(Path(FLAGS.front)).settings()))
    if front.settings["sample_rate_hz"] != info.sample_rate_hz:
        raise ValueError(
            f"front={FLAGS.front!r} takes {front.settings['sample_rate_hz']} Hz, but "
            f"the dataset has {info.sample_rate_hz}; convert one of that rate."
        )
    folder = run.Run(Path(FLAGS.run))
    settings = folder.settle(stored.settings_of(preset, front, info))
    training = dataclasses.replace(
        preset.training, precision=settings["resolved_precision"]
    )

    def build() -> vocoder.Vocoder:
        return stored.build(settings)

    trainer.train(build, Path(FLAGS.data), folder, training)
    print(f"Trained {FLAGS.run}. Logs: tensorboard --logdir={folder.logs}")
    print(
        f"Next: python -m tf_mt.export --run={FLAGS.front} --vocoder={FLAGS.run} "
        "--out=bundles"
    )


if __name__ == "__main__":
    config.define_flags(FLAGS, sys.argv[0], config.Training, configuration.Config)
    script.run(main)
