"""How many threads an operation may use, for scripts that run models.

The flag is defined by importing this; `limit` is for before any operation has run.
"""

from absl import flags

_INTRA_OP = flags.DEFINE_integer(
    "intra_op_threads",
    0,
    "Threads that an operation may use; 0 leaves it to TensorFlow. With 1 the WaveNet "
    "decoders are faster, which are of many small operations.",
    lower_bound=0,
)


def limit() -> None:
    """Sets what the flag says."""
    # Here, so that a mistake in the flags is told before TensorFlow is loaded.
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(_INTRA_OP.value)
