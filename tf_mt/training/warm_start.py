"""Warm start: a training that is initialised from another run's weights.

What a run keeps of the other one, its parent, is in its settings under `init_from`: the
path for information, a hash of the weights, and what makes an untrained model of it.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf_mt import config, dataset, names
from tf_mt.models import translator
from tf_mt.training import run

# Terms that hold domains against each other make no sense where only one learns.
_BETWEEN_DOMAINS = ("paired", "confusion")


def parent_of(folder: run.Run, path: Path) -> dict[str, Any]:
    """Returns what a run keeps of its parent.

    Args:
        folder: The run.
        path: Its parent, which need not be there any more if the run has a checkpoint.

    Raises:
        FileNotFoundError: There is no such parent, or it has no checkpoint yet.
    """
    parent = run.Run(path)
    try:
        settings, weights = parent.settings(), parent.weights()
    except FileNotFoundError:
        kept = folder.settings().get("init_from") if folder.has_checkpoint else None
        if kept is None:
            raise
        return kept
    with weights.open("rb") as file:
        weights_hash = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "run": str(path),
        "weights_sha256": weights_hash,
        "approach": run.approach_of(settings),
        "model": settings["model"],
        "dataset": settings["dataset"],
    }


def widened(
    parent: Mapping[str, Any],
    approach: str,
    data: dataset.DatasetInfo,
    domain: str,
) -> tuple[config.Config, dataset.DatasetInfo]:
    """What a run becomes with one domain more.

    Args:
        parent: What is kept of the run, from `parent_of`.
        approach: The approach that the new run is to be of.
        data: What is trained on; it has the domain, and may have others.
        domain: The domain that is added.

    Returns:
        Its configuration, without the terms that need several domains; and its
        domains, the new one the last.

    Raises:
        ValueError: If the run is of another approach or rate, or the domain is not
            new, or not in the dataset.
    """
    path = parent["run"]
    if parent["approach"] != approach:
        raise ValueError(
            f"approach={approach!r} must be that of init_from={path!r}, "
            f"{parent['approach']!r}, to add a domain to it."
        )
    old = run.info_of(parent)
    if domain not in data.domains:
        raise ValueError(names.unknown("add_domain", domain, data.domains))
    if domain in old.domains:
        raise ValueError(
            f"add_domain={domain!r} is one of init_from={path!r} already: "
            f"{', '.join(old.domains)}."
        )
    if data.sample_rate_hz != old.sample_rate_hz:
        raise ValueError(
            f"the dataset has {data.sample_rate_hz} Hz, but init_from={path!r} is "
            f"for {old.sample_rate_hz} Hz; convert the data with that --sample_rate."
        )
    hparams = run.config_of(parent)
    weights = {
        term: 0.0 if term in _BETWEEN_DOMAINS else weight
        for term, weight in hparams.weights.items()
    }
    return dataclasses.replace(hparams, weights=weights), dataclasses.replace(
        old, name=f"{old.name} and {data.name}", domains=(*old.domains, domain)
    )


def begin(
    model: translator.Translator, settings: Mapping[str, Any], folder: run.Run
) -> None:
    """Gives an untrained model the weights that its run begins from, if any.

    If the run has a checkpoint, which holds all weights, its parent is not loaded:
    which layers are the parent's is found with an untrained model in its place.

    Args:
        model: The model.
        settings: Those of its run.
        folder: The run.

    Raises:
        FileNotFoundError: If there is no such parent.
        ValueError: If its weights do not fit, or the approach needs some and there are
            none.
    """
    if model.begins_from and "init_from" not in settings:
        raise ValueError(
            f"approach={settings['approach']!r} begins from a trained run of "
            f"{model.begins_from!r}; give --init_from=RUN of such a run."
        )
    if "init_from" in settings:
        parent = settings["init_from"]
        model.initialise_from(
            run.build(parent)
            if folder.has_checkpoint
            else run.load_model(Path(parent["run"]))
        )
        if "add_domain" in settings:
            model.freeze_all_but(settings["add_domain"])
