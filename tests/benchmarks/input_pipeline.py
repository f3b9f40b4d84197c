"""Measures how fast clips are cut from a dataset, against decoding whole records.

python tests/benchmarks/input_pipeline.py
"""

import contextlib
import io
import pathlib
import tempfile
import time

import numpy as np
import soundfile
import tensorflow as tf

from pipelines import conversion
from tf_mt.data import augmentation, clips, index

RATE_HZ = 16000
FILES = 60
SECONDS = 60
CLIP_SAMPLES = 16384
BATCH_SIZE = 32
STEPS = 300


def write_recordings(folder: pathlib.Path) -> None:
    """Writes two domains of noise."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, SECONDS * RATE_HZ)
    for file in range(FILES):
        path = folder / ("one" if file % 2 else "two") / f"{file}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.roll(noise, file * 1000), RATE_HZ)


def naive(data: pathlib.Path) -> tf.data.Dataset:
    """What tutorials do: read records, decode them whole, shuffle, slice."""

    def crop(record: tf.Tensor) -> tf.Tensor:
        example = tf.io.parse_single_example(
            record, {"audio": tf.io.FixedLenFeature([], tf.string)}
        )
        audio = tf.cast(tf.io.decode_raw(example["audio"], tf.int16), tf.float32)
        return tf.image.random_crop(audio / 32768.0, [CLIP_SAMPLES])

    paths = index.shards(index.open_dataset(data), "train")
    return (
        tf.data.TFRecordDataset([str(path) for path in paths])
        .repeat()
        .shuffle(100)
        .map(crop, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(BATCH_SIZE)
        .prefetch(tf.data.AUTOTUNE)
    )


def clips_per_second(batches: tf.data.Dataset) -> float:
    """Runs through batches of `BATCH_SIZE` clips, the first few uncounted."""
    iterator = iter(batches)
    for _ in range(10):
        next(iterator)
    start = time.perf_counter()
    for _ in range(STEPS):
        next(iterator)
    return STEPS * BATCH_SIZE / (time.perf_counter() - start)


def main() -> None:
    """Prints clips per second of both, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_recordings(folder / "source")
        with contextlib.redirect_stdout(io.StringIO()):
            data = conversion.convert(
                "audio_folder",
                folder / "data",
                settings={"source": str(folder / "source")},
            )
        stored = clips.Clips(data, "train", CLIP_SAMPLES)
        ours = clips_per_second(stored.batches("mixed", BATCH_SIZE, seed=0))
        augmented, detuned = (
            clips_per_second(
                stored.batches("mixed", BATCH_SIZE, seed=0, augmentation=settings)
            )
            for settings in (
                augmentation.Augmentation(gain_db=6.0, noise_db=-60.0),
                augmentation.Augmentation(pitch_semitones=0.5),
            )
        )
        theirs = clips_per_second(naive(data))
    print(
        f"clips of {CLIP_SAMPLES} samples a second: {ours:.0f}, {augmented:.0f} with "
        f"gain and noise, {detuned:.0f} out of tune; decoding whole records "
        f"{theirs:.0f}: {ours / theirs:.0f} times as fast"
    )


if __name__ == "__main__":
    main()
