import numpy as np
import pytest
import tensorflow as tf

from tf_mt.data import wire_format

FLOATS = np.linspace(-1, 1, 300, dtype=np.float32)


def example(**features):
    found = tf.train.Example()
    for name, feature in features.items():
        found.features.feature[name].CopyFrom(feature)
    return found.SerializeToString()


def floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def text(*values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def write(path, *records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def unpacked(values):
    """A `Feature` as writers of the first version of protocol buffers make it."""
    values = b"".join(b"\x0d" + np.float32(value).tobytes() for value in values)
    size = bytes([len(values) & 0x7F | 0x80, len(values) >> 7])
    return b"\x12" + size + values


def test_finds_the_records_of_a_file(tmp_path):
    written = [b"one", b"", b"x" * 1000]
    path = write(tmp_path / "a.tfrecord", *written)
    found = [bytes(data[start:end]) for data, start, end in wire_format.records(path)]
    assert found == written


@pytest.mark.parametrize("missing", [1, 5, 1000, 1013])
def test_a_file_that_ends_early_is_refused(tmp_path, missing):
    path = write(tmp_path / "a.tfrecord", b"one", b"x" * 1000)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(ValueError, match=r"a\.tfrecord': the record at byte 19 goes"):
        list(wire_format.records(path))


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.tfrecord").touch()
    with pytest.raises(ValueError, match=r"a\.tfrecord': the file is empty"):
        list(wire_format.records(tmp_path / "a.tfrecord"))


def test_sets_one_feature_apart_and_parses_the_others(tmp_path):
    features = {name: text(name.encode()) for name in ("a", "auditory", "b", "zz")}
    record = example(audio=text(b"A" * 999), **features)
    ((data, start, end),) = wire_format.records(write(tmp_path / "a.tfrecord", record))
    audio, others = wire_format.apart(data, start, end, "audio")
    assert set(others) == set(features)
    assert others["zz"].bytes_list.value[:] == [b"zz"]
    ((_, value, value_end),) = wire_format.bytes_list(data, *audio)
    assert bytes(data[value:value_end]) == b"A" * 999


def test_refuses_an_example_without_the_feature():
    record = memoryview(example(a=text(b"a")))
    with pytest.raises(ValueError, match="no feature 'audio'"):
        wire_format.apart(record, 0, len(record), "audio")


def test_whatever_the_bytes_only_value_errors_are_raised():
    record = example(audio=floats(FLOATS[:20]), a=text(b"a"), b=text(b"b", b"c"))
    random = np.random.default_rng(0)
    refused = 0
    for number in range(300):
        damaged = bytearray(record)
        for place in random.integers(0, len(record), 3):
            damaged[place] = random.integers(256)
        cut = random.integers(1, len(record)) if number % 2 else len(record)
        data = memoryview(damaged)[:cut]
        try:
            audio, _ = wire_format.apart(data, 0, len(data), "audio")
            wire_format.float_list(data, *audio)
        except ValueError:
            refused += 1
    # Damage to the samples themselves cannot be told.
    assert 0 < refused < 300


def test_reads_floats_packed_and_not():
    packed = floats(FLOATS).SerializeToString()
    for feature in (packed, unpacked(FLOATS)):
        assert list(tf.train.Feature.FromString(feature).float_list.value) == list(
            FLOATS
        )
        read = wire_format.float_list(memoryview(feature), 0, len(feature))
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, FLOATS)


def test_reads_no_floats():
    feature = floats([]).SerializeToString()
    assert wire_format.float_list(memoryview(feature), 0, len(feature)).shape == (0,)


@pytest.mark.parametrize("feature", [b"", text(b"a").SerializeToString()])
def test_refuses_what_are_no_floats(feature):
    with pytest.raises(ValueError, match="not a list of floats"):
        wire_format.float_list(memoryview(feature), 0, len(feature))


def test_refuses_floats_that_end_early():
    feature = bytearray(unpacked(FLOATS[:100]))
    feature[1] -= 1
    with pytest.raises(ValueError, match="ends within a float"):
        wire_format.float_list(memoryview(feature[:-1]), 0, len(feature) - 1)
