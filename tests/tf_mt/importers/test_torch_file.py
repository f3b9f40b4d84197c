import argparse
import collections
import io
import os
import pathlib
import pickle
import tracemalloc
import types
import zipfile

import numpy as np
import pytest

from tests.tf_mt import torch_writer
from tf_mt.importers import torch_file

LAYOUTS = pytest.mark.parametrize("layout", torch_writer.LAYOUTS)


def reread(tmp_path, content, layout):
    path = tmp_path / "content.pth"
    torch_writer.save(path, content, layout)
    return torch_file.load(path)


def cuts(path):
    """The file, cut off at many places."""
    whole = path.read_bytes()
    for size in np.linspace(0, len(whole) - 1, 40, dtype=int):
        path.write_bytes(whole[:size])
        yield path


@LAYOUTS
@pytest.mark.parametrize("dtype", torch_writer.STORAGES)
def test_arrays_come_back(layout, dtype, tmp_path):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 2, (3, 4, 2)).astype(dtype)
    empty = np.zeros((0, 3), dtype)
    scalar = np.array(1, dtype)
    found = reread(tmp_path, {"a": array, "e": empty, "s": scalar}, layout)
    for name, values in (("a", array), ("e", empty), ("s", scalar)):
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


@LAYOUTS
def test_tensors_may_share_a_storage(layout, tmp_path):
    storage = torch_writer.Storage(np.arange(12.0))
    content = [
        torch_writer.tensor(storage, 0, (12,), (1,)),
        torch_writer.tensor(storage, 6, (2, 3), (3, 1)),
        # Steps along what has one element are of no account.
        torch_writer.tensor(storage, 2, (2, 1), (1, 99)),
        # As a transposed matrix is saved.
        torch_writer.tensor(storage, 0, (3, 2), (1, 3)),
    ]
    whole, part, column, turned = reread(tmp_path, content, layout)
    np.testing.assert_array_equal(whole, np.arange(12.0))
    np.testing.assert_array_equal(part, [[6, 7, 8], [9, 10, 11]])
    np.testing.assert_array_equal(column, [[2], [3]])
    np.testing.assert_array_equal(turned, [[0, 3], [1, 4], [2, 5]])


@LAYOUTS
def test_what_a_training_saves(layout, tmp_path):
    state = collections.OrderedDict(weight=np.ones(3, np.float32))
    state._metadata = collections.OrderedDict(version=1)
    parameter = torch_writer.Call(
        "torch._utils", "_rebuild_parameter", np.zeros(2), True, None
    )
    size = torch_writer.Call("torch", "Size", (2, 3))
    told = argparse.Namespace(layers=14, lr=1e-3, data=[pathlib.PosixPath("a/b")])
    content = [told, 264, {"state": state, "parameter": parameter, "size": size}]
    arguments, epoch, states = reread(tmp_path, content, layout)
    assert arguments == types.SimpleNamespace(layers=14, lr=1e-3, data=["a/b"])
    assert epoch == 264
    assert list(states["state"]) == ["weight"]
    np.testing.assert_array_equal(states["parameter"], np.zeros(2))
    assert states["size"] == (2, 3)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@LAYOUTS
def test_a_pickle_cannot_do_harm(layout, tmp_path):
    touched = tmp_path / "touched"
    with pytest.raises(ValueError, match=r"names posix\.system, which"):
        reread(tmp_path, {"state": Evil(touched)}, layout)
    assert not touched.exists()
    pickle.loads(pickle.dumps(Evil(touched)))
    assert touched.exists(), "it would have."


@LAYOUTS
@pytest.mark.parametrize(
    "name",
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("collections", "OrderedDict.__init__"),
        ("torch.nn.modules.conv", "Conv1d"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("numpy.core.multiarray", "_reconstruct"),
    ],
)
def test_only_what_weights_need_is_known(layout, name, tmp_path):
    with pytest.raises(ValueError, match=rf"names {name[0]}\.{name[1]}, which"):
        reread(tmp_path, torch_writer.Named(*name), layout)


@pytest.mark.parametrize("place", range(3))
def test_no_pickle_of_a_stream_can(place, tmp_path):
    path = tmp_path / "content.pth"
    with path.open("wb") as file:
        for number in range(3):
            content = Evil(tmp_path / "touched") if number == place else 1
            pickle.dump(content, file)
    with pytest.raises(ValueError, match=r"names posix\.system"):
        torch_file.load(path)


@LAYOUTS
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (5,), (1,)),
        (3, (2,), (1,)),
        (-3, (4,), (1,)),
        (0, (2, 2), (2, 2)),
        (0, (2, 3), (1, 1)),
        (0, (2,), (-1,)),
        (0, (10**9,), (0,)),
        (0, (2, -2), (2, 1)),
        (0, (4,), (1, 1)),
    ],
)
def test_a_tensor_does_not_reach_beyond_its_storage(
    layout, offset, shape, strides, tmp_path
):
    storage = torch_writer.Storage(np.arange(4.0))
    tensor = torch_writer.tensor(storage, offset, shape, strides)
    with pytest.raises(ValueError, match="cannot be read"):
        reread(tmp_path, tensor, layout)


@LAYOUTS
def test_a_file_that_is_cut_off(layout, tmp_path):
    path = tmp_path / "content.pth"
    torch_writer.save(path, {"a": np.arange(100.0), "b": np.ones(9)}, layout)
    for cut in cuts(path):
        with pytest.raises(ValueError, match=r"content\.pth' cannot be read .* cut"):
            torch_file.load(cut)


@pytest.mark.parametrize(
    "content", [b"<html>", b"PK\x03\x04", b"\x80\x02K\x01.", b"RIFF" + bytes(99)]
)
def test_other_files(content, tmp_path):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.pth' cannot be read"):
        torch_file.load(path)


def test_a_few_bytes_do_not_take_all_memory(tmp_path):
    # The largest number under which a pickle may remember what it has made.
    remembered = b"\x80\x02K\x01r\xff\xff\xff\x07."
    path = tmp_path / "content.pth"
    path.write_bytes(remembered)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="cannot be read"):
            torch_file.load(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        torch_file.load(tmp_path / "nothing.pth")


def written(tmp_path, write, *arguments, **given):
    path = tmp_path / "content.pth"
    file = io.BytesIO()
    write(file, *arguments, **given)
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"little_endian": False}, "big-endian"),
        ({"view": ("root", 0, 2)}, "a storage of a kind"),
    ],
)
def test_streams_that_are_refused(given, reason, tmp_path):
    path = written(tmp_path, torch_writer.save_stream, np.ones(3), **given)
    with pytest.raises(ValueError, match=reason):
        torch_file.load(path)


def test_archives_that_are_refused(tmp_path):
    def write(file):
        with zipfile.ZipFile(file, "w") as archive:
            torch_writer.save_zip(archive, np.ones(3), "big")

    with pytest.raises(ValueError, match="big-endian"):
        torch_file.load(written(tmp_path, write))


def test_every_tensor_of_a_stream_needs_its_numbers(tmp_path):
    whole = written(tmp_path, torch_writer.save_stream, [])
    with whole.open("rb") as file:
        for _ in range(3):
            pickle.load(file)
        head = whole.read_bytes()[: file.tell()]
    body = io.BytesIO()
    torch_writer.Pickler(body, [None]).dump(np.ones(3))
    whole.write_bytes(head + body.getvalue() + pickle.dumps([], protocol=2))
    with pytest.raises(ValueError, match="other storages"):
        torch_file.load(whole)
