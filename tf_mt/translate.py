"""Translates audio files of any length in this process, without a server."""

import functools
from pathlib import Path

import tensorflow as tf
from absl import flags

from tf_mt import bundle, script
from tf_mt.audio import stream

FLAGS = flags.FLAGS

flags.DEFINE_string("bundle", None, "Bundle to translate with.", required=True)
flags.DEFINE_string(
    "domain", None, "What to translate to; a wrong name lists all.", required=True
)
flags.DEFINE_string("input", None, "Audio file, or folder of them.", required=True)
flags.DEFINE_string(
    "output",
    None,
    "WAV file to write; for a folder, the folder that receives its tree as WAV files.",
    required=True,
)
flags.DEFINE_integer(
    "intra_op_threads",
    0,
    "Threads that an operation may use; 0 leaves it to TensorFlow. With 1 the WaveNet "
    "decoders are faster, which are of many small operations.",
    lower_bound=0,
)


def main(argv: list[str]) -> int:
    """Translates; the exit code is 1 if a file of a folder could not be."""
    tf.config.threading.set_intra_op_parallelism_threads(FLAGS.intra_op_threads)
    system = bundle.Bundle(Path(FLAGS.bundle))
    system.check_domain(FLAGS.domain)
    failed = stream.translate_files(
        Path(FLAGS.input),
        Path(FLAGS.output),
        system.info.sample_rate_hz,
        functools.partial(system.translate_stream, domain=FLAGS.domain),
    )
    return 1 if failed else 0


if __name__ == "__main__":
    script.run(main)
