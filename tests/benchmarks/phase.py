"""How near, and how fast, magnitudes come back to sound: Griffin-Lim and PGHI.

python tests/benchmarks/phase.py --n_fft=1024 --hop=256
python tests/benchmarks/phase.py --recordings=folder --seconds=5
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import machine
import numpy as np
import tensorflow as tf
from absl import flags

from pipelines.scores import instruments, performance, soundfont, tones
from pipelines.scores.notes import NOTE
from tf_mt import script
from tf_mt.audio import files, griffin_lim, pghi, stft
from tf_mt.evaluation.metrics import stft_distance

SECONDS = flags.DEFINE_float("seconds", 8.0, "Length of the clips.", lower_bound=1.0)
RATE_HZ = flags.DEFINE_integer("sample_rate_hz", 16_000, "Sample rate of the audio.")
N_FFT = flags.DEFINE_integer("n_fft", 1024, "Samples in a frame.")
HOP = flags.DEFINE_integer("hop", 256, "Samples from one frame to the next.")
WINDOW = flags.DEFINE_integer("window", 0, "Samples of the window; 0 takes n_fft.")
REPEATS = flags.DEFINE_integer("repeats", 3, "Runs of each; their median is printed.")
RECORDINGS = flags.DEFINE_string(
    "recordings", None, "A folder of audio files to take instead of made-up clips."
)
LIMIT = flags.DEFINE_integer("limit", 8, "The most recordings to take.")

DOMAINS = ("acoustic_grand_piano", "acoustic_guitar_nylon", "violin", "flute")
VIBRATO = "vibrato and noise"

Inverse = Callable[[tf.Tensor], tf.Tensor]


def main(_) -> None:
    """Prints a table of distances and times."""
    window = WINDOW.value or N_FFT.value
    framing = stft.Framing(N_FFT.value, HOP.value, window)
    clips = {name: _whole_hops(audio) for name, audio in _clips().items()}
    print(machine.description())
    print(f"{framing}, {RATE_HZ.value} Hz; clips: {', '.join(clips)}")
    print(f"{'':32}{'SC dB':>8}{'MR-STFT':>9}{'s per s':>10}   SC dB of each clip")
    times = {}
    for name, inverse in _ways(framing).items():
        times[name] = _row(name, inverse, clips, framing)
    per_iteration = (times["Griffin-Lim, 60"] - times["Griffin-Lim, 0"]) / 60
    for name in ("PGHI", "PGHI and Griffin-Lim, 8"):
        count = round((times[name] - times["Griffin-Lim, 0"]) / per_iteration)
        inverse = _griffin_lim(framing, max(count, 0))
        _row(f"in the time of {name}: {count}", inverse, clips, framing)


def _ways(framing: stft.Framing) -> dict[str, Inverse]:
    """All ways from magnitudes to audio, by name."""

    def zero(magnitude: tf.Tensor) -> tf.Tensor:
        return tf.zeros_like(magnitude)

    def random(magnitude: tf.Tensor) -> tf.Tensor:
        shape = tf.shape(magnitude)
        return tf.random.stateless_uniform(shape, [0, 0], maxval=2 * np.pi)

    def integrated(magnitude: tf.Tensor) -> tf.Tensor:
        return pghi.phase(magnitude, framing)

    def exact(magnitude: tf.Tensor) -> tf.Tensor:
        return tf.constant(pghi.exact_phase(magnitude.numpy(), framing))

    ways: dict[str, Inverse] = {
        f"Griffin-Lim, {count}": _griffin_lim(framing, count) for count in (0, 8, 32)
    }
    ways["Griffin-Lim, 60"] = _griffin_lim(framing, 60)
    ways["Griffin-Lim from zero, 32"] = _griffin_lim(framing, 32, zero)
    ways["Griffin-Lim from random, 32"] = _griffin_lim(framing, 32, random)
    ways["PGHI with a heap"] = lambda magnitude: _inverse(
        magnitude, exact(magnitude), framing
    )
    ways["PGHI"] = _griffin_lim(framing, 0, integrated)
    for count in (2, 8, 32):
        name = f"PGHI and Griffin-Lim, {count}"
        ways[name] = _griffin_lim(framing, count, integrated)
    return ways


def _griffin_lim(
    framing: stft.Framing, iterations: int, phase_of: Inverse | None = None
) -> Inverse:
    @tf.function
    def run(magnitude: tf.Tensor) -> tf.Tensor:
        phase = None if phase_of is None else phase_of(magnitude)
        return _inverse(magnitude, phase, framing, iterations)

    return run


def _inverse(
    magnitude: tf.Tensor,
    phase: tf.Tensor | None,
    framing: stft.Framing,
    iterations: int = 0,
) -> tf.Tensor:
    return griffin_lim.griffin_lim(
        magnitude,
        framing.n_fft,
        framing.hop,
        iterations,
        phase=phase,
        window=framing.window,
    )


def _row(
    name: str, inverse: Inverse, clips: dict[str, np.ndarray], framing: stft.Framing
) -> float:
    """Prints how far the audio of a way is, and returns its seconds per second."""
    convergences_db, distances, times = [], [], []
    for audio in clips.values():
        magnitude = _magnitude(audio, framing)
        found = inverse(magnitude).numpy()  # Traces and warms up.
        for _ in range(REPEATS.value):
            start = time.perf_counter()
            inverse(magnitude)
            times.append((time.perf_counter() - start) * RATE_HZ.value / len(audio))
        apart = np.linalg.norm(_magnitude(found, framing) - magnitude)
        convergences_db.append(20 * np.log10(apart / np.linalg.norm(magnitude)))
        distances.append(stft_distance.distance(audio, found, RATE_HZ.value))
    seconds = statistics.median(times)
    each = " ".join(f"{one:6.1f}" for one in convergences_db)
    print(
        f"{name:32}{np.mean(convergences_db):8.1f}{np.nanmean(distances):9.3f}"
        f"{seconds:10.5f}   {each}",
        flush=True,
    )
    return seconds


def _magnitude(audio: np.ndarray, framing: stft.Framing) -> tf.Tensor:
    spectrum = stft.stft(tf.constant(audio), framing.n_fft, framing.hop, framing.window)
    return tf.abs(spectrum)


def _clips() -> dict[str, np.ndarray]:
    samples = int(SECONDS.value * RATE_HZ.value)
    if RECORDINGS.value is not None:
        paths = files.find(Path(RECORDINGS.value))
        chosen = paths[:: -(-len(paths) // LIMIT.value)]
        return {path.name: files.read(path, RATE_HZ.value)[:samples] for path in chosen}
    played = soundfont.Soundfont(soundfont.default_path(), RATE_HZ.value)
    ranges = dict.fromkeys(DOMAINS, instruments.Range(55, 79))
    renderer = tones.Renderer(played, ranges, RATE_HZ.value)
    clips = {
        domain: renderer(performance.Performance(domain, _notes()))[:samples]
        for domain in DOMAINS
    }
    return clips | {VIBRATO: _with_vibrato(samples)}


def _notes() -> np.ndarray:
    """Two voices of drawn pitches: quarters of a second below halves."""
    draw = np.random.default_rng(0)
    voices = []
    for beat, lowest in ((0.25, 55), (0.5, 67)):
        voice = np.zeros(int(SECONDS.value / beat), NOTE)
        voice["onset"] = beat * np.arange(len(voice))
        voice["duration"] = beat
        voice["pitch"] = lowest + draw.integers(12, size=len(voice))
        voice["velocity"] = draw.integers(50, 110, size=len(voice))
        voices.append(voice)
    return np.sort(np.concatenate(voices), order="onset")


def _with_vibrato(samples: int) -> np.ndarray:
    """Notes of 12 partials with a vibrato of half a semitone, 46 dB above noise."""
    seconds = np.arange(samples) / RATE_HZ.value
    note = np.floor(seconds)
    depth = 2.0 ** (np.sin(2 * np.pi * 5.5 * seconds) * 0.5 / 12)
    pitch_hz = 220.0 * 2.0 ** ((5 * note % 12) / 12) * depth
    angle = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ.value
    partials = sum(np.sin(number * angle) / number for number in range(1, 13))
    swell = np.sin(np.pi * (seconds - note)) ** 0.5
    noise = np.random.default_rng(1).standard_normal(samples)
    return (0.2 * swell * partials + 0.001 * noise).astype(np.float32)


def _whole_hops(audio: np.ndarray) -> np.ndarray:
    return audio[: len(audio) // HOP.value * HOP.value]


if __name__ == "__main__":
    script.run(main)
