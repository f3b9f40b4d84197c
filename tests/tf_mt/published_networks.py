"""The published Universal Music Translation in NumPy, step by step, nothing fused.

Written from a description (approaches.md, B1), to hold ours against. A signal is
`[channels, samples]`, and tensors have the names that they were published with.
"""

import argparse
import collections

import numpy as np

from tests.tf_mt import torch_writer

SMALL = {
    "encoder_channels": 8,
    "encoder_blocks": 2,
    "encoder_layers": 3,
    "encoder_pool": 16,
    "latent_d": 5,
    "residual_channels": 8,
    "skip_channels": 8,
    "blocks": 2,
    "layers": 3,
}
# As deep as what was published, and thin.
DEEP = {
    "encoder_channels": 4,
    "encoder_blocks": 3,
    "encoder_layers": 10,
    "encoder_pool": 800,
    "latent_d": 3,
    "residual_channels": 4,
    "skip_channels": 4,
    "blocks": 4,
    "layers": 14,
}
DOMAINS = ("cello", "piano", "winds")


def arguments(sizes, **changes):
    """What args.pth tells of a training."""
    others = {"encoder_func": "relu", "kernel_size": 2, "lr": 1e-3}
    return argparse.Namespace(**{**others, **sizes, **changes})


def encoder_state(sizes, rng):
    channels = sizes["encoder_channels"]
    shapes = {"start": (channels, 1, 3), "conv_1x1": (sizes["latent_d"], channels, 1)}
    for layer in range(sizes["encoder_blocks"] * sizes["encoder_layers"]):
        shapes[f"dilated_convs.{layer}.dilated_conv"] = (channels, channels, 3)
        shapes[f"dilated_convs.{layer}.conv_1x1"] = (channels, channels, 1)
    return state(shapes, rng)


def decoder_state(sizes, rng):
    residual, skip = sizes["residual_channels"], sizes["skip_channels"]
    latent = sizes["latent_d"]
    shapes = {
        "first_conv": (residual, 1, 2),
        "skip_conv": (skip, residual, 1),
        "condition": (skip, latent, 1),
        "fc": (skip, skip, 1),
        "logits": (256, skip, 1),
    }
    for layer in range(sizes["blocks"] * sizes["layers"]):
        shapes[f"layers.{layer}.causal"] = (2 * residual, residual, 2)
        shapes[f"layers.{layer}.condition"] = (2 * residual, latent, 1)
        shapes[f"layers.{layer}.residual"] = (residual, residual, 1)
        shapes[f"layers.{layer}.skip"] = (skip, residual, 1)
    return state(shapes, rng)


def state(shapes, rng):
    """Random weights that keep signals at about their level."""
    tensors = collections.OrderedDict()
    for name, shape in shapes.items():
        level = 1 / np.sqrt(np.prod(shape[1:]))
        tensors[f"{name}.weight"] = rng.normal(0, level, shape).astype(np.float32)
        tensors[f"{name}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)
    tensors._metadata = collections.OrderedDict()
    return tensors


def write(folder, sizes, layout="stream", decoders=3, name="lastmodel", **changes):
    """Writes checkpoints as a training does; returns the states that are in them."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    encoder = encoder_state(sizes, rng)
    states = []
    for number in range(decoders):
        states.append({"encoder_state": encoder, "dataset": number})
        states[-1]["decoder_state"] = decoder_state(sizes, rng)
        torch_writer.save(folder / f"{name}_{number}.pth", states[-1], layout)
    told = arguments(sizes, **changes)
    torch_writer.save(folder / "args.pth", [told, 264], layout)
    return states


def convolve(x, tensors, name, dilation=1, left=0, right=0):
    weight, bias = (tensors[f"{name}.{kind}"] for kind in ("weight", "bias"))
    taps = weight.shape[2]
    x = np.pad(x, [(0, 0), (left, right)])
    samples = x.shape[1] - (taps - 1) * dilation
    made = bias[:, np.newaxis].astype(float)
    for tap in range(taps):
        made = made + weight[:, :, tap] @ x[:, tap * dilation :][:, :samples]
    return made


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def encode(codes, tensors, sizes):
    """Codes `[samples]` to the content `[latent, frames]`."""
    x = codes[np.newaxis] / 255 - 0.5
    x = convolve(x, tensors, "start", left=1, right=1)
    for layer in range(sizes["encoder_blocks"] * sizes["encoder_layers"]):
        name, far = f"dilated_convs.{layer}", 2 ** (layer % sizes["encoder_layers"])
        hidden = convolve(x, tensors, f"{name}.dilated_conv", far, left=far, right=far)
        x = x + convolve(relu(hidden), tensors, f"{name}.conv_1x1")
    x = convolve(x, tensors, "conv_1x1")
    return x.reshape(len(x), -1, sizes["encoder_pool"]).mean(axis=2)


def predict(codes, content, tensors, sizes):
    """Codes `[samples]` and a content code to logits `[256, samples]`."""
    x = codes[np.newaxis] / 255 - 0.5
    x = np.pad(x, [(0, 0), (1, 0)])[:, :-1]
    content = np.repeat(content, sizes["encoder_pool"], axis=1)
    x = convolve(x, tensors, "first_conv", left=1)
    skips = convolve(x, tensors, "skip_conv")
    for layer in range(sizes["blocks"] * sizes["layers"]):
        name, far = f"layers.{layer}", 2 ** (layer % sizes["layers"])
        driven = convolve(x, tensors, f"{name}.causal", far, left=far)
        driven = driven + convolve(content, tensors, f"{name}.condition")
        gate, filtered = np.split(driven, 2)
        passed = sigmoid(gate) * np.tanh(filtered)
        x = x + convolve(passed, tensors, f"{name}.residual")
        skips = skips + convolve(passed, tensors, f"{name}.skip")
    x = convolve(relu(skips), tensors, "fc") + convolve(content, tensors, "condition")
    return convolve(relu(x), tensors, "logits")
