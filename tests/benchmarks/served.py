"""The server that benchmarks ask."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def server(base: Path) -> Iterator[str]:
    """Starts a server of the model `toy` in a process; yields its address."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "serving.server", "--port=0", "--model_name=toy"),
            f"--model_base_path={base.resolve()}",
        ],
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
