"""How near, and how fast, magnitudes come back to sound: Griffin-Lim and PGHI.

python tests/benchmarks/phase.py --n_fft=1024 --hop=256
python tests/benchmarks/phase.py --bands=128
python tests/benchmarks/phase.py --recordings=folder --seconds=5
"""

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
from tf_mt.audio import files, griffin_lim, mel, pghi, stft
from tf_mt.evaluation.metrics import stft_distance

SECONDS = flags.DEFINE_float("seconds", 8.0, "Length of the clips.", lower_bound=1.0)
RATE_HZ = flags.DEFINE_integer("sample_rate_hz", 16_000, "Sample rate of the audio.")
N_FFT = flags.DEFINE_integer("n_fft", 1024, "Samples in a frame.")
HOP = flags.DEFINE_integer("hop", 256, "Samples from one frame to the next.")
WINDOW = flags.DEFINE_integer("window", 0, "Samples of the window; 0 takes n_fft.")
BANDS = flags.DEFINE_integer(
    "bands",
    0,
    "Mel bands that magnitudes are recovered from; 0 takes them as they are.",
)
REPEATS = flags.DEFINE_integer(
    "repeats", 3, "Runs of each on each clip, of which the shortest counts."
)
RECORDINGS = flags.DEFINE_string(
    "recordings", None, "A folder of audio files to take instead of made-up clips."
)
LIMIT = flags.DEFINE_integer("limit", 8, "The most recordings to take.")

DOMAINS = ("acoustic_grand_piano", "acoustic_guitar_nylon", "violin", "flute")
VIBRATO = "vibrato and noise"

Inverse = Callable[[tf.Tensor], tf.Tensor]


def main(_) -> None:
    """Prints a table of distances, and of CPU seconds for a second of audio."""
    framing = stft.Framing(N_FFT.value, HOP.value, WINDOW.value or N_FFT.value)
    clips = {name: _whole_hops(audio) for name, audio in _clips().items()}
    print(machine.description())
    print(f"{framing}, {RATE_HZ.value} Hz, {BANDS.value} bands; {', '.join(clips)}")
    print(f"{'':42}{'SC dB':>8}{'MR-STFT':>9}{'CPU s':>10}   SC dB of each clip")
    times = {}
    for name, inverse in _ways(framing).items():
        times[name] = _row(name, inverse, clips, framing)
    without = times["Griffin-Lim, 0"]
    per_iteration = (times["Griffin-Lim, 60"] - without) / 60
    for name in ("PGHI", "PGHI and Griffin-Lim, 2", "PGHI and Griffin-Lim, 8"):
        count = max(round((times[name] - without) / per_iteration), 0)
        inverse = _griffin_lim(framing, count)
        _row(f"in the time of {name}: {count}", inverse, clips, framing)


def _ways(framing: stft.Framing) -> dict[str, Inverse]:
    """All ways from a spectrum to audio, by name; only the first may use its phase."""

    def zero(spectrum: tf.Tensor) -> tf.Tensor:
        return tf.zeros_like(tf.abs(spectrum))

    def random(spectrum: tf.Tensor) -> tf.Tensor:
        shape = tf.shape(spectrum)
        return tf.random.stateless_uniform(shape, [0, 0], maxval=2 * np.pi)

    def integrated(spectrum: tf.Tensor) -> tf.Tensor:
        return pghi.phase(tf.abs(spectrum), framing)

    def with_a_heap(spectrum: tf.Tensor) -> tf.Tensor:
        phase = pghi.exact_phase(tf.abs(spectrum).numpy(), framing)
        return _inverted(spectrum, tf.constant(phase), framing, 0)

    ways = {"the source's phase": _griffin_lim(framing, 0, tf.math.angle)}
    for count in (0, 8, 32, 60):
        ways[f"Griffin-Lim, {count}"] = _griffin_lim(framing, count)
    ways["Griffin-Lim from zero, 32"] = _griffin_lim(framing, 32, zero)
    ways["Griffin-Lim from random, 32"] = _griffin_lim(framing, 32, random)
    ways["PGHI with a heap"] = with_a_heap
    ways["PGHI"] = _griffin_lim(framing, 0, integrated)
    for count in (2, 8, 32):
        name = f"PGHI and Griffin-Lim, {count}"
        ways[name] = _griffin_lim(framing, count, integrated)
    return ways


def _griffin_lim(
    framing: stft.Framing, iterations: int, phase_of: Inverse | None = None
) -> Inverse:
    @tf.function
    def run(spectrum: tf.Tensor) -> tf.Tensor:
        phase = None if phase_of is None else phase_of(spectrum)
        return _inverted(spectrum, phase, framing, iterations)

    return run


def _inverted(
    spectrum: tf.Tensor,
    phase: tf.Tensor | None,
    framing: stft.Framing,
    iterations: int,
) -> tf.Tensor:
    return griffin_lim.griffin_lim(
        tf.abs(spectrum),
        framing.n_fft,
        framing.hop,
        iterations,
        phase=phase,
        window=framing.window,
    )


def _row(
    name: str, inverse: Inverse, clips: dict[str, np.ndarray], framing: stft.Framing
) -> float:
    """Prints how far the audio of a way is, and returns its CPU seconds a second."""
    convergences_db, distances, times = [], [], []
    for audio in clips.values():
        spectrum = _given(audio, framing)
        found = inverse(spectrum).numpy()  # Traces and warms up.
        times.append(_seconds(inverse, spectrum) * RATE_HZ.value / len(audio))
        wanted = tf.abs(spectrum)
        apart = tf.abs(_transform(found, framing)) - wanted
        ratio = np.linalg.norm(apart) / np.linalg.norm(wanted)
        convergences_db.append(20 * np.log10(ratio))
        distances.append(stft_distance.distance(audio, found, RATE_HZ.value))
    each = " ".join(f"{one:6.1f}" for one in convergences_db)
    print(
        f"{name:42}{np.mean(convergences_db):8.1f}{np.nanmean(distances):9.3f}"
        f"{np.mean(times):10.5f}   {each}",
        flush=True,
    )
    return float(np.mean(times))


def _seconds(inverse: Inverse, spectrum: tf.Tensor) -> float:
    """Of all cores together, which other work on the machine hardly changes."""
    times = []
    for _ in range(REPEATS.value):
        start = time.process_time()
        inverse(spectrum)
        times.append(time.process_time() - start)
    return min(times)


def _transform(audio: np.ndarray, framing: stft.Framing) -> tf.Tensor:
    sizes = framing.n_fft, framing.hop, framing.window
    return stft.stft(tf.constant(audio), *sizes)


def _given(audio: np.ndarray, framing: stft.Framing) -> tf.Tensor:
    """The transform, its magnitudes recovered from mel bands where there are any."""
    spectrum = _transform(audio, framing)
    if not BANDS.value:
        return spectrum
    matrix = mel.matrix(
        RATE_HZ.value, framing.n_fft, BANDS.value, 40.0, RATE_HZ.value / 2
    )
    bands = mel.from_log(mel.to_log(mel.from_magnitude(tf.abs(spectrum), matrix)))
    magnitude = mel.to_magnitude(bands, mel.pseudo_inverse(matrix))
    phase = tf.math.angle(spectrum)
    return tf.complex(magnitude * tf.cos(phase), magnitude * tf.sin(phase))


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
