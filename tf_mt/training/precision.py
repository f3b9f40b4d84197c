"""The arithmetic of a training on this machine: float32, or mixed bfloat16."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

BFLOAT16 = "mixed_bfloat16"
CPU_INFO = Path("/proc/cpuinfo")

_BFLOAT16_INSTRUCTIONS = {"amx_bf16", "avx512_bf16"}


def fastest() -> str:
    """Returns the policy that trains fastest here: "mixed_bfloat16" or "float32".

    On CPUs without instructions for bfloat16, float32 is faster.
    """
    if tf.config.list_physical_devices("GPU"):
        return BFLOAT16
    known = set(CPU_INFO.read_text().split()) if CPU_INFO.exists() else set()
    return BFLOAT16 if known & _BFLOAT16_INSTRUCTIONS else "float32"


def resolved(name: str) -> str:
    """Returns the policy that a configuration's precision stands for on this machine.

    Args:
        name: The name of a policy, or "auto" for the fastest.
    """
    return fastest() if name == "auto" else name


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Sets the arithmetic of the layers that are made in its block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
