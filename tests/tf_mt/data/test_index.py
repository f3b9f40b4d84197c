import dataclasses
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_mt.data import index

RECORDINGS = ("flöte/ré", "笛\n01", "", "violin.wav", "a" * 300)


def feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def serialized(features):
    """A serialized example with its features in the order given."""
    entries = [
        tf.train.Features(feature={name: feature(value)}).SerializeToString()
        for name, value in features.items()
    ]
    merged = b"".join(entries)
    # Field 1 is the features; their size takes two bytes.
    assert 128 <= len(merged) < 128**2
    return bytes([0x0A, len(merged) & 0x7F | 0x80, len(merged) >> 7]) + merged


def write_split(folder, shards=2, last="sample_rate"):
    """Writes a small split: its files, and the records in them, bytes aside."""
    paths = [
        folder / f"a-train.tfrecord-{i:05d}-of-{shards:05d}" for i in range(shards)
    ]
    expected = []
    for shard, path in enumerate(paths):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number, recording in enumerate(RECORDINGS):
                audio = bytes([shard, number]) * (100 + number)
                features = {
                    "another": -7,
                    "audio": audio,
                    "domain": number - 1,
                    "offset": 10**12 * number,
                    "piece": recording[::-1].encode(),
                    "recording": recording.encode(),
                    "sample_rate": 16000,
                }
                features[last] = features.pop(last)
                writer.write(serialized(features))
                expected.append(
                    index.Record(
                        shard=shard,
                        byte=0,
                        samples=len(audio) // 2,
                        domain=number - 1,
                        recording=recording,
                        piece=recording[::-1],
                        offset=10**12 * number,
                    )
                )
    return paths, expected


@pytest.fixture
def split(tmp_path):
    """The files of a split, and the one that is written beside them."""
    paths, _ = write_split(tmp_path)
    index.write(paths)
    return paths, tmp_path / "a-train.chunks.npz"


def spoil(paths):
    """Makes files unreadable, and leaves their sizes as they are."""
    for path in paths:
        path.write_bytes(bytes([255]) * path.stat().st_size)


def test_finds_what_tfds_reads(ramps):
    dataset = index.open_dataset(ramps)
    for split in ("train", "validation", "test"):
        paths = index.shards(dataset, split)
        found = {}
        for record in index.scan(paths):
            with paths[record.shard].open("rb") as file:
                file.seek(record.byte)
                audio = np.frombuffer(file.read(2 * record.samples), "<i2")
            found[record.recording] = (record.domain, record.offset, audio)
        stored = list(tfds.as_numpy(dataset.as_dataset(split=split)))
        assert len(found) == len(stored)
        for example in stored:
            domain, offset, audio = found[example["recording"].decode()]
            assert domain == example["domain"]
            assert offset == example["offset"]
            np.testing.assert_array_equal(audio, example["audio"])


def test_opens_the_dataset_or_a_folder_above_it(ramps):
    above = index.open_dataset(ramps)
    assert index.open_dataset(above.data_dir).data_dir == above.data_dir


def test_refuses_a_folder_without_dataset(tmp_path):
    with pytest.raises(FileNotFoundError, match="no dataset there"):
        index.open_dataset(tmp_path)


def test_refuses_to_choose_between_datasets(ramps, tmp_path):
    made = index.open_dataset(ramps).data_dir
    shutil.copytree(made, tmp_path / "one" / "1.0.0")
    shutil.copytree(made, tmp_path / "two" / "1.0.0")
    with pytest.raises(ValueError, match=r"has 2 datasets; name one of them: .*one"):
        index.open_dataset(tmp_path)


def test_passes_over_what_was_interrupted(ramps, tmp_path):
    made = index.open_dataset(ramps).data_dir
    shutil.copytree(made, tmp_path / "incomplete.ABCDEF_1.0.0")
    with pytest.raises(FileNotFoundError, match="no dataset there"):
        index.open_dataset(tmp_path)


def test_refuses_an_unknown_split(ramps):
    with pytest.raises(ValueError, match=r"split='dev' is not in .*it has .*train"):
        index.shards(index.open_dataset(ramps), "dev")


@pytest.mark.parametrize("last", ["audio", "domain", "recording"])
def test_finds_features_in_any_order(tmp_path, last):
    paths, expected = write_split(tmp_path, last=last)
    records = index.scan(paths)
    for record in records:
        stored = paths[record.shard].read_bytes()[record.byte :]
        number = record.domain + 1
        assert stored.startswith(bytes([record.shard, number]) * record.samples)
    assert [dataclasses.replace(r, byte=0) for r in records] == expected


def test_refuses_examples_without_audio(tmp_path):
    path = tmp_path / "a-train.tfrecord-00000-of-00001"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(serialized({"image": bytes(128)}))
    with pytest.raises(ValueError, match="it has no feature 'audio'"):
        index.scan([path])


