"""Copies published weights of facebookresearch/music-translation into `umt`'s layers.

Its networks are ours; `python -m tf_mt.import_umt` brings them over. A kernel there is
`[out, in, size]`, here `[size, in, out]`. What is computed at once here, all
conditions of a decoder, and what goes on and what is skipped, is in parts there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tf_mt.importers import shapes
from tf_mt.layers import wavenet
from tf_mt.models import umt

# Names of tensors, less ".weight" or ".bias", that one of our layers has side by side.
_Parts = Sequence[tuple[keras.Layer, Sequence[str]]]


def hparams(arguments: Mapping[str, Any]) -> umt.Config:
    """Our configuration of a network.

    Args:
        arguments: What its training was begun with.

    Raises:
        ValueError: One is missing, or our networks cannot be like that.
    """
    known = {"encoder_pool": 800, **arguments}
    try:
        fixed = {
            "encoder_func": "relu",
            "kernel_size": 2,
            "skip_channels": known["residual_channels"],
        }
        for name, value in fixed.items():
            if known[name] != value:
                raise ValueError(
                    f"{name}={known[name]!r} must be {value!r}, for networks here have "
                    "no other; train one of your own (python -m tf_mt.train)."
                )
        return umt.Config(
            channels=known["encoder_channels"],
            encoder_blocks=known["encoder_blocks"],
            encoder_layers=known["encoder_layers"],
            latent=known["latent_d"],
            hop=known["encoder_pool"],
            decoder_channels=known["residual_channels"],
            decoder_blocks=known["blocks"],
            decoder_layers=known["layers"],
            # The classifier is of no use to what has been trained.
            weights={"confusion": 0.0},
        )
    except KeyError as error:
        raise ValueError(
            f"the arguments lack {error}; give the args.pth of that training."
        ) from error


def fill_encoder(encoder: wavenet.Encoder, tensors: Mapping[str, np.ndarray]) -> None:
    """Gives an encoder the published weights.

    Args:
        encoder: Ours.
        tensors: Those of the published one, by name.

    Raises:
        ValueError: They are not those of an encoder of that size; says which.
    """
    parts = [(encoder.first, ["start"]), (encoder.last, ["conv_1x1"])]
    layers = zip(encoder.dilated, encoder.mixing, strict=True)
    for number, (dilated, mixing) in enumerate(layers):
        place = f"dilated_convs.{number}"
        parts += [
            (dilated, [f"{place}.dilated_conv"]),
            (mixing, [f"{place}.conv_1x1"]),
        ]
    _fill("encoder", parts, tensors)


def fill_decoder(decoder: wavenet.Decoder, tensors: Mapping[str, np.ndarray]) -> None:
    """Gives a decoder the published weights; see `fill_encoder`."""
    places = [f"layers.{number}" for number in range(len(decoder.dilations))]
    parts = [
        (decoder.first, ["first_conv"]),
        (decoder.first_skip, ["skip_conv"]),
        (decoder.conditions, [f"{place}.condition" for place in places]),
        (decoder.head, ["fc"]),
        (decoder.head_condition, ["condition"]),
        (decoder.last, ["logits"]),
    ]
    layers = zip(places, decoder.dilated, decoder.mixing, strict=True)
    for place, dilated, mixing in layers:
        parts += [
            (dilated, [f"{place}.causal"]),
            (mixing, [f"{place}.residual", f"{place}.skip"]),
        ]
    _fill("decoder", parts, tensors)


def _fill(what: str, parts: _Parts, tensors: Mapping[str, np.ndarray]) -> None:
    """Gives layers their tensors, which have to be these and no others."""
    wanted = {}
    for layer, names in parts:
        # A dense layer is a convolution of size 1.
        size, inputs, outputs = (1, *layer.kernel.shape)[-3:]
        for name in names:
            wanted[f"{name}.weight"] = (outputs // len(names), inputs, size)
            wanted[f"{name}.bias"] = (outputs // len(names),)
    _check(what, wanted, tensors)
    for layer, names in parts:
        kernel = np.concatenate([tensors[f"{name}.weight"] for name in names]).T
        bias = np.concatenate([tensors[f"{name}.bias"] for name in names])
        layer.set_weights([kernel.reshape(layer.kernel.shape), bias])


def _check(
    what: str,
    wanted: Mapping[str, tuple[int, ...]],
    tensors: Mapping[str, np.ndarray],
) -> None:
    """Holds tensors against the shapes that they should have."""
    wrong = shapes.first_mismatch(wanted, tensors)
    if wrong is not None:
        raise ValueError(
            f"the {what}'s {wrong.name} is {wrong.found}, but by args.pth it should be "
            f"{wrong.wanted}; give files of one training."
        )
