"""How much faster than real time the VQ-VAE transfers, by method and level.

python tests/benchmarks/transfer.py --preset=paper --sample_rate=44100
"""

import dataclasses
import time

import keras
import machine
import numpy as np
import tensorflow as tf
from absl import flags

from tf_mt import dataset, models, script
from tf_mt.models.vqvae import configuration
from tf_mt.models.vqvae import model as vqvae

PRESET = flags.DEFINE_string("preset", "paper", "Preset of the VQ-VAE, untrained.")
RATE = flags.DEFINE_integer("sample_rate", 44_100, "Of the audio, in hertz.")
REPEATS = flags.DEFINE_integer("repeats", 3, "Windows; their fastest is printed.")


def main(argv: list[str]) -> None:
    """Prints a table, a row for each method."""
    hparams = models.preset("vqvae", PRESET.value).model
    info = dataset.DatasetInfo("toy", RATE.value, ("any",))
    levels = range(hparams.levels)
    print(f"{machine.description()}, TF {tf.__version__}")
    print("times real time, a window of 6 s at a time, by level")
    print(f"{'':10}" + "".join(f"{level:>10}" for level in levels))
    for method in configuration.METHODS:
        speeds = []
        for level in levels:
            keras.utils.set_random_seed(0)
            changed = dataclasses.replace(hparams, method=method, level=level)
            speeds.append(_speed(vqvae.VqVae(changed, info)))
        print(f"{method:10}" + "".join(f"{speed:10.1f}" for speed in speeds))


def _speed(model: vqvae.VqVae) -> float:
    """Seconds of audio for a second of work, the timbre being known."""
    noise = np.random.default_rng(0).standard_normal((1, model.window_samples))
    audio = tf.constant(0.1 * noise, tf.float32)
    timbre = model.reference_timbre(audio)
    decode = tf.function(model.decode_to)
    decode(audio, timbre)
    taken = []
    for _ in range(REPEATS.value):
        begun = time.perf_counter()
        decode(audio, timbre)
        taken.append(time.perf_counter() - begun)
    return model.window_samples / model.info.sample_rate_hz / min(taken)


if __name__ == "__main__":
    script.run(main)
