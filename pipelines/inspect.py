"""Script that prints durations, levels and pitches of a dataset, with warnings.

Example: python -m pipelines.inspect --data=data --picture=inspect.png
"""

from absl import flags

from tf_mt import script, startup

DATA = flags.DEFINE_string("data", None, "The folder of the dataset.", required=True)
PICTURE = flags.DEFINE_string(
    "picture", "inspect.png", "The PNG file to draw spectrograms of some recordings in."
)


def main(argv: list[str]) -> None:
    """Shows the dataset that the flags name."""
    del argv
    with startup.quiet():
        from pipelines import inspection

    inspection.inspect(DATA.value, PICTURE.value)


if __name__ == "__main__":
    script.run(main)
