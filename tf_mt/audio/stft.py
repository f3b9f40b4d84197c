"""The short-time Fourier transform and its exact inverse.

A recording of `frames * hop` samples has exactly `frames` frames: it is framed as if
`(n_fft - hop) / 2` zeros stood on either side, so that frame k is centred on the k-th
`hop` samples. The window is the periodic Hann window.

`n_fft` is a multiple of `hop`, so a frame is a row of neighbouring blocks of `hop`
samples, and both directions work on blocks: the padded signal as `[..., blocks, hop]`
with `blocks = frames + n_fft / hop - 1`.
"""

import numpy as np
import tensorflow as tf


def stft(audio: tf.Tensor, n_fft: int, hop: int) -> tf.Tensor:
    """The short-time Fourier transform.

    Args:
        audio: float32 `[..., samples]`; samples is a multiple of `hop`.
        n_fft: Samples in a frame; a multiple of `hop`, twice `hop` or more.
        hop: Samples from one frame to the next.

    Returns:
        complex64 `[..., samples / hop, n_fft / 2 + 1]`.

    Raises:
        ValueError: If `n_fft` and `hop` do not fit each other, or the length is known
            when the graph is built and is not a multiple of `hop`.
    """
    check_sizes(n_fft, hop)
    samples = audio.shape[-1]
    if samples is not None and samples % hop:
        raise ValueError(
            f"samples={samples} must be a multiple of hop={hop}; pad with zeros."
        )
    return analyse(to_blocks(audio, n_fft, hop), n_fft)


def istft(spectrum: tf.Tensor, n_fft: int, hop: int) -> tf.Tensor:
    """The inverse of `stft`, exact at every sample.

    For a spectrum that is not the transform of any signal, this is the signal whose
    transform is nearest in least squares (Griffin and Lim 1984, equation 6).

    Args:
        spectrum: complex64 `[..., frames, n_fft / 2 + 1]`.
        n_fft: Samples in a frame; a multiple of `hop`, twice `hop` or more.
        hop: Samples from one frame to the next.

    Returns:
        float32 `[..., frames * hop]`.

    Raises:
        ValueError: If `n_fft`, `hop` and the bins do not fit each other.
    """
    check_sizes(n_fft, hop)
    scale = inverse_energy(sizes(spectrum)[-2], n_fft, hop)
    return from_blocks(synthesise(spectrum, n_fft, hop) * scale, n_fft)


def check_sizes(n_fft: int, hop: int) -> None:
    """Raises a ValueError if frames of `n_fft` cannot be made of blocks of `hop`."""
    if hop < 2 or hop % 2 or n_fft % hop or n_fft < 2 * hop:
        raise ValueError(
            f"n_fft={n_fft} and hop={hop} do not fit: hop must be even, and n_fft "
            "twice hop or a higher multiple."
        )


def to_blocks(audio: tf.Tensor, n_fft: int, hop: int) -> tf.Tensor:
    """Pads audio with zeros for framing and cuts it into blocks.

    Args:
        audio: float32 `[..., frames * hop]`.
        n_fft: Samples in a frame.
        hop: Samples from one frame to the next.

    Returns:
        float32 `[..., blocks, hop]`.
    """
    zeros = (n_fft - hop) // 2
    padded = tf.pad(audio, [[0, 0]] * (len(audio.shape) - 1) + [[zeros, zeros]])
    *batch, samples = sizes(padded)
    return tf.reshape(padded, [*batch, samples // hop, hop])


def from_blocks(blocks: tf.Tensor, n_fft: int) -> tf.Tensor:
    """The inverse of `to_blocks`: `[..., blocks, hop]` to `[..., frames * hop]`."""
    *batch, count, hop = sizes(blocks)
    zeros = (n_fft - hop) // 2
    return tf.reshape(blocks, [*batch, count * hop])[..., zeros:-zeros]


def analyse(blocks: tf.Tensor, n_fft: int) -> tf.Tensor:
    """Blocks of a padded signal to its transform.

    Args:
        blocks: float32 `[..., frames + n_fft / hop - 1, hop]`.
        n_fft: Samples in a frame.

    Returns:
        complex64 `[..., frames, n_fft / 2 + 1]`.
    """
    *batch, count, hop = sizes(blocks)
    width = n_fft // hop
    frames = count - width + 1
    rows = tf.range(frames)[:, tf.newaxis] + tf.range(width)
    framed = tf.reshape(tf.gather(blocks, rows, axis=-2), [*batch, frames, n_fft])
    return tf.signal.rfft(framed * _window(n_fft))


def synthesise(spectrum: tf.Tensor, n_fft: int, hop: int) -> tf.Tensor:
    """A transform to windowed frames, overlapped and added.

    Multiplied by `inverse_energy` it is the inverse of `analyse`.

    Args:
        spectrum: complex64 `[..., frames, n_fft / 2 + 1]`.
        n_fft: Samples in a frame.
        hop: Samples from one frame to the next.

    Returns:
        float32 `[..., frames + n_fft / hop - 1, hop]`.

    Raises:
        ValueError: If the bins do not fit `n_fft`.
    """
    bins = spectrum.shape[-1]
    if bins != n_fft // 2 + 1:
        raise ValueError(f"bins={bins} must be n_fft / 2 + 1 = {n_fft // 2 + 1}.")
    return _overlap_add(tf.signal.irfft(spectrum, [n_fft]) * _window(n_fft), hop)


def inverse_energy(frames: tf.Tensor | int, n_fft: int, hop: int) -> tf.Tensor:
    """The reciprocal of the sum of all squared windows, and zero in the padding.

    `analyse` followed by `synthesise` multiplies a signal by that sum.

    Args:
        frames: How many; an int or an int32 scalar.
        n_fft: Samples in a frame.
        hop: Samples from one frame to the next.

    Returns:
        float32 `[frames + n_fft / hop - 1, hop]`.
    """
    squared = tf.broadcast_to(np.square(_window(n_fft)), [frames, n_fft])
    inside = from_blocks(_overlap_add(squared, hop), n_fft)
    return to_blocks(1.0 / inside, n_fft, hop)


def sizes(tensor: tf.Tensor) -> list[tf.Tensor | int]:
    """The shape, static where it is known."""
    dynamic = tf.shape(tensor)
    return [
        dynamic[axis] if size is None else size
        for axis, size in enumerate(tensor.shape)
    ]


def _overlap_add(framed: tf.Tensor, hop: int) -> tf.Tensor:
    width = framed.shape[-1] // hop
    leading = [[0, 0]] * (len(framed.shape) - 2)
    return tf.add_n(
        [
            tf.pad(
                framed[..., place * hop : (place + 1) * hop],
                [*leading, [place, width - 1 - place], [0, 0]],
            )
            for place in range(width)
        ]
    )


def _window(n_fft: int) -> np.ndarray:
    turns = np.arange(n_fft) / n_fft
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * turns)).astype(np.float32)
