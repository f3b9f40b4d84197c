"""Trains the CNN embedder, which classifies domains, for tf_mt.evaluate."""

from pathlib import Path

from absl import flags

from tf_mt import script, startup

with startup.quiet():
    from tf_mt.embedders import training

FLAGS = flags.FLAGS

flags.DEFINE_string("data", None, "Converted dataset to train on.", required=True)
flags.DEFINE_string("out", None, "New folder for the network.", required=True)
flags.DEFINE_integer("steps", 300, "Batches of 32 clips of about a second.")
flags.DEFINE_integer("seed", 0, "Seed of weights and clips.", lower_bound=0)


def main(argv: list[str]) -> None:
    """Trains as the flags say."""
    result = training.train(Path(FLAGS.data), Path(FLAGS.out), FLAGS.steps, FLAGS.seed)
    print(result.markdown())
    print(f"Network: {FLAGS.out}.")


if __name__ == "__main__":
    script.run(main)
