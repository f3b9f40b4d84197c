"""The latent space of a VAE-GAN: sampling, interpolation of clips and of domains.

Codes are those of the VAE-GAN, float32 `[windows, frames, ..., channels]`: windows of a
recording that overlap by half, and in rank 2 an axis of bands before the channels.
"""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_mt import names, progress
from tf_mt.audio import files
from tf_mt.models.vae_gan import decoding
from tf_mt.models.vae_gan import model as vae_gan
from tf_mt.training import run

APPROACH = "vae_gan"

# Of neighbouring frames in a random code; those of real clips correlate as much.
CORRELATION = 0.5

# Angle in radians below which, to float32, a circle is a line.
_SMALLEST_ANGLE = 1e-3


def linear(start: np.ndarray, end: np.ndarray, weight: float) -> np.ndarray:
    """Interpolates linearly between two arrays of one shape.

    Args:
        start: Any shape.
        end: The same shape.
        weight: Of the end, in [0, 1].

    Returns:
        `(1 - weight) * start + weight * end`.
    """
    return (1.0 - weight) * start + weight * end


def spherical(start: np.ndarray, end: np.ndarray, weight: float) -> np.ndarray:
    """Interpolates spherically between two codes, window by window (Shoemake 1985).

    Between windows of one norm it keeps that norm, where linear interpolation comes
    nearer to zero than any encoded clip. Where two windows have the same direction or
    opposite ones, or one is zero, the interpolation is linear.

    Args:
        start: Code `[windows, ...]`.
        end: Code of the same shape.
        weight: Of the end: the fraction of the angle between the two, in [0, 1].

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
    of_start = np.where(curved, np.sin((1.0 - weight) * angle) / sine, 1.0 - weight)
    of_end = np.where(curved, np.sin(weight * angle) / sine, weight)
    return of_start * start + of_end * end


INTERPOLATIONS = {"linear": linear, "spherical": spherical}


def random_code(shape: tuple[int, ...], seed: int | list[int]) -> np.ndarray:
    """Draws a code from the prior: standard normal, correlated over time.

    Neighbouring frames (and bands) have the correlation `CORRELATION`, as encoded
    music has and white noise has not; channels are independent, and windows agree where
    they overlap.

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
        ValueError: The approach has no latent space to explore.
    """
    approach = run.approach_of(run.Run(path).settings())
    if approach != APPROACH:
        raise ValueError(
            f"run={path} has no latent space to explore: its approach is {approach}; "
            f"give a run of {APPROACH}."
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
    """Decodes codes that are drawn from the prior.

    Args:
        model: Decodes them.
        domain: Number of the domain whose timbre they get.
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
    for point in progress.bar(range(count), desc="points", unit="sound"):
        code = random_code(shape, [seed, point])
        decoded = model.decode(decoding.Content(code[np.newaxis], None), timbre)
        sounds[f"{point:03d}"] = decoded[0, : len(silence)].numpy()
    return sounds


def interpolate(
    model: vae_gan.VaeGan,
    interpolation: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
    clips: tuple[np.ndarray, np.ndarray],
    domains: tuple[int, int],
    steps: int,
) -> dict[str, np.ndarray]:
    """Interpolates between two clips, between two domains, or both at once.

    Codes are interpolated as asked, the log-mel spectrograms of two domains linearly,
    which works for every kind of generator. Griffin-Lim starts from the phase of the
    linear mixture of the two clips by the same weights. At both ends that is the clip's
    own phase, as in a translation; in between, sustained notes of both clips fluctuate
    less than from the phase of one clip, or from none.

    Args:
        model: Encodes and decodes.
        interpolation: Of codes: a value of `INTERPOLATIONS`.
        clips: Start and end, float32 `[samples]`; the longer one is cut to the length
            of the other.
        domains: Numbers of the domains at the start and at the end.
        steps: How many points, both ends included; at least 2.

    Returns:
        float32 `[samples]` by the weight of the end, "0.00" to "1.00".
    """
    samples = min(len(clip) for clip in clips)
    clips = [clip[:samples] for clip in clips]
    codes = [_encode(model, clip).code[0].numpy() for clip in clips]
    sounds = {}
    weights = np.linspace(0.0, 1.0, steps).tolist()
    for weight in progress.bar(weights, desc=interpolation.__name__, unit="sound"):
        code = tf.constant(interpolation(*codes, weight)[np.newaxis], tf.float32)
        phase = _encode(model, linear(*clips, weight)).phase
        log_mels = [
            model.decode_spectrogram(code, model.timbre(tf.constant([domain])))
            for domain in domains
        ]
        decoded = model.synthesise(linear(*log_mels, weight), phase)
        sounds[f"{weight:.2f}"] = decoded[0, :samples].numpy()
    return sounds


def _samples(model: vae_gan.VaeGan, seconds: float) -> int:
    return max(1, round(seconds * model.info.sample_rate_hz))


def _encode(model: vae_gan.VaeGan, clip: np.ndarray) -> decoding.Content:
    whole = np.pad(clip, (0, -len(clip) % model.hop_samples))
    return model.encode(tf.constant(whole[np.newaxis], tf.float32))
