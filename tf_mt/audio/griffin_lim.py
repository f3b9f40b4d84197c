"""A waveform for a magnitude spectrogram that has no phase."""

import numpy as np
import tensorflow as tf

from tf_mt.audio import stft

# A bin of less power than this has no phase worth keeping and stays near zero.
_SMALLEST_POWER = 1e-20


def griffin_lim(
    magnitude: tf.Tensor,
    n_fft: int,
    hop: int,
    iterations: int,
    momentum: float = 0.99,
    phase: tf.Tensor | None = None,
    window: int = 0,
) -> tf.Tensor:
    """The fast Griffin-Lim algorithm (Perraudin, Balazs and Søndergaard 2013).

    Algorithm 2 there, to a scale that the magnitudes cancel: a spectrum c is given the
    wanted magnitudes and projected on the transforms of signals, which gives t, and t
    is carried on in the direction it moved: `c = t + momentum * (t - t_before)`. The
    transform is linear, so the momentum is applied to the signal, which is
    `n_fft / hop` times smaller.

    Nothing here is random: the same input gives the same audio.

    Args:
        magnitude: float32 `[..., frames, n_fft // 2 + 1]`, zero or more.
        n_fft: Samples that are transformed, as for `stft.stft`.
        hop: Samples from one frame to the next.
        iterations: How often the magnitudes are imposed anew; 0 inverts the initial
            phase.
        momentum: 0 is the algorithm of Griffin and Lim (1984); above 1 it may diverge.
        phase: Initial phase in radians, in the shape of `magnitude` or one that
            broadcasts to it. Without it, phases scattered evenly.
        window: Samples of the window; 0 takes `n_fft`.

    Returns:
        float32 `[..., frames * hop]`.

    Raises:
        ValueError: If the sizes do not fit each other, see `stft.Framing`, or the bins
            do not fit `n_fft`.
    """
    framing = stft.Framing(n_fft, hop, window or n_fft)
    *_, frames, bins = stft.sizes(magnitude)
    if phase is None:
        phase = scattered_phase(frames, bins)
    scale = stft.inverse_energy(frames, framing)

    def with_magnitude(spectrum: tf.Tensor) -> tf.Tensor:
        power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        gain = magnitude * tf.math.rsqrt(power + _SMALLEST_POWER)
        return tf.cast(gain, tf.complex64) * spectrum

    def inverse(spectrum: tf.Tensor) -> tf.Tensor:
        return stft.synthesise(spectrum, framing) * scale

    def iterate(
        done: tf.Tensor, signal: tf.Tensor, ahead: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        moved = inverse(with_magnitude(stft.analyse(ahead, framing)))
        return done + 1, moved, moved + momentum * (moved - signal)

    signal = inverse(with_magnitude(tf.complex(tf.cos(phase), tf.sin(phase))))
    _, signal, _ = tf.while_loop(
        lambda done, *_: done < iterations, iterate, (0, signal, signal)
    )
    return stft.from_blocks(signal, framing)


def scattered_phase(frames: tf.Tensor | int, bins: int) -> tf.Tensor:
    """Phases without a period, from frame and bin number: radians `[frames, bins]`.

    The additive lattice whose steps are powers of the inverse plastic number fills the
    circle evenly in both directions (Roberts 2018, "The unreasonable effectiveness of
    quasirandom sequences"). Griffin-Lim ends as near from it as from random phases.
    """
    turns = 0.7548776662 * tf.range(frames, dtype=tf.float32)[
        :, tf.newaxis
    ] + 0.5698402910 * tf.range(bins, dtype=tf.float32)
    return 2.0 * np.pi * (turns - tf.floor(turns))
