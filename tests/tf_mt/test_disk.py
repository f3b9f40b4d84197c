"""A limit of the size of files stands for a full disk, which fails in the same way."""

import contextlib
import resource

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import atomic, disk, weights_file
from tf_mt.audio import files

BYTES = 4096


@contextlib.contextmanager
def full_disk():
    """No file grows beyond `BYTES` in this block; the signal for it is ignored."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_python(path):
    path.write_bytes(bytes(2 * BYTES))


def write_tensorflow(path):
    with tf.io.gfile.GFile(str(path), "wb") as file:
        file.write(bytes(2 * BYTES))


def write_weights(path):
    path.mkdir()
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64)])
    weights_file.save(model, path / "model.weights.h5")


@pytest.mark.parametrize("write", [write_python, write_tensorflow, write_weights])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(write, tmp_path):
    target = tmp_path / "target"
    with (
        pytest.raises(disk.FullError, match=r"target' cannot be written \(File too"),
        full_disk(),
        atomic.path(target) as temporary,
    ):
        write(temporary)
    assert not list(tmp_path.iterdir())


def test_so_it_is_for_sound(tmp_path):
    audio = np.zeros(BYTES, np.float32)
    with (
        pytest.raises(OSError, match=r"new\.wav': cannot be written .* full\?"),
        full_disk(),
    ):
        files.write(tmp_path / "new.wav", audio, 8000)
    assert not list(tmp_path.iterdir())


def test_the_space_that_is_reserved_is_enough(tmp_path, monkeypatch):
    reserved = []
    monkeypatch.setattr(disk, "reserve", lambda path, size: reserved.append(size))
    layers = [keras.layers.Dense(5) for _ in range(40)]
    model = keras.Sequential([keras.Input((5,)), *layers])
    weights_file.save(model, tmp_path / "model.weights.h5")
    assert (tmp_path / "model.weights.h5").stat().st_size <= reserved[0]


def test_an_error_may_lead_to_another():
    with (
        pytest.raises(disk.FullError, match="'here' cannot be written"),
        disk.writing("here"),
    ):
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise RuntimeError("no dataset") from error


def test_other_errors_stay_what_they_are():
    with pytest.raises(ValueError, match=r"^other$"), disk.writing("here"):
        raise ValueError("other")


def test_the_innermost_place_is_named():
    with (
        pytest.raises(disk.FullError, match="'inner'"),
        disk.writing("outer"),
        disk.writing("inner"),
    ):
        raise OSError(28, "No space left on device")


def test_errors_that_led_to_each_other_are_looked_through_once(tmp_path):
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    with pytest.raises(ValueError, match="first"), disk.writing(tmp_path):
        raise first
