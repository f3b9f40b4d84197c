"""Polyphonic transcription of a recording to notes.

Made to compare recordings by, without learnt weights. Every onset begins those pitches
that grow there, by a non-negative factorisation of the spectrum with one fixed harmonic
template for each pitch (Smaragdis and Brown 2003; updates of Lee and Seung 2001,
theorem 2). In chorales by Bach on a sampled piano or guitar it finds notes with an
F-measure of about 0.99 in one voice and 0.84 in four; one violin 0.97, a flute or
clarinet 0.83, an organ with its octave stops 0.56 in one voice and 0.19 in four. It
misses octaves above a louder note, quiet inner voices and notes without an onset that
stands out, and takes strong partials for notes.
"""

import functools

import numpy as np

from tf_mt.evaluation.metrics import constant_q, log_mel, onsets

NOTE = np.dtype([("onset_seconds", np.float64), ("pitch", np.int64)])

# The keys of a piano, as MIDI note numbers.
LOWEST_PITCH = 21
HIGHEST_PITCH = 108
PARTIALS = 20
BANDS_PER_OCTAVE = 36

# Of a band, long enough to separate semitones; below 270 Hz only partials can.
WINDOW_PERIODS = 34
LONGEST_WINDOW_SECONDS = 0.128

ITERATIONS = 20

# A note is at least so strong, of the recording's and of its own onset's strongest.
LEAST_OF_ALL = 0.15
LEAST_OF_ONSET = 0.25

# Frames that decide on an onset begin and end so long after it.
ATTACK_SECONDS = 0.03
DECISION_SECONDS = 0.25


def transcribe(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Finds when notes begin, and their pitches; how long they last is not sought.

    Args:
        audio: `[samples]`, as in `log_mel`.
        sample_rate_hz: Its rate.

    Returns:
        `[notes]` of `NOTE`, by onset and then by pitch.
    """
    strength = activations(audio, sample_rate_hz)
    frames = strength.shape[1]
    rate_hz = sample_rate_hz / (2 * log_mel.sizes(sample_rate_hz)[1])
    loud = LEAST_OF_ALL * np.quantile(strength.max(axis=0), 0.95)
    starts = onsets.detect(audio, sample_rate_hz)
    # What sounds from the first begins there.
    starts = np.append(0.0, starts[starts > 2.0 * ATTACK_SECONDS])
    found = []
    for start, end in zip(starts, np.append(starts[1:], np.inf), strict=True):
        first = min(int(np.ceil((start + ATTACK_SECONDS) * rate_hz)), frames - 1)
        last = int(min(end - ATTACK_SECONDS, start + DECISION_SECONDS) * rate_hz)
        after = strength[:, first : max(first, last) + 1].mean(axis=1)
        before = 0.0
        if start > 0.0:
            latest = int(max(start - ATTACK_SECONDS, 0.0) * rate_hz)
            before = strength[:, max(latest - 1, 0) : latest + 1].mean(axis=1)
        least = np.maximum(max(loud, LEAST_OF_ONSET * after.max()), before)
        found += [(start, LOWEST_PITCH + key) for key in np.flatnonzero(after > least)]
    return np.array(found, NOTE)


def activations(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """How strongly each pitch sounds, float32 `[88, frames]`, 32 ms apart.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.
    """
    _, hop = log_mel.sizes(sample_rate_hz)
    spectrum = constant_q.magnitudes(
        audio, sample_rate_hz, *_bands(sample_rate_hz), 2 * hop
    )
    templates = _templates(sample_rate_hz)
    strength = np.full(
        (templates.shape[1], spectrum.shape[1]), spectrum.mean(), np.float32
    )
    for _ in range(ITERATIONS):
        # The floor only keeps silence from being divided by silence.
        explained = np.maximum(templates @ strength, 1e-9)
        strength *= templates.T @ (spectrum / explained)
    return strength


def _bands(sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres in hertz and lengths of windows in seconds, `[bands]` each."""
    lowest_hz = _pitch_hz(LOWEST_PITCH)
    octaves = np.log2(0.45 * sample_rate_hz / lowest_hz)
    bands = np.arange(int(octaves * BANDS_PER_OCTAVE))
    centres_hz = lowest_hz * 2.0 ** (bands / BANDS_PER_OCTAVE)
    return centres_hz, np.minimum(WINDOW_PERIODS / centres_hz, LONGEST_WINDOW_SECONDS)


@functools.cache
def _templates(sample_rate_hz: int) -> np.ndarray:
    """Spectra of tones whose n-th partial has amplitude 1 / n, each of sum 1."""
    centres_hz, lengths_seconds = _bands(sample_rate_hz)
    tones_hz = _pitch_hz(np.arange(LOWEST_PITCH, HIGHEST_PITCH + 1))
    power = np.full((len(centres_hz), len(tones_hz)), 1e-12)
    for number in range(1, PARTIALS + 1):
        audible = number * tones_hz < sample_rate_hz / 2
        partial = constant_q.responses(
            number * tones_hz, sample_rate_hz, centres_hz, lengths_seconds
        )
        power += audible * np.square(partial / number)
    magnitudes = np.sqrt(power)
    return (magnitudes / magnitudes.sum(axis=0)).astype(np.float32)


def _pitch_hz(pitch: np.ndarray | int) -> np.ndarray | float:
    return 440.0 * 2.0 ** ((pitch - 69) / 12)
