"""How much faster than real time audio goes to its transform and back.

python tests/benchmarks/griffin_lim.py --seconds=60 --iterations=16
"""

import statistics
import time
from collections.abc import Callable

import librosa
import numpy as np
import tensorflow as tf
from absl import flags

from tf_mt import script
from tf_mt.audio import griffin_lim, stft

SECONDS = flags.DEFINE_float("seconds", 60.0, "Length of the audio.", lower_bound=1.0)
RATE_HZ = flags.DEFINE_integer("sample_rate_hz", 16_000, "Sample rate of the audio.")
N_FFT = flags.DEFINE_integer("n_fft", 1024, "Samples in a frame.")
HOP = flags.DEFINE_integer("hop", 256, "Samples from one frame to the next.")
ITERATIONS = flags.DEFINE_integer("iterations", 16, "Iterations of Griffin-Lim.")
REPEATS = flags.DEFINE_integer("repeats", 5, "Runs of each; their median is printed.")


def main(_) -> None:
    """Prints a table of times."""
    samples = int(SECONDS.value * RATE_HZ.value) // HOP.value * HOP.value
    sizes = {"n_fft": N_FFT.value, "hop": HOP.value}
    audio = tf.random.stateless_normal([samples], seed=[0, 0], stddev=0.1)
    spectrum = stft.stft(audio, **sizes)
    magnitude = tf.abs(spectrum)

    def by_librosa(magnitude: tf.Tensor) -> np.ndarray:
        return librosa.griffinlim(
            magnitude.numpy().T,
            n_iter=ITERATIONS.value,
            n_fft=N_FFT.value,
            hop_length=HOP.value,
            random_state=0,
        )

    by_us = tf.function(
        lambda magnitude: griffin_lim.griffin_lim(
            magnitude, iterations=ITERATIONS.value, **sizes
        )
    )
    ways = {
        "STFT": (tf.function(lambda audio: stft.stft(audio, **sizes)), audio),
        "inverse STFT": (tf.function(lambda bins: stft.istft(bins, **sizes)), spectrum),
        "Griffin-Lim": (by_us, magnitude),
        "librosa.griffinlim": (by_librosa, magnitude),
    }
    taken = {name: _seconds(way, given) for name, (way, given) in ways.items()}
    print(f"{'':20}{'seconds':>10}{'x real time':>14}")
    for name, seconds in taken.items():
        print(f"{name:20}{seconds:10.4f}{samples / RATE_HZ.value / seconds:14.0f}")
    ratio = taken["librosa.griffinlim"] / taken["Griffin-Lim"]
    print(f"Griffin-Lim is {ratio:.1f} times as fast as librosa's.")


def _seconds(way: Callable, given: tf.Tensor) -> float:
    way(given)  # Traces, compiles and warms up.
    times = []
    for _ in range(REPEATS.value):
        start = time.perf_counter()
        way(given)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    script.run(main)
