"""What the configuration of every approach has."""

import dataclasses

from tf_mt import config

SOURCE, DECODED = LOUDNESSES = ("source", "decoded")


@dataclasses.dataclass(frozen=True)
class Config(config.Config):
    """Base of the configurations of approaches."""

    loudness: str = config.field(
        SOURCE,
        "Whether output is brought to the loudness of its source (EBU R 128, window by "
        "window), or stays as it is decoded.",
        choices=LOUDNESSES,
        inference=True,
    )
