"""The smallest presets, as tests train and export them."""

import dataclasses
from collections.abc import Sequence

from tf_mt import config, models


def preset(approach: str, domains: Sequence[str]) -> config.Preset:
    """The preset "tiny"; an approach between two domains takes the first two."""
    chosen = models.preset(approach, "tiny")
    if not hasattr(chosen.model, "pair"):
        return chosen
    pair = ",".join(domains[:2])
    return chosen._replace(model=dataclasses.replace(chosen.model, pair=pair))
