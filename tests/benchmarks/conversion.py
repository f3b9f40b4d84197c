"""Measures the conversion of recordings: seconds of audio for each second of a core.

python tests/benchmarks/conversion.py
"""

import pathlib
import tempfile
import time

import numpy as np
import soundfile

from pipelines import conversion

FILES = 16
SECONDS = 180
RATE_HZ = 44100


def write_recordings(folder: pathlib.Path) -> None:
    """Writes stereo files of coloured noise, the length of a movement."""
    rng = np.random.default_rng(0)
    noise = np.cumsum(rng.normal(size=(SECONDS * RATE_HZ, 2)), axis=0)
    noise = 0.5 * noise / np.max(np.abs(noise))
    for file in range(FILES):
        path = folder / ("one" if file % 2 else "two") / f"{file}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.roll(noise, file * 1000, axis=0), RATE_HZ)


def main() -> None:
    """Converts to 16 kHz and prints the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_recordings(folder / "source")
        cpu, wall = time.process_time(), time.perf_counter()
        conversion.convert(
            "audio_folder", folder / "data", settings={"source": str(folder / "source")}
        )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    audio = FILES * SECONDS
    print(
        f"{audio} s of 44.1 kHz stereo WAV in {wall:.1f} s: {audio / wall:.0f} times "
        f"real time, {audio / cpu:.0f} for each core"
    )


if __name__ == "__main__":
    main()
