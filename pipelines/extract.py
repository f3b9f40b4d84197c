"""Writes the recordings of a dataset to WAV files, to listen to or to translate.

Example: python -m pipelines.extract --data=data --split=test --out=recordings
"""

from absl import flags

from tf_mt import script, startup

DATA = flags.DEFINE_string("data", None, "The folder of the dataset.", required=True)
SPLIT = flags.DEFINE_string("split", "test", "The split to write.")
OUT = flags.DEFINE_string("out", None, "The folder to write to.", required=True)
LIMIT = flags.DEFINE_integer(
    "limit", None, "The most recordings of each domain to write; all if not given."
)


def main(argv: list[str]) -> None:
    """Writes the recordings that the flags describe."""
    del argv
    with startup.quiet():
        from pipelines import extraction

    print(extraction.extract(DATA.value, SPLIT.value, OUT.value, LIMIT.value))


if __name__ == "__main__":
    script.run(main)
