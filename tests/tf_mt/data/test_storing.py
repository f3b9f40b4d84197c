import pickle

import numpy as np
import pytest

from tf_mt.data import chunk, storing

RATE_HZ = 100


def blocks(recording):
    yield from np.array_split(recording.origin, 7)


def bounds_as_labels(recording, samples):
    return lambda start, end: {"bounds": f"{start} to {end} of {samples}"}


def broken(recording):
    yield np.ones(10, np.float32)
    raise OSError("the disk is on fire.")


def spool(plan, recording, folder=None):
    return storing.spool(plan, recording, RATE_HZ, folder)


@pytest.fixture
def recording():
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 50 * RATE_HZ)
    return chunk.Source("cello", "a/b.wav", samples.astype(np.float32), labels={"x": 3})


@pytest.fixture
def plan():
    return storing.Plan(["cello"], {}, blocks, bounds_as_labels)


def test_examples_hold_the_recording_and_its_labels(plan, recording):
    with spool(plan, recording) as spooled:
        keys, examples = zip(*spooled.examples(), strict=True)
    assert keys == ("a/b.wav@0", "a/b.wav@1666", "a/b.wav@3333")
    assert [example["offset"] for example in examples] == [0, 1666, 3333]
    stored = np.concatenate([example["audio"] for example in examples])
    np.testing.assert_allclose(stored / 32768, recording.origin, atol=2**-16)
    assert {example["x"] for example in examples} == {3}
    assert [example["bounds"] for example in examples] == [
        "0 to 1666 of 5000",
        "1666 to 3333 of 5000",
        "3333 to 5000 of 5000",
    ]


def test_a_long_recording_waits_on_disk(plan, recording, tmp_path, monkeypatch):
    monkeypatch.setattr(storing, "_SPOOLED_BYTES", 1000)
    with spool(plan, recording) as in_memory:
        wanted = [example["audio"].tobytes() for _, example in in_memory.examples()]
    with spool(plan, recording, tmp_path) as spooled:
        assert spooled.pcm.name is not None
        found = [example["audio"].tobytes() for _, example in spooled.examples()]
    assert found == wanted
    assert not list(tmp_path.iterdir())


def test_a_recording_of_no_domain_is_stored_without_one(plan, recording):
    nobodys = chunk.Source("", "a", recording.origin)
    with spool(plan, nobodys) as spooled:
        assert {example["domain"] for _, example in spooled.examples()} == {-1}


def test_silence_is_told_apart(plan):
    with pytest.raises(storing.SilentError, match="rest"):
        spool(plan, chunk.Source("cello", "rest", np.full(1000, 1e-6)))


def test_what_goes_wrong_in_reading_is_unreadable(plan, recording):
    with pytest.raises(storing.UnreadableError, match="the disk is on fire"):
        spool(storing.Plan([], {}, broken), recording)

    def no_labels(recording, samples):
        raise ValueError("row 3 is not a note.")

    with pytest.raises(storing.UnreadableError, match="row 3"):
        spool(storing.Plan([], {}, blocks, no_labels), recording)


def test_what_goes_wrong_in_storing_is_not(plan, recording, tmp_path, monkeypatch):
    monkeypatch.setattr(storing, "_SPOOLED_BYTES", 1000)
    with pytest.raises(FileNotFoundError) as error:
        spool(plan, recording, tmp_path / "nowhere")
    assert not isinstance(error.value, storing.UnreadableError)


def test_plans_travel_to_other_machines(plan, recording):
    there = pickle.loads(pickle.dumps(plan))
    with spool(there, recording) as spooled:
        assert len(list(spooled.examples())) == 3
