"""How many requests a server answers, how fast, and what memory a burst of them takes.

python tests/benchmarks/server.py --bundle=bundles/NAME
"""

import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import machine
import numpy as np
import tensorflow as tf
from absl import flags

from serving import client
from tf_mt import dataset, models, script
from tf_mt.inference import bundle

BUNDLE = flags.DEFINE_string(
    "bundle",
    None,
    "Bundle to serve, a folder of versions; an untrained one if not given.",
)
APPROACH = flags.DEFINE_enum(
    "approach", "vae_gan", sorted(models.APPROACHES), "Approach of the untrained one."
)
PRESET = flags.DEFINE_string("preset", "small", "Preset of the untrained one.")
CLIENTS = flags.DEFINE_list("clients", ["1", "4", "16"], "Numbers of clients.")
SECONDS = flags.DEFINE_float("seconds", 10.0, "Duration of each row.", lower_bound=1.0)
BURST = flags.DEFINE_integer("burst", 200, "Requests at once.", lower_bound=1)
BURST_SECONDS = flags.DEFINE_float("burst_seconds", 60.0, "Audio in each of these.")

_BATCHING = """
    max_batch_size { value: 16 }
    batch_timeout_micros { value: 2000 }
    num_batch_threads { value: 2 }
    max_enqueued_batches { value: 100 }
"""
_THREADS = 32
_WARMUP_SECONDS = 2.0
_SETTLE_SECONDS = 10.0
_MEBIBYTE = 2**20


@dataclasses.dataclass(frozen=True)
class _Server:
    """A server in a process of its own."""

    address: str
    pid: int

    def rss_bytes(self) -> int:
        """The memory that it holds."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return 1024 * int(line.split()[1])
        raise RuntimeError(f"Process {self.pid} has ended.")

    def cpu_seconds(self) -> float:
        """The time that its threads have had of the cores."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(argv: list[str]) -> None:
    """Prints a table of throughput and one of memory."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(BUNDLE.value) if BUNDLE.value else _untrained(Path(folder))
        batching = Path(folder, "batching.config")
        batching.write_text(_BATCHING)
        joint = "--enable_batching", f"--batching_parameters_file={batching}"
        ways = {"no": (), "yes": joint}
        print(f"{machine.description()}, TF {tf.__version__}")
        print(
            f"{'clients':>7}{'batched':>9}{'requests/s':>12}{'x real time':>13}", end=""
        )
        print(f"{'CPU ms':>9}{'p50 ms':>9}{'p99 ms':>9}")
        bursts = {}
        for batched, options in ways.items():
            with _server(base, *options) as server:
                _measure(server, batched)
            with _server(base, *options) as server:
                bursts[batched] = _burst(server)
    print(f"\n{BURST.value} requests of {BURST_SECONDS.value:g} s at once")
    print(f"{'batched':>9}{'before MiB':>12}{'peak':>8}{'after':>8}{'seconds':>9}")
    for batched, (before, peak, after, seconds) in bursts.items():
        sizes = (f"{n / _MEBIBYTE:.0f}" for n in (before, peak, after))
        print("{:>9}{:>12}{:>8}{:>8}{:>9.1f}".format(batched, *sizes, seconds))


def _untrained(folder: Path) -> Path:
    info = dataset.DatasetInfo("toy", 16_000, tuple("abcdef"))
    chosen = models.preset(APPROACH.value, PRESET.value).model
    model = models.APPROACHES[APPROACH.value].model(chosen, info)
    return bundle.export(model, folder / "toy").parent


def _measure(server: _Server, batched: str) -> None:
    """Prints a row for each number of clients, which ask for a window at a time."""
    for count in map(int, CLIENTS.value):
        with contextlib.ExitStack() as stack:
            clients = [
                stack.enter_context(client.Client(server.address, "toy"))
                for _ in range(count)
            ]
            info = clients[0].info
            window = _noise(info.window_samples)
            _ask(clients, window, _WARMUP_SECONDS)
            began, cpu_began = time.perf_counter(), server.cpu_seconds()
            times = _ask(clients, window, SECONDS.value)
            rate = len(times) / (time.perf_counter() - began)
            cpu = 1000 * (server.cpu_seconds() - cpu_began) / len(times)
        real_time = rate * info.window_samples / info.sample_rate_hz
        middle, late = 1000 * np.percentile(times, [50, 99])
        print(
            f"{count:7}{batched:>9}{rate:12.1f}{real_time:13.0f}{cpu:9.0f}"
            f"{middle:9.0f}{late:9.0f}",
            flush=True,
        )


def _ask(
    clients: list[client.Client], audio: np.ndarray, seconds: float
) -> list[float]:
    """Has clients ask one request after the other; the seconds that each took."""
    until = time.perf_counter() + seconds

    def ask(connected: client.Client) -> list[float]:
        domain, times = connected.info.domains[0], []
        while (began := time.perf_counter()) < until:
            connected.translate(audio, domain)
            times.append(time.perf_counter() - began)
        return times

    with futures.ThreadPoolExecutor(len(clients)) as pool:
        return [taken for times in pool.map(ask, clients) for taken in times]


def _burst(server: _Server) -> tuple[int, int, int, float]:
    """The memory before, at the peak of, and after many requests, and their seconds."""
    with client.Client(server.address, "toy", deadline_seconds=600.0) as connected:
        info = connected.info
        audio = _noise(int(BURST_SECONDS.value * info.sample_rate_hz))
        connected.translate(audio[:, : info.window_samples], info.domains[0])
        before = peak = server.rss_bytes()
        finished = threading.Event()

        def watch() -> int:
            highest = before
            while not finished.wait(0.05):
                highest = max(highest, server.rss_bytes())
            return highest

        with futures.ThreadPoolExecutor(BURST.value + 1) as pool:
            watched = pool.submit(watch)
            began = time.perf_counter()
            asked = [
                pool.submit(connected.translate, audio, info.domains[0])
                for _ in range(BURST.value)
            ]
            for request in asked:
                request.result()
            seconds = time.perf_counter() - began
            finished.set()
            peak = watched.result()
    time.sleep(_SETTLE_SECONDS)
    return before, peak, server.rss_bytes(), seconds


def _noise(samples: int) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.normal(0.0, 0.1, (1, samples)).astype(np.float32)


@contextlib.contextmanager
def _server(base: Path, *options: str) -> Iterator[_Server]:
    """Starts a server in a process of its own."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "serving.server", "--port=0", "--model_name=toy"),
            f"--model_base_path={base.resolve()}",
            f"--grpc_max_threads={_THREADS}",
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = process.stdout.readline()
        port = said.partition("port ")[2].partition(":")[0]
        yield _Server(f"localhost:{port}", process.pid)
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    script.run(main)
