"""Any bytes give a tensor, the content of a file, or a `ValueError`."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from serving import proto, tensors
from tests.fuzz import wire

# The same examples in every run.
STEADY = hypothesis.settings(
    derandomize=True,
    deadline=2000,
    max_examples=50,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
NUMBERS = strategies.sampled_from(
    [-(2**31), -1, 0, 1, 255, 256, 65_535, 65_536, 2**31 - 1]
)


@STEADY
@hypothesis.given(strategies.binary(max_size=200))
def test_any_bytes_on_the_wire(data):
    refused_or_read(wire.read_wire, data)


@STEADY
@hypothesis.given(strategies.data())
def test_any_tensor(data):
    """A message of a right form, whose fields need not fit together."""
    tensor = proto.TensorProto(dtype=data.draw(strategies.integers(-1, 25)))
    for size in data.draw(strategies.lists(strategies.integers(-1, 2**62), max_size=3)):
        tensor.tensor_shape.dim.add(size=size % 7 if size % 2 else size)
    tensor.int_val.extend(data.draw(strategies.lists(NUMBERS, max_size=3)))
    tensor.half_val.extend(data.draw(strategies.lists(NUMBERS, max_size=3)))
    tensor.scomplex_val.extend(data.draw(strategies.lists(NUMBERS, max_size=3)))
    tensor.tensor_content = data.draw(strategies.binary(max_size=16))
    response = proto.PredictResponse()
    response.outputs.add(key="any").value.CopyFrom(tensor)
    refused_or_read(wire.read_wire, response.SerializeToString())


@STEADY
@hypothesis.given(
    arrays.arrays(
        strategies.sampled_from(["f4", "f8", "f2", "i4", "i8", "u1", "u8", "?", "c8"]),
        arrays.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4),
    )
)
def test_every_tensor_comes_back(array):
    for write in (tensors.write_content, tensors.write_values):
        tensor = proto.TensorProto()
        write(array, tensor)
        read = tensors.to_array(
            proto.TensorProto.FromString(tensor.SerializeToString())
        )
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array)


@STEADY
@hypothesis.given(
    data=strategies.binary(max_size=200),
    head=strategies.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x04"]),
)
def test_any_file(data, head, tmp_path):
    with pytest.raises(ValueError, match="content"):
        wire.read_torch(head + data, tmp_path / "content.pth")


def test_mutated_messages(tmp_path):
    def read_torch(data):
        wire.read_torch(data, tmp_path / "content.pth")

    for read, seeds, messages in (
        (wire.read_wire, wire.wire_messages(), 1000),
        (read_torch, wire.torch_files(), 200),
    ):
        found = wire.fuzz(read, seeds, messages, seed=0)
        assert not found["crashes"]
        # Neither all whole nor all beyond reading: it is the border that is tried.
        assert found["counts"]["read"] and found["counts"]["refused"]


def refused_or_read(read, data):
    try:
        read(data)
    except ValueError as error:
        assert str(error)
