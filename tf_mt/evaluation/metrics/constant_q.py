"""Constant-Q spectra: bands at the frequencies of notes.

Each band is the response to one Hann-windowed tone (Brown 1991, eq. 5), all taken from
one Fourier transform of the whole recording (Brown and Puckette 1992, eq. 4).
"""

import numpy as np
from scipy import fft

# Beyond so many times one over its length, a Hann window's spectrum is below -48 dB.
_REACH = 4


def magnitudes(
    audio: np.ndarray,
    sample_rate_hz: int,
    centres_hz: np.ndarray,
    lengths_seconds: np.ndarray,
    hop: int,
) -> np.ndarray:
    """Magnitudes of a recording's bands.

    Windows have unit energy, so that a white noise is as strong in long as in short
    ones. Before and after the recording is silence.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.
        centres_hz: `[bands]`, below half the rate.
        lengths_seconds: `[bands]`, of the windows.
        hop: Samples from one frame to the next; the first is centred on sample 0.

    Returns:
        float32 `[bands, frames]`, `1 + samples // hop` frames.
    """
    frames = 1 + len(audio) // hop
    margin = int(np.max(lengths_seconds) * sample_rate_hz / 2) // hop + 1
    # Of a size that is a whole number of hops, so that frames are samples of a band.
    columns = fft.next_fast_len(frames + margin)
    spectrum = fft.fft(audio.astype(np.float32), columns * hop)
    seconds = len(spectrum) / sample_rate_hz
    folded = np.empty((len(centres_hz), columns), np.complex64)
    for row, centre_hz, length in zip(folded, centres_hz, lengths_seconds, strict=True):
        first = int(np.ceil((centre_hz - _REACH / length) * seconds))
        last = int((centre_hz + _REACH / length) * seconds)
        bins = np.arange(first, last + 1)
        turns = -(-len(bins) // columns)
        response = np.zeros(turns * columns, np.complex64)
        # Below zero and above the rate the spectrum repeats itself.
        response[: len(bins)] = np.take(spectrum, bins, mode="wrap")
        response[: len(bins)] *= _hann((bins / seconds - centre_hz) * length)
        # Taking every hop-th sample of a band adds up what is a frame rate apart.
        row[:] = response.reshape(turns, columns).sum(axis=0)
    gains = _gains(lengths_seconds, sample_rate_hz)[:, np.newaxis]
    return np.abs(fft.ifft(folded, axis=1)[:, :frames]) * (gains / hop)


def responses(
    tones_hz: np.ndarray,
    sample_rate_hz: int,
    centres_hz: np.ndarray,
    lengths_seconds: np.ndarray,
) -> np.ndarray:
    """The `magnitudes` of steady sines of amplitude 1, `[bands, tones]`.

    Args:
        tones_hz: `[tones]`.
        sample_rate_hz: Their sample rate.
        centres_hz: `[bands]`, as in `magnitudes`.
        lengths_seconds: `[bands]`.
    """
    off_hz = centres_hz[:, np.newaxis] - tones_hz
    gains = 0.5 * _gains(lengths_seconds, sample_rate_hz)[:, np.newaxis]
    return gains * np.abs(_hann(off_hz * lengths_seconds[:, np.newaxis]))


def _gains(lengths_seconds: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Bring Hann windows of peak 1 and those lengths to unit energy, `[bands]`."""
    samples = lengths_seconds * sample_rate_hz
    return np.sqrt(8.0 / 3.0 * samples).astype(np.float32)


def _hann(bins: np.ndarray) -> np.ndarray:
    """A Hann window's spectrum at multiples of one over its length; 0.5 at 0."""
    # At 0, 1 and -1 zero is divided by zero; close to them, limits take over.
    bins = bins.astype(np.float32)
    bins[np.abs(bins) < 1e-3] = 1e-3
    off = 1.0 - bins * bins
    off[np.abs(off) < 1e-3] = np.inf
    spectrum = np.sin(np.pi * bins) / (2.0 * np.pi * bins * off)
    spectrum[np.isinf(off)] = 0.25
    return spectrum
