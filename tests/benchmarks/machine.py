"""What benchmarks print of the machine beside their figures."""

import os
import platform
from pathlib import Path

# What decides how fast convolutions and products of matrices are.
INSTRUCTIONS = ("fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


def description() -> str:
    """The processor's model, those of the instructions that it has, and the cores."""
    path = Path("/proc/cpuinfo")
    model, flags = platform.processor() or platform.machine(), []
    for line in path.read_text().splitlines() if path.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            model = value.strip()
        if name.strip() == "flags":
            flags = value.split()
    known = " ".join(name for name in INSTRUCTIONS if name in flags)
    cores = len(os.sched_getaffinity(0))
    return f"{model} ({known or 'no instructions known'}), {cores} cores"
