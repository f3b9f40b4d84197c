"""How much faster than real time a long file is translated, and where the time goes.

python tests/benchmarks/translation.py --bundle=bundles/NAME
"""

import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from serving import client
from tf_mt import bundle, dataset, models, script
from tf_mt.models import vae_gan

BUNDLE = flags.DEFINE_string(
    "bundle", None, "Bundle to translate with; the untrained preset's if not given."
)
PRESET = flags.DEFINE_string(
    "preset", "small", "Preset of the VAE-GAN whose parts are timed, untrained."
)
SECONDS = flags.DEFINE_float("seconds", 60.0, "Length of the file.", lower_bound=1.0)
REPEATS = flags.DEFINE_integer("repeats", 5, "Runs of each; their median is printed.")

RATE_HZ = 16_000


def main(argv: list[str]) -> None:
    """Prints a table of times."""
    info = dataset.DatasetInfo("toy", RATE_HZ, tuple("abcdef"))
    model = vae_gan.VaeGan(models.preset("vae_gan", PRESET.value).model, info)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(BUNDLE.value or bundle.export(model, Path(folder) / "toy").parent)
        loaded = bundle.Bundle(base)
        domain = loaded.info.domains[0]
        samples = int(SECONDS.value * loaded.info.sample_rate_hz)
        audio = np.random.default_rng(0).normal(0.0, 0.1, samples).astype(np.float32)
        taken = _parts(model, samples)
        taken["bundle in process"] = _seconds(
            lambda: list(loaded.translate_stream([audio], domain))
        )
        with _server(base) as address, client.Client(address, "toy") as connected:
            taken["over gRPC"] = _seconds(
                lambda: list(connected.translate_stream([audio], domain))
            )
    print(f"{_processor()}, {len(os.sched_getaffinity(0))} cores, TF {tf.__version__}")
    print(f"{'':20}{'seconds':>10}{'x real time':>14}")
    for name, seconds in taken.items():
        print(f"{name:20}{seconds:10.3f}{SECONDS.value / seconds:14.1f}")
    ratio = taken["over gRPC"] / taken["bundle in process"]
    print(f"gRPC takes {ratio:.2f} of the time in process.")


def _parts(model: vae_gan.VaeGan, samples: int) -> dict[str, float]:
    """Times the network and Griffin-Lim on a file's worth of windows, one by one."""
    hop = model.window_samples - model.overlap_samples
    windows = range(-(-samples // hop))
    audio = tf.random.stateless_normal([1, model.window_samples], [0, 0], stddev=0.1)
    log_mel, phase = model.front.analyse(audio)
    code = model.encode(audio).code
    translate = tf.function(
        lambda: model.decode_spectrogram(model.encode(audio).code, tf.constant([0]))
    )
    invert = tf.function(lambda: model.front.synthesise(log_mel, phase))
    del code
    return {
        "network": _seconds(lambda: [translate() for _ in windows]),
        "Griffin-Lim": _seconds(lambda: [invert() for _ in windows]),
    }


def _seconds(run: Callable[[], object]) -> float:
    run()  # Traces and warms up.
    times = []
    for _ in range(REPEATS.value):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@contextlib.contextmanager
def _server(base: Path) -> Iterator[str]:
    """Starts a server in a process of its own, and yields its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.server", "--port=0", "--model_name=toy"]
        + [f"--model_base_path={base.resolve()}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = process.stdout.readline()
        yield f"localhost:{said.partition('port ')[2].partition(':')[0]}"
    finally:
        process.terminate()
        process.communicate()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    script.run(main)
