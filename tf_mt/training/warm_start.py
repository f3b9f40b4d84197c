"""Warm start: a training that is initialised from another run's weights."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf_mt import config, dataset, names
from tf_mt.models import translator
from tf_mt.training import run

# Terms that hold domains against each other make no sense where only one learns.
_BETWEEN_DOMAINS = ("paired", "confusion")


def widened(
    path: Path, approach: str, data: dataset.DatasetInfo, domain: str
) -> tuple[config.Config, dataset.DatasetInfo]:
    """What a run becomes with one domain more.

    Args:
        path: The run.
        approach: The approach that the new run is to be of.
        data: What is trained on; it has the domain, and may have others.
        domain: The domain that is added.

    Returns:
        Its configuration, without the terms that need several domains; and its
        domains, the new one the last.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If the run is of another approach or rate, or the domain is not
            new, or not in the dataset.
    """
    settings = run.Run(path).settings()
    if settings["approach"] != approach:
        raise ValueError(
            f"approach={approach!r} must be that of init_from={str(path)!r}, "
            f"{settings['approach']!r}, to add a domain to it."
        )
    old = run.info_of(settings)
    if domain not in data.domains:
        raise ValueError(names.unknown("add_domain", domain, data.domains))
    if domain in old.domains:
        raise ValueError(
            f"add_domain={domain!r} is one of init_from={str(path)!r} already: "
            f"{', '.join(old.domains)}."
        )
    if data.sample_rate_hz != old.sample_rate_hz:
        raise ValueError(
            f"the dataset has {data.sample_rate_hz} Hz, but init_from={str(path)!r} is "
            f"for {old.sample_rate_hz} Hz; convert the data with that --sample_rate."
        )
    hparams = run.config_of(path)
    weights = {
        term: 0.0 if term in _BETWEEN_DOMAINS else weight
        for term, weight in hparams.weights.items()
    }
    return dataclasses.replace(hparams, weights=weights), dataclasses.replace(
        old, name=f"{old.name} and {data.name}", domains=(*old.domains, domain)
    )


def begin(model: translator.Translator, settings: Mapping[str, Any]) -> None:
    """Gives an untrained model the weights that its run begins from, if any.

    Args:
        model: The model.
        settings: Those of its run.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If its weights do not fit.
    """
    if "init_from" in settings:
        model.initialise_from(run.load_model(Path(settings["init_from"])))
        if "add_domain" in settings:
            model.freeze_all_but(settings["add_domain"])
