import dataclasses

import numpy as np
import pytest

from pipelines.scores import instruments, notes, performance


def piece(pitches, name="score"):
    played = np.zeros(len(pitches), notes.NOTE)
    played["onset"] = 1.5 + 0.5 * np.arange(len(pitches))
    played["duration"] = 0.5
    played["pitch"] = pitches
    played["velocity"] = 80
    return notes.Piece(name, "0", played)


MELODY = piece([60, 64, 67, 72, 60])


def test_the_same_seed_gives_the_same_performance():
    playable = instruments.Range(55, 90)
    one = performance.perform(MELODY, playable, 0, "violin", 1).notes
    other = performance.perform(MELODY, playable, 0, "violin", 1).notes
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("key", [(1, "violin", 0), (0, "cello", 0), (0, "violin", 1)])
def test_another_seed_domain_or_rendition_gives_another(key):
    playable = instruments.Range(55, 90)
    one = performance.perform(MELODY, playable, 0, "violin", 0).notes
    seed, *rest = key
    assert np.any(one != performance.perform(MELODY, playable, seed, *rest).notes)


@pytest.mark.parametrize("low", range(20, 100, 7))
def test_all_notes_are_in_range_and_keep_their_intervals(low):
    playable = instruments.Range(low, low + 14)
    for seed in range(20):
        played = performance.perform(MELODY, playable, seed).notes
        assert played["pitch"].min() >= playable.low
        assert played["pitch"].max() <= playable.high
        np.testing.assert_array_equal(
            np.diff(played["pitch"]), np.diff(MELODY.notes["pitch"])
        )


def test_stays_near_its_octave_if_it_can():
    moves = {
        int(
            performance.perform(MELODY, instruments.Range(21, 108), s).notes["pitch"][0]
        )
        - 60
        for s in range(100)
    }
    assert moves == {-2, -1, 0, 1, 2}


def test_moves_by_octaves_if_it_must():
    moves = {
        int(performance.perform(MELODY, instruments.Range(28, 55), s).notes["pitch"][0])
        - 60
        for s in range(100)
    }
    assert moves == {-26, -25, -24, -23, -22}


def test_tempo_is_one_for_the_whole_and_within_its_range():
    tempos = []
    for seed in range(100):
        played = performance.perform(MELODY, instruments.Range(21, 108), seed).notes
        assert played["onset"][0] == 0
        np.testing.assert_allclose(np.diff(played["onset"], 2), 0, atol=1e-9)
        tempos.append(0.5 / played["onset"][1])
        assert np.all(played["duration"] <= 0.5 / tempos[-1] + 1e-9)
    assert min(tempos) >= 0.8
    assert max(tempos) <= 1.25
    assert max(tempos) - min(tempos) > 0.4


def test_velocity_varies_and_is_one_that_midi_knows():
    long = piece([60] * 100)
    for seed in range(20):
        velocity = performance.perform(long, instruments.Range(21, 108), seed).notes[
            "velocity"
        ]
        assert velocity.min() >= 1
        assert velocity.max() <= 127
        assert np.ptp(velocity) > 10


def test_fits():
    assert performance.fits(MELODY, instruments.Range(40, 52))
    assert not performance.fits(MELODY, instruments.Range(40, 51))


def test_bends_follow_the_tempo():
    bends = (np.array([[0.0, 0.0], [1.0, 2.0]]),)
    bent = dataclasses.replace(MELODY, bends=bends)
    played = performance.perform(bent, instruments.Range(21, 108), 0)
    tempo = np.ptp(played.notes["onset"]) / np.ptp(MELODY.notes["onset"])
    np.testing.assert_allclose(played.bends[0], [[0.0, 0.0], [tempo, 2.0]])
