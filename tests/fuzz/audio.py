"""Reads mutated audio files, and tells which end neither read nor refused by us.

Example: python tests/fuzz/audio.py --files=10000 --seeds=DIR
"""

import collections
import resource
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from absl import app, flags

from tf_mt.audio import decoding, files

_FILES = flags.DEFINE_integer("files", 10_000, "How many files to read.", 1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the mutations.")
_SEEDS = flags.DEFINE_string(
    "seeds", None, "A folder of files to mutate, beside those that soundfile writes."
)

RATE_HZ = 16_000
_WRITTEN = [
    (".wav", "WAV", "PCM_16"),
    (".wav", "WAV", "IMA_ADPCM"),
    (".wav", "WAVEX", "FLOAT"),
    (".rf64", "RF64", "PCM_24"),
    (".w64", "W64", "PCM_16"),
    (".aiff", "AIFF", "PCM_16"),
    (".caf", "CAF", "ALAC_16"),
    (".au", "AU", "PCM_16"),
    (".voc", "VOC", "PCM_16"),
    (".flac", "FLAC", "PCM_16"),
    (".ogg", "OGG", "VORBIS"),
    (".opus", "OGG", "OPUS"),
    (".mp3", "MP3", "MPEG_LAYER_III"),
]


def seeds(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Whole files: the suffix and the content of each."""
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 2))
    for suffix, container, encoding in _WRITTEN:
        path = folder / f"seed{suffix}"
        soundfile.write(path, audio, RATE_HZ, encoding, format=container)
        yield suffix, path.read_bytes()
    if _SEEDS.value:
        for path in sorted(Path(_SEEDS.value).iterdir()):
            if path.suffix in decoding.SUFFIXES:
                yield path.suffix, path.read_bytes()


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Some bytes changed, most of them in the header; or some cut out, or repeated."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 5)):
        reach = min(len(changed), 200 if random.random() < 0.7 else len(changed))
        if not reach:
            return bytes(changed)
        place, length = int(random.integers(reach)), int(2 ** random.integers(0, 6))
        part = changed[place : place + length]
        match random.integers(6):
            case 0 | 1:
                part = random.bytes(min(length, 4))
                changed[place : place + len(part)] = part
            case 2:
                value = random.choice([0, 0x7F, 0x80, 0xFF])
                changed[place : place + min(length, 8)] = bytes([value]) * min(
                    length, 8
                )
            case 3:
                del changed[place : place + length]
            case 4:
                changed[place:place] = bytes(part) * int(random.integers(1, 5))
            case 5:
                del changed[max(place, 12) :]
    return bytes(changed)


def main(argv: list[str]) -> None:
    """Reads the files and prints what came of it."""
    del argv
    random = np.random.default_rng(_SEED.value)
    outcomes, slowest, crashes = collections.Counter(), (0.0, "", 0), []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        whole = list(seeds(Path(folder)))
        for number in range(_FILES.value):
            suffix, content = whole[number % len(whole)]
            path = Path(folder) / f"mutated{suffix}"
            path.write_bytes(mutated(content, random))
            start = time.perf_counter()
            try:
                for _ in files.blocks(path, RATE_HZ, RATE_HZ):
                    pass
                outcomes["read"] += 1
            except (ValueError, OSError) as error:
                ours = str(error).startswith(f"path={str(path)!r}")
                outcomes["refused" if ours else "refused in other words"] += 1
                if not ours:
                    crashes.append(traceback.format_exc())
            except Exception:
                outcomes["crashed"] += 1
                crashes.append(traceback.format_exc())
            taken = time.perf_counter() - start
            slowest = max(slowest, (taken, suffix, number))
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - began
    print(
        f"{_FILES.value} files in {seconds:.0f} s: {dict(outcomes)}; "
        f"slowest {slowest[0]:.2f} s ({slowest[1]}, file {slowest[2]}); "
        f"memory {megabytes:.0f} MB."
    )
    for crash in crashes[:5]:
        print(crash)


if __name__ == "__main__":
    app.run(main)
