import numpy as np
import pytest

from tf_mt.data import chunk, notes, splitting, storing

RATE_HZ = 1000


def divide(*seconds):
    recordings = [chunk.Source("cello", f"{i}", s) for i, s in enumerate(seconds)]
    return splitting.divide("cello", recordings, lambda recording: recording.origin)


@pytest.mark.parametrize("count", [3, 8])
def test_enough_recordings_are_split_whole_whatever_their_lengths(count):
    division = divide(*[1.0] * count)
    found = {recording.recording: split for split, recording in division.recordings}
    assert found == chunk.split_domain([str(i) for i in range(count)])
    assert not any(recording.part for _, recording in division.recordings)
    assert (division.remark, division.missing) == ("", ())


def test_one_long_recording_is_cut_in_time():
    division = divide(600.0)
    assert [(s, r.recording, r.part) for s, r in division.recordings] == [
        ("train", "0@train", "train"),
        ("validation", "0@validation", "validation"),
        ("test", "0@test", "test"),
    ]
    assert division.missing == []
    assert division.remark == (
        "cello: 1 recording, cut in time into train, validation and test with gaps of "
        "2 s."
    )


def test_a_short_one_beside_a_long_one_stays_in_train():
    division = divide(600.0, 9.0)
    assert [(s, r.recording) for s, r in division.recordings] == [
        ("train", "1"),
        ("train", "0@train"),
        ("validation", "0@validation"),
        ("test", "0@test"),
    ]
    assert "; 1 recording of less than 10 s, too short to be cut" in division.remark


def test_short_ones_alone_are_for_training_and_the_rest_is_said_to_be_missing():
    division = divide(9.0, 9.9)
    assert [split for split, _ in division.recordings] == ["train", "train"]
    assert division.missing == ["validation", "test"]
    assert division.remark == (
        "cello: 2 recordings of less than 10 s, too short to be cut and all in train; "
        "none is left for validation and test; bring longer recordings, or 3 of them."
    )


def test_a_part_is_stored_as_a_recording_with_its_own_samples_and_notes():
    ramp = (np.arange(30 * RATE_HZ) + 1) / 2**15
    plan = storing.Plan(
        ["cello"],
        {},
        lambda recording: [np.float32(ramp)],
        lambda recording, samples: lambda start, end: {"bounds": (start, end)},
    )
    stored = {}
    for split in chunk.SPLITS:
        source = chunk.Source("cello", f"a@{split}", None, part=split)
        with storing.spool(plan, source, RATE_HZ) as spooled:
            stored[split] = dict(spooled.examples())
    # 26 s are left beside two gaps; a tenth of them is 2.6 s.
    starts = {"train": 0.0, "validation": 22.8, "test": 27.4}
    for split, examples in stored.items():
        first = examples[f"a@{split}@0"]
        start = round(starts[split] * RATE_HZ)
        assert first["offset"] == 0
        assert first["recording"] == f"a@{split}"
        assert first["audio"][0] == start + 1
        assert first["bounds"][0] == start
    assert len(stored["train"]) == 2
    assert stored["test"]["a@test@0"]["audio"][-1] == 30 * RATE_HZ


def test_notes_of_a_part_are_told_from_its_beginning():
    long = np.array([(1000, 24000, 60, 0)], notes.NOTE)
    start, end = chunk.part_bounds("validation", 30 * RATE_HZ, RATE_HZ)
    found = notes.in_chunk(long, RATE_HZ, RATE_HZ, start, end)
    joined = notes.join([(0.0, (end - start) / RATE_HZ, found)])
    assert joined["onset_seconds"].tolist() == [0.0]
    assert joined["duration_seconds"] == pytest.approx([24 - 22.8], abs=1e-6)


def test_a_part_that_is_silent_is_said_to_be():
    audio = np.zeros(20 * RATE_HZ, np.float32)
    audio[:RATE_HZ] = 0.5
    plan = storing.Plan(["cello"], {}, lambda recording: [audio])
    storing.spool(
        plan, chunk.Source("cello", "a", None, part="train"), RATE_HZ
    ).pcm.close()
    with pytest.raises(storing.SilentError, match="a@test"):
        storing.spool(plan, chunk.Source("cello", "a@test", None, part="test"), RATE_HZ)
