"""Latent play: codes at random, codes between two clips, timbres between two domains.

Codes are those of the VAE-GAN, float32 `[windows, frames, ..., channels]`: windows of a
recording that overlap by half, and in rank 2 an axis of bands before the channels.
"""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tqdm

from tf_mt import names
from tf_mt.audio import files
from tf_mt.models.vae_gan import decoding
from tf_mt.models.vae_gan import model as vae_gan
from tf_mt.training import run

APPROACH = "vae_gan"

# Of neighbouring frames in a random code; those of real clips correlate as much.
CORRELATION = 0.5

# Angle in radians below which, to float32, a circle is a line.
_SMALLEST_ANGLE = 1e-3


def linear(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Mixes two arrays of one shape; `share` is that of the end, in [0, 1]."""
    return (1.0 - share) * start + share * end


def spherical(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Goes from one code to another on a circle around zero, window by window.

    Shoemake 1985. Between windows of one norm it keeps that norm, where the linear way
    comes nearer to zero than any real code is. Where two windows point in one
    direction or in opposite ones, or one is zero, the way is the linear one.

    Args:
        start: Code `[windows, ...]`.
        end: Code of the same shape.
        share: How much of the angle is gone, in [0, 1].

    Returns:
        A code of the same shape.
    """
    axes = tuple(range(1, start.ndim))
    norms = [np.sqrt(np.sum(np.square(x), axes, keepdims=True)) for x in (start, end)]
    product = norms[0] * norms[1]
    cosine = np.sum(start * end, axes, keepdims=True) / np.where(product, product, 1.0)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    curved = (product > 0.0) & (np.sin(angle) > _SMALLEST_ANGLE)
    sine = np.where(curved, np.sin(angle), 1.0)
    of_start = np.where(curved, np.sin((1.0 - share) * angle) / sine, 1.0 - share)
    of_end = np.where(curved, np.sin(share * angle) / sine, share)
    return of_start * start + of_end * end


WAYS = {"linear": linear, "spherical": spherical}


def random_code(shape: tuple[int, ...], seed: int | list[int]) -> np.ndarray:
    """Draws a code from the prior: standard normal, and smooth as music is.

    White noise would change at random from frame to frame. Neighbouring frames (and
    bands) correlate by `CORRELATION`, channels do not, and windows agree where they
    overlap.

    Args:
        shape: `[windows, frames, ..., channels]`, with an even number of frames.
        seed: The same seed gives the same code.

    Returns:
        float32 of that shape.
    """
    windows, frames, *others = shape
    half = frames // 2
    noise = np.random.default_rng(seed).standard_normal(
        ((windows + 1) * half, *others), np.float32
    )
    for axis in range(noise.ndim - 1):
        _correlate(np.moveaxis(noise, axis, 0))
    return np.stack([noise[k * half :][:frames] for k in range(windows)])


def _correlate(noise: np.ndarray) -> None:
    """Makes white noise autoregressive along its first axis; its variance stays."""
    fresh = math.sqrt(1.0 - CORRELATION**2)
    for before, now in itertools.pairwise(noise):
        now[...] = CORRELATION * before + fresh * now


def load(path: Path) -> vae_gan.VaeGan:
    """Returns the model of a run, with its newest weights.

    Raises:
        FileNotFoundError: The folder holds no run, or no checkpoint yet.
        ValueError: The approach has no code to explore.
    """
    approach = run.Run(path).settings()["approach"]
    if approach != APPROACH:
        raise ValueError(
            f"run={path} has no code to explore, for its approach is {approach}; give "
            f"a run of {APPROACH}."
        )
    return run.load_model(path)


def domain_number(model: vae_gan.VaeGan, domain: str) -> int:
    """Returns the number of a domain.

    Raises:
        ValueError: There is none of that name; the message lists those there are.
    """
    if domain not in model.info.domains:
        raise ValueError(names.unknown("domain", domain, model.info.domains))
    return model.info.domains.index(domain)


def read(model: vae_gan.VaeGan, path: Path, seconds: float) -> np.ndarray:
    """Reads the beginning of a file: float32 `[samples]` at the model's rate."""
    rate_hz = model.info.sample_rate_hz
    return next(files.blocks(path, rate_hz, _samples(model, seconds)))


def points(
    model: vae_gan.VaeGan, domain: int, count: int, seconds: float, seed: int
) -> dict[str, np.ndarray]:
    """Plays codes that are drawn at random.

    Args:
        model: Decodes them.
        domain: Number of the domain that plays.
        count: How many.
        seconds: Length of each.
        seed: The first codes are the same whatever the count.

    Returns:
        float32 `[samples]` by the number of the draw.
    """
    silence = np.zeros(_samples(model, seconds), np.float32)
    shape = _encode(model, silence).code.shape[1:]
    timbre = model.timbre(tf.constant([domain]))
    sounds = {}
    for point in tqdm.trange(count, desc="points", unit="sound"):
        code = random_code(shape, [seed, point])
        played = model.decode(decoding.Content(code[np.newaxis], None), timbre)
        sounds[f"{point:03d}"] = played[0, : len(silence)].numpy()
    return sounds


def way(
    model: vae_gan.VaeGan,
    mix: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
    clips: tuple[np.ndarray, np.ndarray],
    domains: tuple[int, int],
    steps: int,
) -> dict[str, np.ndarray]:
    """Plays what lies between two clips, between two domains, or both at once.

    The log-mels of two domains are mixed, so that every kind of generator can be
    blended. Griffin-Lim starts from the phase of the two clips mixed in the shares of
    their codes. At both ends that is the clip's own, as in a translation; between them
    it keeps steady notes of both clips steadier than the phase of one, or none, would.

    Args:
        model: Encodes and decodes.
        mix: How codes are mixed: one of `WAYS`.
        clips: From which clip to which: float32 `[samples]` each; what the longer has
            more is left out.
        domains: From which domain's number to which.
        steps: Sounds on the way, both ends included; at least 2.

    Returns:
        float32 `[samples]` by the share of the end, "0.00" to "1.00".
    """
    samples = min(len(clip) for clip in clips)
    clips = [clip[:samples] for clip in clips]
    codes = [_encode(model, clip).code[0].numpy() for clip in clips]
    sounds = {}
    shares = np.linspace(0.0, 1.0, steps).tolist()
    for share in tqdm.tqdm(shares, mix.__name__, unit="sound"):
        code = tf.constant(mix(*codes, share)[np.newaxis], tf.float32)
        phase = _encode(model, linear(*clips, share)).phase
        log_mels = [
            model.decode_spectrogram(code, model.timbre(tf.constant([domain])))
            for domain in domains
        ]
        played = model.synthesise(linear(*log_mels, share), phase)
        sounds[f"{share:.2f}"] = played[0, :samples].numpy()
    return sounds


def _samples(model: vae_gan.VaeGan, seconds: float) -> int:
    return max(1, round(seconds * model.info.sample_rate_hz))


def _encode(model: vae_gan.VaeGan, clip: np.ndarray) -> decoding.Content:
    whole = np.pad(clip, (0, -len(clip) % model.hop_samples))
    return model.encode(tf.constant(whole[np.newaxis], tf.float32))
