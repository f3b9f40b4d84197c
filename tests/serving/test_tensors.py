import time
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving import proto, tensors

ARRAYS = [
    np.array([[1.5, -2.0], [np.inf, 3e-8]], np.float32),
    np.array([1.5, -2.0], np.float64),
    np.array([1.5, -2.0], np.float16),
    np.array([1.5, -2.0], ml_dtypes.bfloat16),
    np.array([-(2**31), 2**31 - 1], np.int32),
    np.array([-128, 127], np.int8),
    np.array([0, 255], np.uint8),
    np.array([-(2**15), 2**15 - 1], np.int16),
    np.array([0, 2**16 - 1], np.uint16),
    np.array([0, 2**32 - 1], np.uint32),
    np.array([-(2**63), 2**63 - 1], np.int64),
    np.array([0, 2**64 - 1], np.uint64),
    np.array([True, False]),
    np.array([1 - 2j], np.complex64),
    np.array([1 - 2j], np.complex128),
    np.array([[b"a", b""], [b"\0c\0", b"\xff"]], object),
    np.array(7.0, np.float32),
    np.zeros([0, 3], np.float32),
]
IDS = [f"{array.dtype}{list(array.shape)}" for array in ARRAYS]


@pytest.mark.parametrize("array", ARRAYS, ids=IDS)
@pytest.mark.parametrize("write", [tensors.write_content, tensors.write_values])
def test_tensorflow_reads_what_is_written(write, array):
    message = tensor_pb2.TensorProto()
    write(array, message)
    read = tf.make_ndarray(message)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("array", ARRAYS, ids=IDS)
@pytest.mark.parametrize("write", [tensors.write_content, tensors.write_values])
def test_what_is_written_is_read(write, array):
    message = tensor_pb2.TensorProto()
    write(array, message)
    read = tensors.to_array(message)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("array", ARRAYS, ids=IDS)
@pytest.mark.parametrize("write", [tensors.write_content, tensors.write_values])
def test_the_light_messages_hold_the_same(write, array):
    message, light = tensor_pb2.TensorProto(), proto.TensorProto()
    write(array, message)
    write(array, light)
    assert light.SerializeToString() == message.SerializeToString()
    np.testing.assert_array_equal(tensors.to_array(light), array)


@pytest.mark.parametrize("array", ARRAYS, ids=IDS)
def test_what_tensorflow_writes_is_read(array):
    dtype = tf.string if array.dtype == object else None
    message = tf.make_tensor_proto(array, dtype)
    np.testing.assert_array_equal(tensors.to_array(message), array)


def test_values_are_written_as_values():
    message = tensor_pb2.TensorProto()
    tensors.write_values(np.array([0.5, 2.0], np.float32), message)
    assert list(message.float_val) == [0.5, 2.0]
    assert not message.tensor_content


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 4095, 4096, 5000, 600_000])
def test_packed_values_of_any_length(count):
    array = np.arange(count, dtype=np.float32)
    message = tensor_pb2.TensorProto()
    tensors.write_values(array, message)
    expected = tensor_pb2.TensorProto(dtype=1, float_val=array.tolist())
    expected.tensor_shape.dim.add(size=count)
    assert message.SerializeToString() == expected.SerializeToString()


def test_one_value_stands_for_a_whole_tensor():
    message = tensor_pb2.TensorProto(dtype=1, float_val=[1.0, 2.0])
    message.tensor_shape.dim.add(size=2)
    message.tensor_shape.dim.add(size=2)
    np.testing.assert_array_equal(tensors.to_array(message), [[1, 2], [2, 2]])


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0]])
def test_a_few_values_do_not_stand_for_more_than_a_bound(values):
    most = tensors.MOST_FILLED_BYTES // 4
    message = tensor_pb2.TensorProto(dtype=1, float_val=values)
    size = message.tensor_shape.dim.add(size=most)
    assert tensors.to_array(message).shape == (most,)
    for size.size in (most + 1, 2**62):
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match="values are missing"):
                tensors.to_array(message)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 100_000


def test_all_values_of_a_large_tensor_are_read():
    array = np.zeros(tensors.MOST_FILLED_BYTES // 4 + 1, np.float32)
    for write in (tensors.write_content, tensors.write_values):
        message = tensor_pb2.TensorProto()
        write(array, message)
        assert tensors.to_array(message).shape == array.shape


def test_a_few_strings_do_not_stand_for_more_than_a_bound():
    message = tensor_pb2.TensorProto(dtype=7, string_val=[b"cello"])
    message.tensor_shape.dim.add(size=tensors.MOST_FILLED_BYTES)
    with pytest.raises(ValueError, match="values are missing"):
        tensors.to_array(message)


def test_no_value_stands_for_zeros():
    message = tensor_pb2.TensorProto(dtype=1)
    message.tensor_shape.dim.add(size=2)
    np.testing.assert_array_equal(tensors.to_array(message), [0, 0])
    message.dtype = 7
    np.testing.assert_array_equal(tensors.to_array(message), [b"", b""])


def test_strings_as_content():
    # TensorFlow's C++ writes strings so: the lengths, then the strings.
    strings = [b"cello", b"", b"x" * 300]
    message = proto.TensorProto(dtype=7)
    message.tensor_content = b"\x05\x00\xac\x02" + b"".join(strings)
    message.tensor_shape.dim.add(size=3)
    assert tensors.to_array(message).tolist() == strings


@pytest.mark.parametrize(
    "message",
    [
        {"dtype": 0, "float_val": [1.0]},
        {"dtype": 999, "float_val": [1.0]},
        {"dtype": 1, "tensor_content": b"12345"},
        {"dtype": 1, "tensor_content": b"12345678"},
        {"dtype": 7, "tensor_content": b"\x05abc"},
        {"dtype": 7, "tensor_content": b"\x80\x80"},
    ],
)
def test_what_holds_no_tensor_is_refused(message):
    with pytest.raises(ValueError):
        tensors.to_array(tensor_pb2.TensorProto(**message))


def test_a_length_of_many_bytes_is_refused_at_once():
    message = proto.TensorProto(dtype=7, tensor_content=b"\xff" * 1_000_000)
    message.tensor_shape.dim.add(size=1)
    began = time.perf_counter()
    with pytest.raises(ValueError, match="does not hold 1 strings"):
        tensors.to_array(message)
    assert time.perf_counter() - began < 1.0


def test_negative_sizes_are_refused():
    message = tensor_pb2.TensorProto(dtype=1)
    message.tensor_shape.dim.add(size=-1)
    with pytest.raises(ValueError, match="negative"):
        tensors.to_array(message)


def test_types_without_a_number_are_refused():
    with pytest.raises(ValueError, match="datetime64"):
        tensors.write_values(np.array(["2026"], "M8[Y]"), tensor_pb2.TensorProto())
