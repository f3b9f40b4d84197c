"""Histograms of MIDI pitches, from a dataset's labels or by pitch tracking."""

from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

PITCHES = 128

# From below the lowest string of a double bass to the highest key of a piano.
LOWEST_HZ = 40.0
HIGHEST_HZ = 4300.0

# Frames that much below the loudest are rests.
REST_DB = -40.0
STEADY_SEMITONES = 0.5

# Of noise, about one frame in twenty has the pitch of the frames around by coincidence.
PITCHED = 0.1

_BATCH = 32
_BEGUN = "notes/begun"


def label(features: tfds.features.FeaturesDict) -> str | None:
    """The name that the pitches of notes are stored under, if they are.

    Args:
        features: What a dataset stores; notes have a `pitch`, a MIDI number, or are a
            sequence `notes` of such.
    """
    stored = features.get_serialized_info()
    if "pitch" in stored:
        return "pitch"
    notes = stored.get("notes")
    return "notes/pitch" if isinstance(notes, dict) and "pitch" in notes else None


def labelled(path: Path, name: str) -> Iterator[tuple[int, np.ndarray]]:
    """Counts the labelled notes of a file.

    Args:
        path: One of the files of a dataset.
        name: What `label` returned.

    Yields:
        Some domain's number and how many notes of it have each MIDI pitch, int64
        `[128]`; the counts of a domain that is yielded again are to be added up.
    """
    described = {
        "domain": tf.io.FixedLenFeature([], tf.int64),
        name: tf.io.RaggedFeature(tf.int64),
        _BEGUN: tf.io.RaggedFeature(tf.int64),
    }
    examples = tf.data.TFRecordDataset(str(path))
    for batch in examples.batch(_BATCH):
        read = tf.io.parse_example(batch, described)
        pitches = read[name].flat_values.numpy()
        domains = np.repeat(read["domain"].numpy(), read[name].row_lengths().numpy())
        if begun := read[_BEGUN].flat_values.numpy().tolist():
            # A note that began in an earlier chunk has been counted there.
            here = ~np.array(begun, bool)
            pitches, domains = pitches[here], domains[here]
        for domain in np.unique(domains):
            found = pitches[domains == domain]
            yield int(domain), np.bincount(found, minlength=PITCHES)


def estimated(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Counts the frames of each pitch by YIN (de Cheveigné and Kawahara 2002).

    For one voice at a time. Counted are the frames that sound and whose pitch is that
    of the frames around, unless they are few, for YIN finds pitches in noise as well.

    Args:
        audio: float `[samples]` in [-1, 1].
        sample_rate_hz: Its rate.

    Returns:
        For each MIDI pitch the number of its frames, int64 `[128]`.
    """
    hop = sample_rate_hz * 32 // 1000
    audio = np.pad(audio, (0, max(2 * hop - len(audio), 0)))
    lowest, highest = LOWEST_HZ, min(HIGHEST_HZ, sample_rate_hz / 4)
    pitch = librosa.hz_to_midi(
        librosa.yin(
            audio,
            fmin=lowest,
            fmax=highest,
            sr=sample_rate_hz,
            frame_length=2 * hop,
            hop_length=hop,
        )
    )
    level = librosa.feature.rms(y=audio, frame_length=2 * hop, hop_length=hop)[0]
    sounding = level > max(level.max() * 10.0 ** (REST_DB / 20.0), 1e-5)
    step = np.abs(np.diff(pitch, prepend=np.inf, append=np.inf)) < STEADY_SEMITONES
    counted = sounding & step[:-1] & step[1:]
    # Where YIN finds nothing it often ends at a limit of its search.
    low, high = librosa.hz_to_midi([lowest, highest])
    counted &= (low + STEADY_SEMITONES < pitch) & (pitch < high - STEADY_SEMITONES)
    if counted.sum() < PITCHED * sounding.sum():
        return np.zeros(PITCHES, np.int64)
    return np.bincount(np.rint(pitch[counted]).astype(int), minlength=PITCHES)
