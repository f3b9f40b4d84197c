"""What clients import: little, so that they start at once, and no TensorFlow."""

import subprocess
import sys

import pytest

# Beside the standard library, this, and what it imports itself.
LIGHT = {"serving", "tf_mt", "numpy", "grpc", "google", "ml_dtypes"}
# What `serving.translate` needs of audio and flags.
OF_COMMANDS = {"absl", "cffi", "_cffi_backend", "soundfile", "soxr", "tqdm"}
# gRPC takes these along where they are installed.
OF_GRPC = {"grpc_health", "grpc_reflection", "typing_extensions"}
HEAVY = {"tensorflow", "keras", "tensorflow_serving", "scipy", "librosa", "numba"}

PROGRAM = "import sys; import {module}; print(*sys.modules)"


def imported(module):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_program_tells_what_is_imported():
    assert "numpy" in imported("numpy.linalg")
    assert "numpy" not in imported("json")


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("serving.client", LIGHT),
        ("serving.async_client", LIGHT),
        ("serving.tls", LIGHT),
        ("serving.translate", LIGHT | OF_COMMANDS),
    ],
)
def test_clients_import_little(module, needed):
    # What an interpreter has from the start is not the module's.
    found = imported(module) - imported("sys") - sys.stdlib_module_names
    assert not found & HEAVY
    known = needed | OF_GRPC
    # Compiled modules have names of their own for what they share.
    assert {name for name in found if not name.startswith(("_", "cython"))} <= known
