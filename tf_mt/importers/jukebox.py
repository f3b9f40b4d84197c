"""The published VQ-VAE of openai/jukebox, and the run that it becomes.

Its file holds a dict with `model`, the tensors by name; what else is in it is not
looked at. A kernel there is `[out, in, size]`, or `[in, out, size]` where it
lengthens; both are here the other way round.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from tf_mt import atomic, config, dataset
from tf_mt.importers import shapes, torch_file
from tf_mt.layers import jukebox
from tf_mt.models.vqvae import configuration
from tf_mt.models.vqvae import model as vqvae
from tf_mt.training import run

LICENCE = "Noncommercial Use License of openai/jukebox"
DATASET = "jukebox published"
_WRAPPED = "module."


def make_run(checkpoint: Path, sample_rate_hz: int, folder: Path) -> vqvae.VqVae:
    """Makes a run of the published file, whole or not at all.

    Args:
        checkpoint: The file.
        sample_rate_hz: What it was trained on.
        folder: The new folder of the run.

    Returns:
        The model.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The folder exists, or what the file holds will not do.
    """
    if folder.exists():
        raise ValueError(f"run={str(folder)!r} exists; name a folder that does not.")
    tensors = _tensors(checkpoint)
    hparams = _hparams(tensors, checkpoint)
    info = dataset.DatasetInfo(DATASET, sample_rate_hz, (DATASET,))
    preset = config.Preset(hparams, configuration.PRESETS["paper"].training)
    settings = run.settings_of("vqvae", preset, info)
    settings["imported"] = {"files": [checkpoint.name], "licence": LICENCE}
    model = run.build(settings)
    _fill(model, tensors, checkpoint)
    with atomic.path(folder) as temporary:
        run.Run(temporary).settle(settings)
        run.Run(temporary).save(model, step=0, history=[])
    return model


def _tensors(path: Path) -> dict[str, np.ndarray]:
    match torch_file.load(path):
        case {"model": dict() as tensors}:
            return {
                name.removeprefix(_WRAPPED): values for name, values in tensors.items()
            }
    raise ValueError(
        f"checkpoint={str(path)!r} must hold 'model'; give the VQ-VAE of Jukebox "
        "(vqvae.pth.tar)."
    )


def _hparams(tensors: Mapping[str, np.ndarray], path: Path) -> configuration.Config:
    """The sizes of the networks, by the names and shapes of the tensors."""

    def count(pattern: str) -> int:
        numbers = [re.fullmatch(pattern, name) for name in tensors]
        return 1 + max((int(found[1]) for found in numbers if found), default=-1)

    def halvings(level: int) -> int:
        return count(
            rf"encoders\.{level}\.level_blocks\.{level}\.model\.(\d+)\.0\.weight"
        )

    def depth(level: int) -> int:
        return count(
            rf"encoders\.{level}\.level_blocks\.0\.model\.0\.1\.model\.(\d+)\..*"
        )

    def width(level: int) -> int:
        kernel = f"encoders.{level}.level_blocks.0.model.0.0.weight"
        return np.shape(tensors[kernel])[0]

    levels = count(r"encoders\.(\d+)\..*")
    try:
        codes = np.shape(tensors["bottleneck.level_blocks.0.k"])[0]
        further = min(1, levels - 1)
        return configuration.Config(
            levels=levels,
            first_halvings=halvings(0),
            further_halvings=halvings(further),
            first_width=width(0),
            first_depth=depth(0),
            width=width(further),
            depth=depth(further),
            codes=codes,
            level=levels - 1,
        )
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"checkpoint={str(path)!r} is not of Jukebox's VQ-VAE ({error}); give "
            "vqvae.pth.tar."
        ) from error


def _fill(model: vqvae.VqVae, tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """Gives a model the tensors, which have to be these and no others."""
    named: dict[str, keras.Variable] = {}
    for number, level in enumerate(model.levels):
        halvings = model.hparams.halvings(number)
        depth = model.hparams.sizes(number)[1]
        pairs = [
            *zip(level.encoder, _of_encoder(halvings, depth), strict=True),
            *zip(level.decoder, _of_decoder(halvings, depth), strict=True),
        ]
        for layer, names in pairs:
            for part, name in zip(_convolutions(layer), names, strict=True):
                place = name.format(level=number)
                named[f"{place}.weight"] = part.kernel
                named[f"{place}.bias"] = part.bias
        codes = model.codebooks[number]
        named[f"bottleneck.level_blocks.{number}.k"] = codes.codes
    wrong = shapes.first_mismatch(
        {
            name: _other_way_round(name, np.empty(v.shape)).shape
            for name, v in named.items()
        },
        tensors,
    )
    if wrong is not None:
        raise ValueError(
            f"checkpoint={str(path)!r}: {wrong.name} is {wrong.found}, but should be "
            f"{wrong.wanted}; give vqvae.pth.tar of Jukebox."
        )
    for name, variable in named.items():
        variable.assign(_other_way_round(name, np.asarray(tensors[name], np.float32)))
    for codes in model.codebooks:
        # As published code goes on training: as if each code had one feature.
        codes.counts.assign(np.ones(codes.counts.shape, np.float32))
        codes.sums.assign(codes.codes)
    model.averages.begin()


def _other_way_round(name: str, values: np.ndarray) -> np.ndarray:
    """Values as they are there, of values as they are here, and the reverse."""
    return values if name.endswith(".k") else values.T


def _convolutions(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    if isinstance(layer, jukebox.ResidualLayer):
        return [layer.dilated, layer.mixing]
    if isinstance(layer, jukebox.Halving):
        return [layer.convolution]
    return [layer]


def _residual(place: str, depth: int) -> Iterator[Sequence[str]]:
    """Names of the convolutions of residual layers; activations lie between."""
    for number in range(depth):
        yield [f"{place}.model.{number}.model.{part}" for part in (1, 3)]


def _of_encoder(halvings: Sequence[int], depth: int) -> Iterator[Sequence[str]]:
    """Names of the convolutions of each layer of `jukebox.encoder`, in its order."""
    for block, count in enumerate(halvings):
        place = f"encoders.{{level}}.level_blocks.{block}.model"
        for number in range(count):
            yield [f"{place}.{number}.0"]
            yield from _residual(f"{place}.{number}.1", depth)
        yield [f"{place}.{count}"]


def _of_decoder(halvings: Sequence[int], depth: int) -> Iterator[Sequence[str]]:
    """The same of `jukebox.decoder`."""
    for block, count in reversed([*enumerate(halvings)]):
        place = f"decoders.{{level}}.level_blocks.{block}.model"
        yield [f"{place}.0"]
        for number in range(1, count + 1):
            yield from _residual(f"{place}.{number}.0", depth)
            yield [f"{place}.{number}.1"]
    yield ["decoders.{level}.out"]
