"""How far behind live audio its translation is, by the length of the windows.

python tests/benchmarks/live.py --domain=flute

Feeds the command a melody at the pace at which it is played, and prints what the
command says at the end. How far the result is from that of the longest windows is the
mean difference of the levels of both in third octaves, where there is sound.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import numpy as np
import served
from absl import flags

from serving import client
from tf_mt import script
from tf_mt.inference import pretrained

BUNDLE = flags.DEFINE_string(
    "bundle", str(pretrained.BUNDLE), "Bundle to translate with, a folder of versions."
)
DOMAIN = flags.DEFINE_string("domain", None, "What to translate to.", required=True)
SECONDS = flags.DEFINE_float("seconds", 30.0, "Length of the melody.", lower_bound=5.0)
WINDOWS = flags.DEFINE_list(
    "windows_seconds", [], "Lengths of windows; by default, between the least and most."
)
# As arecord writes by default: an eighth of a second at a time.
_CHUNK_SECONDS = 0.125
# Quieter than so much below the loudest, a difference is not heard.
_HEARD_DB = 60.0


def main(argv: list[str]) -> None:
    """Prints a line for each length."""
    print(machine.description())
    with served.server(Path(BUNDLE.value)) as address:
        with client.Client(address, "toy") as connected:
            info = connected.info
        rate_hz = info.sample_rate_hz
        longest = info.window_samples / rate_hz
        least = 2 * info.overlap_samples / rate_hz
        lengths = WINDOWS.value or sorted({least, 1.5 * least, 2 * least, longest})
        played = melody(rate_hz)
        best, _ = live(address, played, rate_hz, longest)
        for seconds in map(float, lengths):
            heard, said = live(address, played, rate_hz, seconds)
            difference = difference_db(best, heard, rate_hz)
            print(f"{seconds:.3f} s: {difference:.2f} dB; {said}", flush=True)


def melody(rate_hz: int) -> np.ndarray:
    """Notes with ten harmonics that fade, of different lengths: int16 `[samples]`."""
    random = np.random.default_rng(0)
    audio = np.zeros(round(SECONDS.value * rate_hz))
    at = 0
    while at < len(audio):
        time_seconds = np.arange(random.uniform(0.15, 0.9) * rate_hz) / rate_hz
        pitch_hz = 220.0 * 2 ** (random.integers(0, 24) / 12)
        note = sum(
            np.sin(2 * np.pi * pitch_hz * place * time_seconds) / place
            for place in range(1, 11)
        )
        note = note * np.exp(-2.0 * time_seconds) * np.minimum(1, 100 * time_seconds)
        audio[at : at + len(note)] += 0.2 * note[: len(audio) - at]
        at += len(note)
    return np.rint(32767 * audio).astype("<i2")


def live(
    address: str, played: np.ndarray, rate_hz: int, window_seconds: float
) -> tuple[np.ndarray, str]:
    """Feeds the command in real time; returns its output and what it says."""
    with tempfile.TemporaryFile() as heard:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "serving.translate", f"--server={address}"),
                *("--model=toy", f"--domain={DOMAIN.value}", "--input=-", "--output=-"),
                *(f"--raw_rate_hz={rate_hz}", f"--window_seconds={window_seconds!r}"),
            ],
            stdin=subprocess.PIPE,
            stdout=heard,
            stderr=subprocess.PIPE,
        )
        samples = round(_CHUNK_SECONDS * rate_hz)
        began = time.monotonic()
        for place in range(0, len(played), samples):
            time.sleep(max(0.0, began + place / rate_hz - time.monotonic()))
            process.stdin.write(played[place : place + samples].tobytes())
            process.stdin.flush()
        _, stderr = process.communicate()
        heard.seek(0)
        audio = np.frombuffer(heard.read(), "<i2") / 32768
    return audio, stderr.decode().splitlines()[-1]


def difference_db(one: np.ndarray, other: np.ndarray, rate_hz: int) -> float:
    """The mean difference of levels in third octaves, of 50 ms each."""
    first, second = levels_db(one, rate_hz), levels_db(other, rate_hz)
    heard = np.maximum(first, second) > max(first.max(), second.max()) - _HEARD_DB
    return float(np.mean(np.abs(first - second)[heard]))


def levels_db(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Levels `[spans, bands]`; what is not heard is all of one level."""
    span = round(0.05 * rate_hz)
    spans = audio[: len(audio) // span * span].reshape(-1, span) * np.hanning(span)
    power = np.abs(np.fft.rfft(spans)) ** 2
    edges_hz = np.append(0, 100.0 * 2 ** (np.arange(1, 21) / 3))
    places = np.unique((edges_hz * span / rate_hz).astype(int))
    summed = np.add.reduceat(power, places[places < power.shape[1]], axis=1)
    return 10 * np.log10(np.maximum(summed, summed.max() * 10 ** (-_HEARD_DB / 10)))


if __name__ == "__main__":
    script.run(main)
