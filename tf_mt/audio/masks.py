"""Time and frequency masks over spectrograms, for training (SpecAugment).

Park et al. 2019. The masks are those of tensorflow-io, which no other file imports.
"""

import itertools
import types
import warnings
from collections.abc import Callable

import tensorflow as tf


def time_mask(
    spectrograms: tf.Tensor, largest_frames: int, seeds: tf.Tensor, silence: float
) -> tf.Tensor:
    """Silences some neighbouring frames of each spectrogram, never the last one.

    Args:
        spectrograms: float `[batch, frames, bands]`.
        largest_frames: How many frames are silenced at most; fewer than there are.
        seeds: int32 `[batch, 2]`; a spectrogram's mask depends on its seed alone.
        silence: What a silenced frame holds.

    Returns:
        The shape and dtype of `spectrograms`.

    Raises:
        ValueError: tensorflow-io is not installed.
    """
    mask = _tensorflow_io().audio.time_mask
    return _masked(mask, spectrograms, largest_frames, seeds, silence)


def freq_mask(
    spectrograms: tf.Tensor, largest_bands: int, seeds: tf.Tensor, silence: float
) -> tf.Tensor:
    """Silences some neighbouring bands of each spectrogram, never the highest one.

    Args:
        spectrograms: float `[batch, frames, bands]`.
        largest_bands: How many bands are silenced at most; fewer than there are.
        seeds: int32 `[batch, 2]`; a spectrogram's mask depends on its seed alone.
        silence: What a silenced band holds.

    Returns:
        The shape and dtype of `spectrograms`.

    Raises:
        ValueError: tensorflow-io is not installed.
    """
    mask = _tensorflow_io().audio.freq_mask
    return _masked(mask, spectrograms, largest_bands, seeds, silence)


def require() -> None:
    """Makes sure, before anything is begun, that the masks can be used.

    Raises:
        ValueError: tensorflow-io is not installed.
    """
    _tensorflow_io()


def _masked(
    mask: Callable,
    spectrograms: tf.Tensor,
    largest: int,
    seeds: tf.Tensor,
    silence: float,
) -> tf.Tensor:
    def one(row: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        spectrogram, seed = row
        # A mask writes zeros, which ones tell from what the spectrogram holds; the
        # width that it draws is below its argument.
        kept = _seeded(mask, seed)(tf.ones_like(spectrogram), largest + 1)
        return tf.where(kept > 0, spectrogram, tf.cast(silence, spectrogram.dtype))

    like = tf.TensorSpec(spectrograms.shape[1:], spectrograms.dtype)
    return tf.map_fn(one, (spectrograms, seeds), fn_output_signature=like)


def _seeded(mask: Callable, seed: tf.Tensor) -> Callable:
    """Returns the same mask over a TensorFlow whose `random.uniform` has a seed.

    Tensorflow-io's own draws from a hidden state, which no checkpoint holds, so that a
    run could not be resumed exactly.
    """
    draws = itertools.count()

    def uniform(shape, minval, maxval, dtype):
        of_draw = tf.random.fold_in(seed, next(draws))
        return tf.random.stateless_uniform(shape, of_draw, minval, maxval, dtype)

    stateless = types.SimpleNamespace(**vars(tf))
    stateless.random = types.SimpleNamespace(uniform=uniform)
    return types.FunctionType(
        mask.__code__, {"tf": stateless}, argdefs=mask.__defaults__
    )


def _tensorflow_io() -> types.ModuleType:
    try:
        with warnings.catch_warnings():
            # Its native libraries fit no recent TensorFlow; the masks are pure Python.
            warnings.simplefilter("ignore", UserWarning)
            import tensorflow_io
    except ImportError as error:
        raise ValueError(
            "Masks need tensorflow-io, which is not installed and has no wheel for "
            "Python 3.13 or later; train without masks, or on Python 3.11 or 3.12 "
            "after `pip install 'tf_mt[train]'`."
        ) from error
    return tensorflow_io
