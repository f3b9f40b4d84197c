"""Measures the conversion of the public datasets against the naive way.

The trees are noise in the published layouts, with files of the published size. The
naive way is one loop: `librosa.load`, and a `tf.train.Example` with a list of floats.

python tests/benchmarks/conversion.py
"""

import argparse
import csv
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import soundfile

RATE_HZ = 16000
MEBIBYTE = 2**20

MUSICNET_RECORDINGS = 9
MUSICNET_SECONDS = 371
MUSICNET_NOTES = 3333
NSYNTH_NOTES = 3000
IRMAS_EXCERPTS = 660
IRMAS_CODES = "cel,cla,flu,gac,gel,org,pia,sax,tru,vio,voi"

NOTE_COLUMNS = "start_time,end_time,instrument,note,start_beat,end_beat,note_value"
RECORDING_COLUMNS = (
    "id,composer,composition,movement,ensemble,source,transcriber,catalog_name,seconds"
)

LONG_SECONDS = 18 * 60
SHORT_SECONDS = 18


def noise(seconds: float, rate_hz: int, channels: int = 1) -> np.ndarray:
    """Coloured noise, which sounds and is resampled as any recording."""
    rng = np.random.default_rng(0)
    samples = np.cumsum(rng.normal(size=(round(seconds * rate_hz), channels)), axis=0)
    samples -= samples.mean(axis=0)
    return 0.5 * samples / np.max(np.abs(samples))


