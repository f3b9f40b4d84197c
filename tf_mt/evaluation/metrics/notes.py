"""F-measure of transcribed notes against labelled notes, polyphonic.

Conventions: recordings as in `log_mel`. The notes of a recording are those that
`transcription` finds, so that the truth does not score 1 either; a score means
something only beside the truth's.
"""

import mir_eval
import numpy as np

ONSET_TOLERANCE_SECONDS = 0.05
PITCH_TOLERANCE_CENTS = 50.0


def f_measure(expected: np.ndarray, found: np.ndarray) -> float:
    """F-measure of notes found (Bay et al. 2009; onsets and pitches only).

    A note is right if its onset is within 50 ms and its pitch within 50 cents of one of
    the labels; each of the labels counts once. How long notes last is not compared.

    Args:
        expected: The labelled notes, a structured array `[notes]` with `onset_seconds`,
            from the beginning of the recording, and `pitch`, a MIDI note number.
        found: The notes of the recording, `[notes]` of `transcription.NOTE`.

    Returns:
        In [0, 1]; NaN if there are no labels.
    """
    if not len(expected):
        return np.nan
    if not len(found):
        return 0.0
    _, _, score, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *_intervals_and_pitches_hz(expected),
        *_intervals_and_pitches_hz(found),
        onset_tolerance=ONSET_TOLERANCE_SECONDS,
        pitch_tolerance=PITCH_TOLERANCE_CENTS,
        offset_ratio=None,
    )
    return float(score)


def validate(notes: np.ndarray, seconds: float) -> None:
    """Makes sure that notes can be those of a recording.

    Args:
        notes: As in `f_measure`.
        seconds: The length of the recording.

    Raises:
        ValueError: An onset is not within the recording, or a pitch is not from 0 to
            127.
    """
    onsets, pitches = notes["onset_seconds"], notes["pitch"]
    if not np.all((onsets >= 0.0) & (onsets < seconds)):
        raise ValueError(
            f"notes['onset_seconds'] from {np.min(onsets)} to {np.max(onsets)} must be "
            f"at least 0 and below {seconds}, the length of the recording; cut the "
            "notes as the recording was cut."
        )
    if not np.all((pitches >= 0) & (pitches <= 127)):
        raise ValueError(
            f"notes['pitch'] from {np.min(pitches)} to {np.max(pitches)} must be MIDI "
            "note numbers, from 0 to 127."
        )


def _intervals_and_pitches_hz(notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Ends are not compared, but there must be some.
    starts = np.asarray(notes["onset_seconds"], np.float64)
    pitches_hz = 440.0 * 2.0 ** ((np.asarray(notes["pitch"], np.float64) - 69.0) / 12.0)
    return np.stack([starts, starts + 1.0], axis=1), pitches_hz
