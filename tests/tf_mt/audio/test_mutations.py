"""Any bytes are read or refused in a sentence of ours, in bounds of time and memory."""

import time
import tracemalloc
from datetime import timedelta

import hypothesis
import numpy as np
import pytest
import soundfile
from hypothesis import strategies

from tf_mt.audio import files

RATE_HZ = 16_000
MOST_BYTES = 64 << 20
MOST_SECONDS = 5.0
SETTINGS = hypothesis.settings(
    max_examples=30,
    deadline=timedelta(seconds=MOST_SECONDS),
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)

# Most of the headers; each a place and what is written there.
mutations = strategies.lists(
    strategies.tuples(
        strategies.integers(0, 90), strategies.binary(min_size=1, max_size=4)
    ),
    min_size=1,
    max_size=4,
)


def read_or_refused(path, content):
    path.write_bytes(content)
    tracemalloc.start()
    began = time.perf_counter()
    try:
        for block in files.blocks(path, RATE_HZ, RATE_HZ):
            assert block.dtype == np.float32
            assert np.isfinite(block).all()
    except ValueError as error:
        assert str(error).startswith(f"path={str(path)!r}: cannot be read as audio (")
        assert "\n" not in str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert time.perf_counter() - began < MOST_SECONDS
    assert peak < MOST_BYTES


@pytest.fixture(
    scope="module", params=[("WAV", "wav"), ("FLAC", "flac"), ("AIFF", "aif")]
)
def whole(request, tmp_path_factory):
    container, suffix = request.param
    path = tmp_path_factory.mktemp("whole") / f"a.{suffix}"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (400, 2))
    soundfile.write(path, noise, RATE_HZ, "PCM_16", format=container)
    return path, path.read_bytes()


@SETTINGS
@hypothesis.given(mutations=mutations)
def test_mutated_headers(whole, mutations):
    path, content = whole
    changed = bytearray(content)
    for place, part in mutations:
        changed[place : place + len(part)] = part
    read_or_refused(path, bytes(changed))


@SETTINGS
@hypothesis.given(
    begin=strategies.sampled_from(
        [
            b"",
            b"RIFF\0\0\0\0WAVE",
            b"fLaC",
            b"OggS",
            b"ID3\3\0",
            b"\xff\xfb\x90",
            b"FORM",
        ]
    ),
    rest=strategies.binary(max_size=2000),
)
def test_any_bytes(tmp_path, begin, rest):
    read_or_refused(tmp_path / "a.wav", begin + rest)
