"""Exports a run as a bundle that TensorFlow Serving loads."""

import re
import sys
from pathlib import Path

from absl import flags, logging

from tf_mt import config, script, startup

with startup.quiet():
    import tensorflow as tf

    from tf_mt.inference import bundle
    from tf_mt.training import run
    from tf_mt.vocoders import stored

FLAGS = flags.FLAGS

flags.DEFINE_string("run", None, "Run to export the newest weights of.", required=True)
flags.DEFINE_string(
    "out", None, "Folder of bundles; this one becomes <out>/<model>.", required=True
)
flags.DEFINE_string(
    "model", None, "Name of the model; that of the run's folder if not given."
)
flags.DEFINE_string(
    "vocoder",
    None,
    "Run of `tf_mt.train_vocoder` whose magnitudes the model inverts, in place of the "
    "least-squares inverse of its mel bands.",
)


def main(argv: list[str]) -> None:
    """Exports as the flags say."""
    folder = Path(FLAGS.run)
    name = FLAGS.model or folder.resolve().name
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(
            f"model={name!r} must be letters, digits, '_', '.' and '-', and begin with "
            "one of the first three."
        )
    # TensorFlow tells much of saving, temporary names included.
    logging.set_verbosity(logging.WARNING)
    tf.get_logger().setLevel("WARNING")
    hparams = config.read_flags(run.config_of(run.Run(folder).settings()), FLAGS)
    model = run.load_model(folder, hparams)
    if FLAGS.vocoder is not None:
        stored.attach(model, stored.load(Path(FLAGS.vocoder)))
    written = bundle.export(model, Path(FLAGS.out) / name)
    print(f"Exported {written}.")
    print(
        f"Next: python -m serving.server --model_base_path={written.parent.resolve()} "
        f"--model_name={name} --port=8500"
    )


def define_config_flags() -> None:
    """Defines a flag for each inference option of the run's model."""
    folder = config.peek_flag("run", sys.argv)
    if folder is not None:
        kind = type(run.config_of(run.Run(Path(folder)).settings()))
        config.define_flags(FLAGS, sys.argv[0], kind, inference=True)


if __name__ == "__main__":
    if status := script.guard(define_config_flags):
        sys.exit(status)
    script.run(main)
