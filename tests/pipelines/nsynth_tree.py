"""Writes NSynth in small, in both published forms, with tones for notes."""

import json
import zlib

import numpy as np
import soundfile
import tensorflow as tf

from pipelines.nsynth import notes

RATE_HZ = 16000
SAMPLES = 64000

# The notes of each published split. As in the publication, no instrument is in two of
# train and the others, and synth_lead is in train only.
SPLITS = {
    "train": (
        "bass_synthetic_033-022-050",
        "bass_synthetic_033-060-127",
        "keyboard_acoustic_004-060-025",
        "keyboard_acoustic_004-061-025",
        "keyboard_electronic_001-021-127",
        "synth_lead_synthetic_002-060-075",
    ),
    "valid": (
        "bass_synthetic_098-040-025",
        "keyboard_acoustic_059-060-100",
        "keyboard_electronic_069-106-050",
    ),
    "test": (
        "bass_electronic_018-036-100",
        "keyboard_acoustic_012-060-127",
    ),
}


def values(name):
    """What the publication says of a note, by its name."""
    instrument, pitch, velocity = name.rsplit("-", 2)
    family, source, _ = instrument.rsplit("_", 2)
    qualities = [
        int(zlib.crc32(f"{instrument} {q}".encode()) % 3 == 0) for q in notes.QUALITIES
    ]
    return {
        "note": 1000 + zlib.crc32(name.encode()) % 300000,
        "sample_rate": RATE_HZ,
        "instrument_family": notes.FAMILIES.index(family),
        "qualities": qualities,
        "instrument_source_str": source,
        "note_str": name,
        "instrument_family_str": family,
        "instrument_str": instrument,
        "pitch": int(pitch),
        "instrument": zlib.crc32(instrument.encode()) % 1006,
        "velocity": int(velocity),
        "instrument_source": notes.SOURCES.index(source),
        "qualities_str": [
            q for q, has in zip(notes.QUALITIES, qualities, strict=True) if has
        ],
    }


def pcm(name):
    """The samples of a note: int16 `[64000]`, a tone at its pitch and velocity."""
    described = values(name)
    hz = 440 * 2 ** ((described["pitch"] - 69) / 12)
    tone = np.sin(2 * np.pi * hz * np.arange(SAMPLES) / RATE_HZ)
    return np.round(200 * described["velocity"] * tone).astype(np.int16)


def write_json_wav(folder, splits=SPLITS):
    """Writes a folder with `examples.json` and WAV files for each split.

    Args:
        folder: Where the archives would be unpacked.
        splits: The notes of each split, as `SPLITS`.

    Returns:
        The folder.
    """
    for split, names in splits.items():
        audio = folder / f"nsynth-{split}" / "audio"
        audio.mkdir(parents=True)
        for name in names:
            soundfile.write(audio / f"{name}.wav", pcm(name), RATE_HZ, "PCM_16")
        write_json(folder, split, {name: values(name) for name in names})
    return folder


def write_json(folder, split, described):
    """Writes the `examples.json` of a split."""
    path = folder / f"nsynth-{split}" / "examples.json"
    path.write_text(json.dumps(described, indent=4))


def write_tfrecord(folder, splits=SPLITS):
    """Writes a TFRecord file for each split; arguments as for `write_json_wav`."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, names in splits.items():
        write_records(folder, split, [example(name) for name in names])
    return folder


def write_records(folder, split, examples):
    """Writes the TFRecord file of a split and returns its path."""
    path = folder / f"nsynth-{split}.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for serialized in examples:
            writer.write(serialized)
    return path


def example(name, **other):
    """A serialized note; what differs from it is given, None for what is missing."""
    found = tf.train.Example()
    audio = pcm(name) / 32768
    for key, value in {**values(name), "audio": audio, **other}.items():
        feature = found.features.feature[key]
        if value is None:
            del found.features.feature[key]
        elif isinstance(value, np.ndarray):
            feature.float_list.value.extend(value)
        elif key.endswith("_str"):
            texts = [value] if isinstance(value, str) else value
            feature.bytes_list.value.extend(text.encode() for text in texts)
        else:
            feature.int64_list.value.extend(np.atleast_1d(value).tolist())
    return found.SerializeToString()
