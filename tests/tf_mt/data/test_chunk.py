import collections
import itertools
import subprocess
import sys

import numpy as np
import pytest

from tf_mt.data import chunk


@pytest.mark.parametrize("seconds", [0.01, 19.9, 20.0, 20.1, 61.0])
def test_chunks_cover_a_recording_in_equal_parts(seconds):
    samples = round(seconds * 16000)
    bounds = list(chunk.bounds(samples, 16000))
    assert bounds[0][0] == 0
    assert bounds[-1][1] == samples
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(bounds))
    lengths = [end - start for start, end in bounds]
    assert max(lengths) <= 20 * 16000
    assert max(lengths) - min(lengths) <= 1


def test_a_recording_without_samples_has_no_chunks():
    assert list(chunk.bounds(0, 16000)) == []


def test_split_keeps_the_shares():
    counts = collections.Counter(chunk.split(f"recording {i}") for i in range(10000))
    assert counts["train"] == pytest.approx(8000, abs=150)
    assert counts["validation"] == pytest.approx(1000, abs=100)
    assert counts["test"] == pytest.approx(1000, abs=100)


def test_split_is_the_same_in_another_process():
    names = [f"recording {i}" for i in range(50)]
    code = (
        "from tf_mt.data import chunk;"
        "print([chunk.split(f'recording {i}') for i in range(50)])"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == str([chunk.split(name) for name in names])


@pytest.mark.parametrize("count", range(3, 12))
@pytest.mark.parametrize("domain", ["a", "b", "c"])
def test_three_recordings_fill_all_splits(count, domain):
    splits = chunk.split_domain([f"{domain}/{i}" for i in range(count)])
    assert len(splits) == count
    assert set(splits.values()) == {"train", "validation", "test"}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("domain", ["a", "b", "c", "d", "e", "f"])
def test_fewer_than_three_recordings_leave_train_not_empty(count, domain):
    splits = chunk.split_domain([f"{domain}/{i}" for i in range(count)])
    assert "train" in splits.values()


def test_most_recordings_stay_where_they_were_when_others_come():
    few = chunk.split_domain([f"recording {i}" for i in range(100)])
    many = chunk.split_domain([f"recording {i}" for i in range(200)])
    assert all(many[name] == split for name, split in few.items())


@pytest.mark.parametrize(
    ("seconds", "lengths"), [(10, (2, 2, 2)), (24, (16, 2, 2)), (604, (480, 60, 60))]
)
def test_parts_of_a_recording_have_their_shares_and_gaps_between(seconds, lengths):
    samples = seconds * 16000
    bounds = [chunk.part_bounds(split, samples, 16000) for split in chunk.SPLITS]
    assert [end - start for start, end in bounds] == [n * 16000 for n in lengths]
    assert (bounds[0][0], bounds[-1][1]) == (0, samples)
    for (_, end), (start, _) in itertools.pairwise(bounds):
        assert start - end == 2 * 16000


def test_a_short_recording_has_no_parts():
    assert chunk.part_bounds("", 100, 16000) == (0, 100)
    with pytest.raises(
        ValueError, match=r"seconds=9\.9: .* must have 10; bring longer"
    ):
        chunk.part_bounds("test", 158400, 16000)


def test_pcm_is_little_endian_and_exact():
    stored = np.array([-32768, -1, 0, 1, 258, 32767], np.int16)
    assert (
        chunk.pcm(stored.astype(np.float32) / 32768) == stored.astype("<i2").tobytes()
    )


def test_pcm_clips():
    assert chunk.pcm(np.array([2.0, -2.0])) == b"\xff\x7f\x00\x80"
