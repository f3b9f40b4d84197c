"""Reads mutated MIDI files; prints files, seconds, crashes and the slowest.

Example: python -m tests.fuzz.midi --files=10000
"""

import collections
import pathlib
import tempfile
import time
import traceback

import numpy as np
from absl import app, flags

from pipelines.scores import channels
from tests import midi_file

FILES = flags.DEFINE_integer("files", 10_000, "How many files to read.")
SEED = flags.DEFINE_integer("seed", 0, "The seed of the mutations.")

WORDS = [bytes.fromhex(text) for text in ("4d546864", "4d54726b", "ff2f00", "ffffff7f")]


def seeds() -> list[bytes]:
    """Files of all kinds of messages."""
    scale = [midi_file.note(240 * n, 480, 60 + n, n % 3) for n in range(24)]
    notes = [message for played in scale for message in played]
    controls = [
        midi_file.control(120 * n, number, 127 * (n % 2), n % 3)
        for n, number in enumerate((64, 66, 101, 100, 6, 38, 121, 120, 123) * 3)
    ]
    bends = [midi_file.bend(90 * n, 300 * n - 4000, n % 3) for n in range(24)]
    tempos = [midi_file.tempo(480 * n, 400_000 + 50_000 * n) for n in range(6)]
    return [
        midi_file.content([*notes, *controls, *bends, *tempos], kind=0),
        midi_file.content(tempos, notes, [*controls, *bends]),
        midi_file.content([*tempos, *notes], [*bends, *notes], kind=2),
        midi_file.content([*notes, *controls], division=0xE728),
    ]


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """A file with some bytes changed, repeated, left out or put in."""
    found = bytearray(content)
    for _ in range(random.integers(1, 12)):
        at = int(random.integers(0, len(found) + 1))
        end = at + int(random.integers(1, 40))
        match random.integers(0, 6):
            case 0:
                found[at : at + 1] = random.bytes(1)
            case 1:
                del found[at:end]
            case 2:
                found[at:at] = found[at:end] * int(random.integers(1, 20))
            case 3:
                found[at:end] = random.bytes(end - at)
            case 4:
                found[at:at] = WORDS[random.integers(0, len(WORDS))]
            case 5 if random.random() < 0.1:
                del found[at:]
    return bytes(found)


def main(argv: list[str]) -> None:
    """Reads the files and prints what came of them."""
    del argv
    random = np.random.default_rng(SEED.value)
    originals = seeds()
    results = collections.Counter()
    crashes = collections.Counter()
    slowest = (0.0, -1)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "mutated.mid"
        for number in range(FILES.value):
            path.write_bytes(mutated(originals[number % len(originals)], random))
            begun = time.perf_counter()
            try:
                results["with notes" if channels.read(path).parts else "empty"] += 1
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
