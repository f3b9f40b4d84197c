"""Exports a run as a bundle that TensorFlow Serving loads."""

import re
from pathlib import Path

import tensorflow as tf
from absl import flags, logging

from tf_mt import bundle, run, script

FLAGS = flags.FLAGS

flags.DEFINE_string("run", None, "Run to export the newest weights of.", required=True)
flags.DEFINE_string(
    "out", None, "Folder of bundles; this one becomes <out>/<model>.", required=True
)
flags.DEFINE_string(
    "model", None, "Name of the model; that of the run's folder if not given."
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
    written = bundle.export(run.load_model(folder), Path(FLAGS.out) / name)
    print(f"Exported {written}.")
    print(
        f"Next: python -m serving.server --model_base_path={written.parent.resolve()} "
        f"--model_name={name} --port=8500"
    )


if __name__ == "__main__":
    script.run(main)
