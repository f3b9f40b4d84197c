"""The short-time Fourier transform and its exact inverse.

A recording of `frames * hop` samples has exactly `frames` frames: it is framed as if
`(n_fft - hop) / 2` zeros stood on either side, so that frame k is centred on the k-th
`hop` samples, to half a sample where `n_fft - hop` is odd. The window is the periodic
Hann window. One that is shorter than `n_fft` has zeros on either side, as in librosa
and PyTorch.

Both directions work on blocks of `hop` samples: a window lies within a row of
`blocks_per_frame` neighbouring blocks, and the padded signal is `[..., blocks, hop]`
with `blocks = frames + blocks_per_frame - 1`.
"""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Framing:
    """The sizes of a transform, and where its frames lie.

    Args:
        n_fft: Samples that are transformed.
        hop: Samples from one frame to the next, two or more.
        window: Samples of the window, centred in the `n_fft`: twice `hop` or more.

    Raises:
        ValueError: If these do not fit each other.
    """

    n_fft: int
    hop: int
    window: int

    def __post_init__(self):
        if self.hop < 2 or not 2 * self.hop <= self.window <= self.n_fft:
            raise ValueError(
                f"n_fft={self.n_fft}, window={self.window} and hop={self.hop} do not "
                "fit: hop must be 2 or more, window twice hop or more, and n_fft no "
                "less than window."
            )

    @property
    def bins(self) -> int:
        """Frequencies from 0 to half the sample rate."""
        return self.n_fft // 2 + 1

    @property
    def blocks_per_frame(self) -> int:
        """Blocks of `hop` samples that hold a window."""
        return -(-self.window // self.hop)

    @property
    def zeros_in_frame(self) -> tuple[int, int]:
        """Zeros of a frame before and after its window."""
        before = (self.n_fft - self.window) // 2
        return before, self.n_fft - self.window - before

    @property
    def zeros_around(self) -> tuple[int, int]:
        """Zeros before and after a signal: one or more."""
        before = (self.n_fft - self.hop) // 2 - self.zeros_in_frame[0]
        return before, (self.blocks_per_frame - 1) * self.hop - before

    def weights(self) -> np.ndarray:
        """The periodic Hann window: float32 `[window]`."""
        turns = np.arange(self.window) / self.window
        return (0.5 - 0.5 * np.cos(2.0 * np.pi * turns)).astype(np.float32)


def stft(audio: tf.Tensor, n_fft: int, hop: int, window: int = 0) -> tf.Tensor:
    """The short-time Fourier transform.

    Args:
        audio: float32 `[..., samples]`; samples is a multiple of `hop`.
        n_fft: Samples that are transformed.
        hop: Samples from one frame to the next.
        window: Samples of the window; 0 takes `n_fft`.

    Returns:
        complex64 `[..., samples / hop, n_fft // 2 + 1]`.

    Raises:
        ValueError: If the sizes do not fit each other, see `Framing`, or the length is
            known when the graph is built and is not a multiple of `hop`.
    """
    framing = Framing(n_fft, hop, window or n_fft)
    samples = audio.shape[-1]
    if samples is not None and samples % hop:
        raise ValueError(
            f"samples={samples} must be a multiple of hop={hop}; pad with zeros."
        )
    return analyse(to_blocks(audio, framing), framing)


def istft(spectrum: tf.Tensor, n_fft: int, hop: int, window: int = 0) -> tf.Tensor:
    """The inverse of `stft`, exact at every sample.

    For a spectrum that is not the transform of any signal, this is the signal whose
    transform is nearest in least squares (Griffin and Lim 1984, equation 6).

    Args:
        spectrum: complex64 `[..., frames, n_fft // 2 + 1]`.
        n_fft: Samples that are transformed.
        hop: Samples from one frame to the next.
        window: Samples of the window; 0 takes `n_fft`.

    Returns:
        float32 `[..., frames * hop]`.

    Raises:
        ValueError: If the sizes do not fit each other, see `Framing`, or the bins do
            not fit `n_fft`.
    """
    framing = Framing(n_fft, hop, window or n_fft)
    scale = inverse_energy(sizes(spectrum)[-2], framing)
    return from_blocks(synthesise(spectrum, framing) * scale, framing)


def to_blocks(audio: tf.Tensor, framing: Framing) -> tf.Tensor:
    """Pads audio with zeros for framing and cuts it into blocks.

    Args:
        audio: float32 `[..., frames * hop]`.
        framing: Sizes of the transform.

    Returns:
        float32 `[..., frames + blocks_per_frame - 1, hop]`.
    """
    padded = _pad_last(audio, *framing.zeros_around)
    *batch, samples = sizes(padded)
    return tf.reshape(padded, [*batch, samples // framing.hop, framing.hop])


def from_blocks(blocks: tf.Tensor, framing: Framing) -> tf.Tensor:
    """The inverse of `to_blocks`: `[..., blocks, hop]` to `[..., frames * hop]`."""
    *batch, count, hop = sizes(blocks)
    before, after = framing.zeros_around
    return tf.reshape(blocks, [*batch, count * hop])[..., before:-after]


def analyse(blocks: tf.Tensor, framing: Framing) -> tf.Tensor:
    """Blocks of a padded signal to its transform.

    Args:
        blocks: float32 `[..., frames + blocks_per_frame - 1, hop]`.
        framing: Sizes of the transform.

    Returns:
        complex64 `[..., frames, n_fft // 2 + 1]`.
    """
    windowed = frames(blocks, framing) * framing.weights()
    return tf.signal.rfft(_pad_last(windowed, *framing.zeros_in_frame))


def frames(blocks: tf.Tensor, framing: Framing) -> tf.Tensor:
    """What `analyse` sees through its window, before it is weighted.

    Args:
        blocks: float32 `[..., frames + blocks_per_frame - 1, hop]`.
        framing: Sizes of the transform.

    Returns:
        float32 `[..., frames, window]`.
    """
    *batch, count, hop = sizes(blocks)
    width = framing.blocks_per_frame
    number = count - width + 1
    rows = tf.range(number)[:, tf.newaxis] + tf.range(width)
    framed = tf.reshape(tf.gather(blocks, rows, axis=-2), [*batch, number, width * hop])
    return framed[..., : framing.window]


def synthesise(spectrum: tf.Tensor, framing: Framing) -> tf.Tensor:
    """A transform to windowed frames, overlapped and added.

    Multiplied by `inverse_energy` it is the inverse of `analyse`.

    Args:
        spectrum: complex64 `[..., frames, n_fft // 2 + 1]`.
        framing: Sizes of the transform.

    Returns:
        float32 `[..., frames + blocks_per_frame - 1, hop]`.

    Raises:
        ValueError: If the bins do not fit `n_fft`.
    """
    bins = spectrum.shape[-1]
    if bins != framing.bins:
        raise ValueError(f"bins={bins} must be n_fft // 2 + 1 = {framing.bins}.")
    before, _ = framing.zeros_in_frame
    samples = tf.signal.irfft(spectrum, [framing.n_fft])
    windowed = samples[..., before : before + framing.window] * framing.weights()
    return _overlap_add(windowed, framing)


def inverse_energy(frames: tf.Tensor | int, framing: Framing) -> tf.Tensor:
    """The reciprocal of the sum of all squared windows, and zero in the padding.

    `analyse` followed by `synthesise` multiplies a signal by that sum.

    Args:
        frames: How many; an int or an int32 scalar.
        framing: Sizes of the transform.

    Returns:
        float32 `[frames + blocks_per_frame - 1, hop]`.
    """
    squared = tf.broadcast_to(np.square(framing.weights()), [frames, framing.window])
    inside = from_blocks(_overlap_add(squared, framing), framing)
    return to_blocks(1.0 / inside, framing)


def sizes(tensor: tf.Tensor) -> list[tf.Tensor | int]:
    """The shape, static where it is known."""
    dynamic = tf.shape(tensor)
    return [
        dynamic[axis] if size is None else size
        for axis, size in enumerate(tensor.shape)
    ]


def _overlap_add(windowed: tf.Tensor, framing: Framing) -> tf.Tensor:
    """Windows `[..., frames, window]` to blocks `[..., blocks, hop]`."""
    width, hop = framing.blocks_per_frame, framing.hop
    framed = _pad_last(windowed, 0, width * hop - framing.window)
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


def _pad_last(tensor: tf.Tensor, before: int, after: int) -> tf.Tensor:
    """Pads the last axis with zeros."""
    if not before and not after:
        return tensor
    return tf.pad(tensor, [[0, 0]] * (len(tensor.shape) - 1) + [[before, after]])
