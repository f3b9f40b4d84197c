"""How much faster than real time a long file is translated, and where the time goes.

python tests/benchmarks/translation.py --bundle=bundles/NAME
"""

import collections
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import machine
import numpy as np
import served
import tensorflow as tf
from absl import flags

from serving import client
from tf_mt import dataset, models, script
from tf_mt.audio import windows
from tf_mt.inference import bundle
from tf_mt.models.vae_gan import model as vae_gan

BUNDLE = flags.DEFINE_string(
    "bundle",
    None,
    "Bundle to translate with, a folder of versions; an untrained one if not given.",
)
PRESET = flags.DEFINE_string(
    "preset", "small", "Preset of the VAE-GAN whose parts are timed, untrained."
)
SECONDS = flags.DEFINE_float("seconds", 60.0, "Length of the file.", lower_bound=1.0)
REPEATS = flags.DEFINE_integer("repeats", 5, "Runs of each; their median is printed.")


def main(argv: list[str]) -> None:
    """Prints a table of times."""
    info = dataset.DatasetInfo("toy", 16_000, tuple("abcdef"))
    model = vae_gan.VaeGan(models.preset("vae_gan", PRESET.value).model, info)
    with tempfile.TemporaryDirectory() as folder:
        base = BUNDLE.value or bundle.export(model, Path(folder) / "toy").parent
        loaded = bundle.Bundle(base)
        taken = {**_parts(model), **_whole(loaded, Path(base))}
    print(f"{machine.description()}, TF {tf.__version__}")
    print(f"{'':20}{'seconds':>10}{'x real time':>14}")
    for name, seconds in taken.items():
        print(f"{name:20}{seconds:10.3f}{SECONDS.value / seconds:14.1f}")
    ratio = taken["over gRPC"] / taken["bundle in process"]
    print(f"gRPC takes {ratio:.2f} of the time in process.")


def _parts(model: vae_gan.VaeGan) -> dict[str, float]:
    """Times the two halves of a translation, on the windows of the file."""
    cut = windows.Windows(model.window_samples, model.overlap_samples)
    clips = [
        tf.constant(window[np.newaxis])
        for window in cut.split([_noise(model.info.sample_rate_hz)])
    ]
    spectrograms = [model.front.analyse(clip) for clip in clips]

    @tf.function
    def generate(clip: tf.Tensor) -> tf.Tensor:
        return model.decode_spectrogram(model.encode(clip).code, tf.constant([0]))

    invert = tf.function(model.synthesis.synthesise)
    return _medians(
        {
            "STFT and network": lambda: [generate(clip) for clip in clips],
            "Griffin-Lim": lambda: [invert(*pair) for pair in spectrograms],
        }
    )


def _whole(loaded: bundle.Bundle, base: Path) -> dict[str, float]:
    """Times all of a translation, in this process and by a server."""
    audio = _noise(loaded.info.sample_rate_hz)
    domain = loaded.info.domains[0]

    def translate(system: bundle.Bundle | client.Client) -> None:
        collections.deque(system.translate_stream([audio], domain), maxlen=0)

    with served.server(base) as address, client.Client(address, "toy") as connected:
        return _medians(
            {
                "bundle in process": lambda: translate(loaded),
                "over gRPC": lambda: translate(connected),
            }
        )


def _noise(sample_rate_hz: int) -> np.ndarray:
    samples = int(SECONDS.value * sample_rate_hz)
    return np.random.default_rng(0).normal(0.0, 0.1, samples).astype(np.float32)


def _medians(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Times each by turns, so that what else the machine does falls on all alike."""
    times = {name: [] for name in runs}
    for run in runs.values():
        run()  # Traces and warms up.
    for _ in range(REPEATS.value):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


if __name__ == "__main__":
    script.run(main)
