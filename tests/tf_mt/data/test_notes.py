import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_mt.data import chunk, notes

RATE_HZ = 16000


def of(*found):
    """Notes of start and end in seconds, pitch and program."""
    whole = [
        (round(start * RATE_HZ), round(end * RATE_HZ), *what)
        for start, end, *what in found
    ]
    return np.array(whole, notes.NOTE)


def cut_and_joined(whole, edges, notes_rate_hz=RATE_HZ, sample_rate_hz=RATE_HZ):
    return notes.join(
        (
            start / sample_rate_hz,
            end / sample_rate_hz,
            notes.in_chunk(whole, notes_rate_hz, sample_rate_hz, start, end),
        )
        for start, end in edges
    )


def in_seconds(*edges):
    return [(start * RATE_HZ, end * RATE_HZ) for start, end in edges]


def random_notes(pitches, programs):
    rng = np.random.default_rng(0)
    whole = np.zeros(500, notes.NOTE)
    whole["start"] = rng.integers(0, 44100 * 60, 500)
    whole["end"] = whole["start"] + rng.integers(1, 44100 * 30, 500)
    whole["pitch"] = rng.integers(60, 60 + pitches, 500)
    whole["program"] = rng.integers(0, programs, 500)
    return whole


def test_notes_are_cut_to_the_chunk():
    whole = of((0, 1, 60, 0), (2.5, 9, 62, 1), (0.5, 4, 64, 2), (2.5, 3, 61, 3))
    (edge,) = in_seconds((2, 5))
    found = notes.in_chunk(whole, RATE_HZ, RATE_HZ, *edge)
    assert {name: list(values) for name, values in found.items()} == {
        "pitch": [64, 61, 62],
        "onset_seconds": [0, 0.5, 0.5],
        "duration_seconds": [2, 0.5, 2.5],
        "program": [2, 3, 1],
        "begun": [True, False, False],
    }


def test_a_chunk_may_have_no_notes():
    one = of((1, 2, 60, 0))
    assert len(notes.in_chunk(one, RATE_HZ, RATE_HZ, 16000, 32000)["pitch"]) == 1
    for start, end in ((0, 16000), (32000, 48000)):
        for values in notes.in_chunk(one, RATE_HZ, RATE_HZ, start, end).values():
            assert values.shape == (0,)


def test_cut_notes_add_up_to_the_whole():
    whole = random_notes(pitches=1, programs=1)
    edges = list(chunk.bounds(95 * 22050, 22050))
    parts = [notes.in_chunk(whole, 44100, 22050, *edge) for edge in edges]
    seconds = sum(float(np.sum(part["duration_seconds"])) for part in parts)
    wanted = np.sum(whole["end"] - whole["start"]) / 44100
    assert seconds == pytest.approx(wanted, rel=1e-6)
    assert sum(np.sum(~part["begun"]) for part in parts) == 500


@pytest.mark.parametrize(("pitches", "programs"), [(60, 1), (3, 2)])
def test_notes_that_are_cut_and_joined_are_as_before(pitches, programs):
    whole = random_notes(pitches, programs)
    edges = list(chunk.bounds(95 * 22050, 22050))
    found = cut_and_joined(whole, edges, 44100, 22050)
    whole.sort(order=["start", "pitch"])
    assert found.dtype == notes.JOINED
    seconds = {name: whole[name] / 44100 for name in ("start", "end")}
    np.testing.assert_array_equal(found["pitch"], whole["pitch"])
    np.testing.assert_allclose(found["onset_seconds"], seconds["start"], atol=2e-6)
    np.testing.assert_allclose(
        found["duration_seconds"], seconds["end"] - seconds["start"], atol=4e-6
    )


@pytest.mark.parametrize(
    "whole",
    [
        [(1.0, 25.0, 60, 40)],  # Through a whole chunk.
        [(1.0, 10.0, 60, 40), (10.0, 12.0, 60, 40)],  # Repeated where chunks meet.
        [(1.0, 12.0, 60, 40), (2.0, 15.0, 60, 40)],  # In unison.
        [(1.0, 15.0, 60, 40), (2.0, 12.0, 60, 40)],
        [(1.0, 10.0, 60, 41), (2.0, 12.0, 60, 40)],  # In unison, one to the end.
        [(1.0, 10.0, 61, 40), (2.0, 12.0, 60, 40)],
        [(1.0, 5.0, 60, 40), (2.0, 12.0, 60, 40)],
    ],
)
def test_each_note_is_joined_to_its_own(whole):
    edges = in_seconds((0, 10), (10, 20), (20, 30))
    for order in (whole, whole[::-1]):
        found = cut_and_joined(of(*order), edges)
        assert found.tolist() == [
            (start, end - start, pitch) for start, end, pitch, _ in whole
        ]


def test_a_note_whose_beginning_is_missing_begins_with_its_chunk():
    (edge,) = in_seconds((10, 20))
    found = cut_and_joined(of((5, 12, 60, 0)), [edge])
    assert found.tolist() == [(10.0, 2.0, 60)]


def test_no_notes_are_joined_to_none():
    for edges in ([], in_seconds((0, 10), (10, 20))):
        found = cut_and_joined(of(), edges)
        assert found.dtype == notes.JOINED
        assert found.shape == (0,)


def test_knows_datasets_with_notes():
    def has_notes(**features):
        return notes.are_in(tfds.features.FeaturesDict(features))

    assert has_notes(notes=notes.feature())
    assert not has_notes(pitch=np.int32)
    assert not has_notes(notes=tfds.features.Text())
    assert not has_notes(notes=tfds.features.Sequence({"pitch": np.int32}))
