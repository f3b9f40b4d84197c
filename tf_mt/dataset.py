"""All that models and data know of each other."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """What a model must know of the dataset it is trained on.

    Attributes:
        name: The dataset's name, with its configuration where it has several.
        sample_rate_hz: Samples per second of every clip.
        domains: Names of the domains; a domain's number is its position.
    """

    name: str
    sample_rate_hz: int
    domains: tuple[str, ...]
