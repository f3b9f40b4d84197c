"""Checkpoints of facebookresearch/music-translation, and the run that they become.

```
args.pth              a list, first of it the arguments of the training
lastmodel_<id>.pth    of each decoder: encoder_state, decoder_state, and more
bestmodel_<id>.pth    the same, of the time when that decoder was best
```
"""

import contextlib
import dataclasses
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from tf_mt import atomic, config, dataset, names
from tf_mt.importers import torch_file, umt_layers
from tf_mt.models import umt
from tf_mt.training import run

LICENCE = "CC BY-NC 4.0"


def find(folder: Path, name: str) -> dict[int, Path]:
    """Finds the files of the decoders.

    Args:
        folder: Where they are.
        name: The first part of their names.

    Returns:
        Those of that name, by their ids and in their order.

    Raises:
        FileNotFoundError: There is none at all.
        ValueError: There are only others.
    """
    found: dict[str, dict[int, Path]] = {}
    for path in folder.glob("*.pth"):
        if match := re.fullmatch(r"(.+)_(\d+)\.pth", path.name):
            found.setdefault(match[1], {})[int(match[2])] = path
    if not found:
        raise FileNotFoundError(
            f"checkpoints={str(folder)!r} must be a folder with <name>_<id>.pth; "
            "give the one that the published archive was unpacked to."
        )
    if name not in found:
        raise ValueError(names.unknown("name", name, found))
    return dict(sorted(found[name].items()))


def make_run(
    found: Mapping[int, Path],
    domains: Sequence[str],
    sample_rate_hz: int,
    folder: Path,
) -> list[str]:
    """Makes a run of them, whole or not at all.

    Args:
        found: Files as `find` gives them; `args.pth` lies beside.
        domains: The domain of each.
        sample_rate_hz: What they were trained on.
        folder: The new folder of the run.

    Returns:
        What each decoder was trained on, as far as the files tell.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The folder exists, the domains are not as many, or what the files
            hold will not do.
    """
    if folder.exists():
        raise ValueError(f"run={str(folder)!r} exists; name a folder that does not.")
    files = [*found.values()]
    _check_domains(domains, files)
    described = files[0].with_name("args.pth")
    arguments = _arguments(described)
    with _naming(described):
        hparams = umt_layers.hparams(arguments)
    training = dataclasses.replace(umt.PRESETS["paper"].training, precision="float32")
    info = dataset.DatasetInfo("umt published", sample_rate_hz, tuple(domains))
    settings = run.settings_of("umt", config.Preset(hparams, training), info)
    settings["imported"] = {
        "files": [path.name for path in files],
        "licence": LICENCE,
    }
    model = run.build(settings)
    _fill(model, files)
    with atomic.path(folder) as temporary:
        run.Run(temporary).settle(settings)
        run.Run(temporary).save(model, step=0, history=[])
    data = dict(enumerate(arguments.get("data", ())))
    return [data.get(number, "unknown") for number in found]


def _check_domains(domains: Sequence[str], files: Sequence[Path]) -> None:
    if len(domains) != len(files):
        raise ValueError(
            f"domains={','.join(domains)} must be one for each of "
            f"{', '.join(path.name for path in files)}; give {len(files)}."
        )
    if len({*domains}) != len(domains):
        raise ValueError(f"domains={','.join(domains)} must all be different.")


def _arguments(path: Path) -> Mapping[str, Any]:
    """What the training was begun with."""
    match torch_file.load(path):
        case [types.SimpleNamespace() as arguments, *_]:
            return vars(arguments)
    raise ValueError(
        f"file={str(path)!r} must hold the arguments of a training; give the args.pth "
        "that was saved beside the checkpoints."
    )


def _states(path: Path) -> list[Mapping[str, np.ndarray]]:
    """The tensors of encoder and decoder."""
    match torch_file.load(path):
        case {"encoder_state": dict() as encoder, "decoder_state": dict() as decoder}:
            return [encoder, decoder]
    raise ValueError(
        f"file={str(path)!r} must hold encoder_state and decoder_state; give a "
        "checkpoint of music-translation."
    )


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Says in errors which file they are about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"file={str(path)!r}: {error}") from error


def _fill(model: umt.Umt, files: Sequence[Path]) -> None:
    """Gives a model the decoder of each file, and the encoder of the first."""
    encoders, decoders = zip(*map(_states, files), strict=True)
    with _naming(files[0]):
        umt_layers.fill_encoder(model.encoder[0], encoders[0])
    for decoder, path, tensors in zip(model.decoders, files, decoders, strict=True):
        with _naming(path):
            umt_layers.fill_decoder(decoder, tensors)
    others = [
        path.name
        for path, tensors in zip(files, encoders, strict=True)
        if not _equal(tensors, encoders[0])
    ]
    if others:
        # The best of each decoder may be of different times.
        logging.warning(
            "The encoder of %s is used for all, but %s was trained with another.",
            files[0].name,
            ", ".join(others),
        )


def _equal(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(values, other[name]) for name, values in one.items()
    )
