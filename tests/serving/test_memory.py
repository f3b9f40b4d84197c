"""Memory that is given back when requests have been answered, and under load."""

import ctypes
import threading
import time
from pathlib import Path

import pytest

from serving.server import memory
from serving.server.limits import Limits
from serving.server.model import Model
from serving.server.workers import Workers

MEBIBYTE = 2**20


def resident_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])


@pytest.mark.skipif(memory.trimming() is None, reason="The C library is not glibc.")
def test_what_has_been_freed_is_given_back():
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    size, count = 64 * 1024, 2000
    blocks = [library.malloc(size) for _ in range(count)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    # While the last one is in use, those before it are kept.
    for block in blocks[:-1]:
        library.free(block)
    held_bytes = resident_bytes()
    memory.trimming()()
    given_back_bytes = held_bytes - resident_bytes()
    library.free(blocks[-1])
    assert given_back_bytes > 0.8 * size * count


def test_memory_is_trimmed_once_after_requests(
    tmp_path, save_arithmetic, served, make_request, monkeypatch
):
    save_arithmetic(tmp_path / "1")
    trimmed = []
    monkeypatch.setattr(memory, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(memory, "trimming", lambda: lambda: trimmed.append(True))
    with served(Model("toys", tmp_path, poll_wait_seconds=0)) as stubs:
        for number in (1, 2):
            assert len(trimmed) == number - 1
            stubs.predict(make_request("toys", x=[1.0]))
            while len(trimmed) < number:
                time.sleep(0.01)
            # Long enough to look again.
            time.sleep(0.2)
        under_way = stubs.predict.future(make_request("toys", "wait", seconds=2.0))
        stubs.predict(make_request("toys", x=[1.0]))
        time.sleep(0.2)
        assert under_way.done() or len(trimmed) == 2
        under_way.result(60)
        while len(trimmed) < 3:
            time.sleep(0.01)


def test_memory_is_trimmed_under_unbroken_load(monkeypatch):
    pause_seconds, trimmed, finish = 0.2, [], threading.Event()
    monkeypatch.setattr(memory, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(memory, "_PAUSE_UNDER_LOAD_SECONDS", pause_seconds)
    monkeypatch.setattr(
        memory, "trimming", lambda: lambda: trimmed.append(time.monotonic())
    )
    with Workers(Limits(threads=2)) as workers:
        watch = memory.Memory(workers)
        workers.submit(finish.wait)
        began = time.monotonic()
        watch.start()
        while len(trimmed) < 2 and time.monotonic() < began + 30:
            workers.submit(time.sleep, 0.01).result()
        watch.stop()
        finish.set()
    assert len(trimmed) >= 2
    assert trimmed[0] - began >= pause_seconds
    assert trimmed[1] - trimmed[0] >= pause_seconds