def write_musicnet(root: pathlib.Path) -> str:
    """Three domains of long recordings, 32-bit, with labels; returns the config."""
    audio = noise(MUSICNET_SECONDS, 44100)
    for folder in ("train_data", "train_labels", "test_data", "test_labels"):
        (root / folder).mkdir(parents=True)
    domains = [("Bach", "Solo Cello"), ("Bach", "Solo Violin")]
    domains.append(("Beethoven", "Solo Piano"))
    rows = []
    for number in range(MUSICNET_RECORDINGS):
        name = 1727 + number
        path = root / "train_data" / f"{name}.wav"
        soundfile.write(path, np.roll(audio, 1000 * number), 44100, "FLOAT")
        composer, ensemble = domains[number % len(domains)]
        rows.append([name, composer, "Suite", "Prelude", ensemble, "Archive", "a", "b"])
        with open(root / "train_labels" / f"{name}.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(NOTE_COLUMNS.split(","))
            length = len(audio) // MUSICNET_NOTES
            table.writerows(
                [note * length, (note + 2) * length, 43, 40 + note % 40, 0.0, 1, "Half"]
                for note in range(MUSICNET_NOTES - 2)
            )
    with open(root / "musicnet_metadata.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(RECORDING_COLUMNS.split(","))
        table.writerows([*row, MUSICNET_SECONDS] for row in rows)
    return "cpc"


def write_nsynth(root: pathlib.Path) -> str:
    """Notes of four seconds in three splits; returns the config."""
    audio = noise(4, RATE_HZ)
    families = ("guitar", "keyboard", "string")
    for part, split in enumerate(("train", "valid", "test")):
        folder = root / f"nsynth-{split}"
        (folder / "audio").mkdir(parents=True)
        notes = {}
        for number in range(part, NSYNTH_NOTES, 3):
            family = number // 3 % 3
            pitch = 24 + number // 100
            name = f"{families[family]}_acoustic_{number:03d}-{pitch:03d}-075"
            notes[name] = {
                "note": number,
                "note_str": name,
                "instrument": number,
                "instrument_str": name[:-8],
                "pitch": pitch,
                "velocity": 75,
                "sample_rate": RATE_HZ,
                "qualities": [0] * 9 + [1],
                "qualities_str": ["tempo-synced"],
                "instrument_family": (3, 4, 8)[family],
                "instrument_family_str": families[family],
                "instrument_source": 0,
                "instrument_source_str": "acoustic",
            }
            path = folder / "audio" / f"{name}.wav"
            soundfile.write(path, np.roll(audio, 13 * number), RATE_HZ)
        (folder / "examples.json").write_text(json.dumps(notes))
    return "full"


def write_irmas(root: pathlib.Path) -> str:
    """Stereo excerpts of three seconds in eleven classes; returns the config."""
    audio = noise(3, 44100, channels=2)
    codes = IRMAS_CODES.split(",")
    for number in range(IRMAS_EXCERPTS):
        code = codes[number % len(codes)]
        folder = root / "IRMAS-TrainingData" / code
        folder.mkdir(parents=True, exist_ok=True)
        recording, excerpt = divmod(number // len(codes), 3)
        recording += 200 * (number % len(codes))
        name = f"[{code}][cla]{recording:04d}__{excerpt + 1}.wav"
        soundfile.write(folder / name, np.roll(audio, 13 * number, axis=0), 44100)
    return "full"


TREES = {"musicnet": write_musicnet, "nsynth": write_nsynth, "irmas": write_irmas}


def write_folder(root: pathlib.Path, seconds: int) -> None:
    """Recordings of the length of `LONG_SECONDS` in all, for `audio_folder`."""
    audio = noise(seconds, 44100)
    for domain in ("one", "two"):
        (root / domain).mkdir(parents=True)
        for number in range(3 * LONG_SECONDS // seconds):
            soundfile.write(root / domain / f"{number}.wav", audio, 44100)


def naively(source: pathlib.Path, out: pathlib.Path) -> None:
    """Converts all that is below a folder in a loop."""
    import librosa
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(out / "naive.tfrecord")) as writer:
        for path in sorted(source.rglob("*.wav")):
            audio, _ = librosa.load(path, sr=RATE_HZ)
            floats = tf.train.Feature(float_list=tf.train.FloatList(value=audio))
            features = tf.train.Features(feature={"audio": floats})
            writer.write(tf.train.Example(features=features).SerializeToString())


def ours(dataset: str, source: pathlib.Path, out: pathlib.Path, config: str) -> None:
    """Converts as the command does."""
    from pipelines import conversion

    conversion.convert(dataset, out, config or None, {"source": str(source)})


def peak_bytes() -> int:
    """The most memory that this process has held."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(way: str, dataset: str, source: str, out: str, config: str) -> dict:
    """Does it in this process and tells what it took."""
    import librosa  # noqa: F401
    import tensorflow  # noqa: F401

    from pipelines import conversion  # noqa: F401

    idle_bytes = peak_bytes()
    cpu, wall = time.process_time(), time.perf_counter()
    if way == "naive":
        naively(pathlib.Path(source), pathlib.Path(out))
    else:
        ours(dataset, pathlib.Path(source), pathlib.Path(out), config)
    return {
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "grown_bytes": peak_bytes() - idle_bytes,
    }


def in_a_process(way: str, dataset: str, source: pathlib.Path, config: str) -> dict:
    """Measures in a process of its own, whose memory nothing else has used."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, __file__, way, dataset, str(source), out, config]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        shards = [p for p in pathlib.Path(out).rglob("*.tfrecord*") if p.is_file()]
        stored = sum(path.stat().st_size for path in shards)
    return {**json.loads(done.stdout.splitlines()[-1]), "stored_bytes": stored}


def compare(dataset: str, root: pathlib.Path) -> None:
    """Measures both ways on one dataset and prints the figures."""
    config = TREES[dataset](root)
    paths = list(root.rglob("*.wav"))
    audio_seconds = sum(soundfile.info(path).duration for path in paths)
    found = {w: in_a_process(w, dataset, root, config) for w in ("naive", "ours")}
    print(f"{dataset}: {len(paths)} files, {audio_seconds:.0f} s")
    for way, figures in found.items():
        print(
            f"  {way:6} {audio_seconds / figures['cpu_seconds']:6.0f} times real time "
            f"and {len(paths) / figures['cpu_seconds']:6.1f} files/s for each core, "
            f"{audio_seconds / figures['wall_seconds']:6.0f} times and "
            f"{len(paths) / figures['wall_seconds']:6.1f} files/s in all, "
            f"{figures['stored_bytes'] / audio_seconds / 1000:5.1f} kB/s stored, "
            f"{figures['grown_bytes'] / MEBIBYTE:5.0f} MiB grown"
        )
    faster = found["naive"]["cpu_seconds"] / found["ours"]["cpu_seconds"]
    size = found["ours"]["stored_bytes"] / found["naive"]["stored_bytes"]
    print(f"  {faster:.1f} times faster for each core, {size:.2f} of the size")


def compare_lengths(root: pathlib.Path) -> None:
    """Prints the memory that long and short recordings take, the same hours of both."""
    for seconds in (SHORT_SECONDS, LONG_SECONDS):
        write_folder(root / str(seconds), seconds)
        figures = in_a_process("ours", "audio_folder", root / str(seconds), "")
        grown = figures["grown_bytes"] / MEBIBYTE
        print(f"recordings of {seconds} s: {grown:.0f} MiB grown")


def main() -> None:
    """Measures everything, or one way of one dataset in this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("one", nargs="*", help="way, dataset, source, out, config")
    one = parser.parse_args().one
    if one:
        print(json.dumps(measure(*one)))
        return
    with tempfile.TemporaryDirectory() as name:
        for dataset in TREES:
            compare(dataset, pathlib.Path(name) / dataset)
        compare_lengths(pathlib.Path(name) / "lengths")


if __name__ == "__main__":
    main()