@pytest.mark.parametrize("missing", ["domain", "recording", "offset", "piece"])
def test_refuses_examples_without_a_feature(tmp_path, missing):
    paths, _ = write_split(tmp_path, shards=1, last=missing)
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole.replace(missing.encode(), b"x" * len(missing)))
    with pytest.raises(ValueError, match=f"feature '{missing}' has 0 values and must"):
        index.scan(paths)


def test_what_is_written_beside_files_tells_all(split):
    paths, beside = split
    told = index.scan(paths)
    beside.unlink()
    scanned = index.scan(paths)
    assert told == scanned
    assert [r.domain for r in told[:2]] == [-1, 0]
    assert {type(v) for r in told for v in dataclasses.astuple(r)} == {int, str}


def test_what_is_written_beside_files_is_used(split):
    paths, beside = split
    expected = index.scan(paths)
    spoil(paths)
    assert index.scan(paths) == expected
    beside.unlink()
    with pytest.raises(ValueError, match="cut short"):
        index.scan(paths)


def test_other_files_are_scanned(split, tmp_path):
    paths, beside = split
    (tmp_path / "more").mkdir()
    others, _ = write_split(tmp_path / "more", shards=3)
    shutil.copy(beside, tmp_path / "more")
    records = index.scan(others)
    assert len(records) == 3 * len(RECORDINGS)
    assert index.scan(others[:2]) == records[: 2 * len(RECORDINGS)]
    assert index.scan(paths[:1]) == records[: len(RECORDINGS)]


def test_files_of_another_size_are_scanned(split):
    paths, _ = split
    before = index.scan(paths)
    more = paths[1].read_bytes()
    paths[1].write_bytes(more + more)
    assert index.scan(paths)[: len(before)] == before
    assert len(index.scan(paths)) == len(before) + len(RECORDINGS)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"garbage",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: whole.replace(b"violin.wav", b"violin.mp3"),
        lambda whole: whole.replace(b"domain.npy", b"demain.npy"),
        lambda whole: whole[whole.index(b"\x93NUMPY") :],
    ],
)
def test_what_is_damaged_is_not_used(split, damage):
    paths, beside = split
    expected = index.scan(paths)
    whole = beside.read_bytes()
    beside.write_bytes(damage(whole))
    assert beside.read_bytes() != whole
    assert index.scan(paths) == expected


def test_a_pickle_is_not_opened(split, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "trapped",)

    paths, beside = split
    expected = index.scan(paths)
    with np.load(beside) as stored:
        arrays = {**stored, "piece": np.array([Trap()], object)}
    np.savez(beside, **arrays)
    assert index.scan(paths) == expected
    assert not (tmp_path / "trapped").exists()


def test_a_folder_in_its_place_is_not_read(split):
    paths, beside = split
    expected = index.scan(paths)
    beside.unlink()
    beside.mkdir()
    assert index.scan(paths) == expected


def test_same_records_give_the_same_bytes(split, monkeypatch):
    paths, beside = split
    before = beside.read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    index.write(paths)
    assert beside.read_bytes() == before
    assert sorted(beside.parent.iterdir()) == sorted([*paths, beside])


def test_what_does_not_fit_is_written_anew(split):
    paths, beside = split
    before = beside.read_bytes()
    beside.write_bytes(b"garbage")
    index.write(paths)
    assert beside.read_bytes() == before


def test_a_split_without_records(tmp_path):
    index.write([])
    assert index.scan([]) == []
    silent = tmp_path / "a-test.tfrecord-00000-of-00001"
    with tf.io.TFRecordWriter(str(silent)) as writer:
        writer.write(serialized({"audio": b"", "filler": bytes(128)}))
    assert index.scan([silent]) == []
    index.write([silent])
    spoil([silent])
    assert index.scan([silent]) == []


def test_tfds_reads_a_dataset_with_it(ramps, tmp_path):
    made = index.open_dataset(ramps).data_dir
    dataset = index.open_dataset(shutil.copytree(made, tmp_path / "1.0.0"))
    for split in dataset.info.splits:
        index.write(index.shards(dataset, split))
    assert (tmp_path / "1.0.0" / "audio_folder-train.chunks.npz").exists()
    again = index.open_dataset(tmp_path)
    for split in dataset.info.splits:
        stored = list(again.as_dataset(split=split))
        assert len(index.scan(index.shards(again, split))) == len(stored)


def test_a_dataset_of_something_else_is_refused(ramps, tmp_path):
    folder = Path(index.open_dataset(ramps).data_dir)
    shutil.copytree(folder, tmp_path / "other" / "1.0.0")
    (tmp_path / "other" / "1.0.0" / "metadata.json").unlink()
    with pytest.raises(ValueError, match="is not a dataset of recordings; make one"):
        index.open_dataset(tmp_path)


def test_a_dataset_without_a_feature_is_refused(ramps, tmp_path):
    folder = Path(index.open_dataset(ramps).data_dir)
    shutil.copytree(folder, tmp_path / "1.0.0")
    features = tmp_path / "1.0.0" / "features.json"
    features.write_text(features.read_text().replace('"piece"', '"price"'))
    with pytest.raises(ValueError, match="is not a dataset of recordings; make one"):
        index.open_dataset(tmp_path)
