"""What a client costs before it has asked anything: the CPU time of its imports.

python tests/benchmarks/client_import.py
"""

import resource
import statistics
import subprocess
import sys

import machine
from absl import flags

from tf_mt import script

REPEATS = flags.DEFINE_integer(
    "repeats", 5, "Processes for each; their median is printed.", lower_bound=1
)

# The last one are the stubs of the package tensorflow-serving-api, by which TensorFlow
# Serving's own examples ask a server.
MODULES = (
    "serving.client",
    "serving.async_client",
    "tensorflow_serving.apis.prediction_service_pb2_grpc",
)


def main(argv: list[str]) -> None:
    """Prints a line for each client, and how many times as much the stubs take."""
    print(machine.description())
    times: dict[str, list[float]] = {name: [] for name in ("sys", *MODULES)}
    for _ in range(REPEATS.value):
        for name, taken in times.items():
            taken.append(cpu_seconds(name))
    start = statistics.median(times["sys"])
    medians = {name: statistics.median(times[name]) - start for name in MODULES}
    stubs = medians[MODULES[-1]]
    for name, seconds in medians.items():
        print(f"{name:53}{seconds:7.2f} s{stubs / seconds:8.1f}")


def cpu_seconds(module: str) -> float:
    """CPU time of a process that imports a module, and of all its threads."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", f"import {module}"], check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


if __name__ == "__main__":
    script.run(main)
