import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_mt.data import index


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
