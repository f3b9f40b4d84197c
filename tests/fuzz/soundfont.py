"""Plays mutated soundfonts; prints files, seconds, crashes and the slowest.

Example: python tests/fuzz/soundfont.py --files=10000
"""

import collections
import pathlib
import tempfile
import time
import traceback

import numpy as np
from absl import app, flags

from pipelines.scores import soundfont
from tests import soundfont_file
from tests.soundfont_file import INSTRUMENT, LOOPED, ROOT_69, SAMPLE, generator, span

FILES = flags.DEFINE_integer("files", 10_000, "How many files to play.")
SEED = flags.DEFINE_integer("seed", 0, "The seed of the mutations.")

RATE_HZ = 16000
SAMPLES = 4000
WORDS = [
    b"LIST",
    b"smpl",
    b"shdr",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\x7f",
]


def seeds() -> list[bytes]:
    """Soundfonts with plain and compressed samples, global zones, splits and layers."""
    ogg = soundfont_file.compressed(SAMPLES)
    plain = soundfont_file.Header(end=SAMPLES, loop_start=500, loop_end=3500)
    packed = soundfont_file.Header(
        end=len(ogg), loop_start=500, loop_end=3500, kind=0x11
    )
    split = [
        [ROOT_69, generator(34, -3000), generator(8, 9000)],
        [span(43, 0, 80), LOOPED, SAMPLE],
        [span(43, 60, 127), generator(7, 50), generator(11, 1200), SAMPLE],
    ]
    layers = [[generator(51, 1)], [INSTRUMENT], [span(44, 0, 127), INSTRUMENT]]
    preset = soundfont_file.Preset(0)
    layered = soundfont_file.Preset(0, layers)
    sine = soundfont_file.sine(SAMPLES)
    return [
        soundfont_file.content(
            [[LOOPED, SAMPLE]], presets=[preset], headers=[plain], samples=sine
        ),
        soundfont_file.content(
            split, presets=[layered, preset], headers=[plain, plain], samples=sine
        ),
        soundfont_file.content(
            split, presets=[layered], headers=[packed], samples=ogg, padded=False
        ),
    ]


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """A file with some bytes changed, repeated, left out or put in.

    Most of it happens behind the samples, where every byte means something.
    """
    found = bytearray(content)
    for _ in range(random.integers(1, 8)):
        lowest = max(found.rfind(b"LIST"), 0) if random.random() < 0.8 else 0
        at = int(random.integers(lowest, len(found) + 1))
        end = at + int(random.integers(1, 24))
        match random.integers(0, 12):
            case 0:
                del found[at:end]
            case 1:
                found[at:at] = found[at:end] * int(random.integers(1, 20))
            case 2:
                found[at:end] = random.bytes(end - at)
            case 3:
                word = WORDS[random.integers(0, len(WORDS))]
                found[at : at + len(word)] = word
            case 4 if random.random() < 0.1:
                del found[at:]
            case _:
                found[at : at + 1] = random.bytes(1)
    return bytes(found)


def play(path: pathlib.Path) -> str:
    """Plays a low and a high note; says what came of it."""
    font = soundfont.Soundfont(path, RATE_HZ)
    for pitch in (40, 76):
        audio = font.tone("acoustic_grand_piano", pitch, 90).audio
        if len(audio) > 9 * RATE_HZ or not np.all(np.isfinite(audio)):
            raise AssertionError(f"{len(audio)} samples, or some that are no numbers")
    return "played"


def main(argv: list[str]) -> None:
    """Plays the files and prints what came of them."""
    del argv
    random = np.random.default_rng(SEED.value)
    originals = seeds()
    results = collections.Counter()
    crashes = collections.Counter()
    slowest = (0.0, -1)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "mutated.sf2"
        for number in range(FILES.value):
            path.write_bytes(mutated(originals[number % len(originals)], random))
            begun = time.perf_counter()
            try:
                results[play(path)] += 1
            except ValueError as error:
                results["refused"] += 1
                if str(path) not in str(error):
                    crashes[f"file not named: {error}"] += 1
            except Exception:
                crashes[traceback.format_exc(limit=-1)] += 1
            slowest = max(slowest, (time.perf_counter() - begun, number))
    print(f"files: {FILES.value}, seconds: {time.perf_counter() - start:.1f}")
    print(", ".join(f"{kind}: {count}" for kind, count in results.items()))
    print(f"slowest: {slowest[0]:.3f} s (file {slowest[1]})")
    print(f"crashes: {sum(crashes.values())}")
    for crash, count in crashes.most_common():
        print(f"{count} times {crash}")
    if crashes:
        raise SystemExit(1)


if __name__ == "__main__":
    app.run(main)
