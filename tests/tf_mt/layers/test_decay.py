"""Rates of decay and onsets, of frames whose notes are known."""

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import decay

HOP_SECONDS = 0.016
FRAMES = 150
SECONDS = HOP_SECONDS * np.arange(FRAMES)
REACH = decay.reach(HOP_SECONDS)


def frames(power_db=0.0, midi=60.0, unpitched=0.0, audible=True):
    """Those of one recording."""
    numbers = (np.broadcast_to(x, FRAMES)[np.newaxis] for x in (power_db, midi))
    power_db, midi = (tf.constant(x, tf.float32) for x in numbers)
    unpitched = tf.constant(np.broadcast_to(unpitched, FRAMES)[np.newaxis], tf.float32)
    audible = tf.constant(np.broadcast_to(audible, FRAMES)[np.newaxis])
    return decay.Course(power_db, midi, unpitched, audible, HOP_SECONDS)


def rates(**given):
    rate, held = decay.rates(frames(**given))
    return rate[0].numpy(), held[0].numpy() > 0


def since(**given):
    return decay.seconds_since_onset(frames(**given))[0].numpy()


@pytest.mark.parametrize("decibels_per_second", [-40.0, -3.0, 0.0, 10.0])
def test_a_held_note_has_its_rate(decibels_per_second):
    rate, held = rates(power_db=decibels_per_second * SECONDS)
    assert np.flatnonzero(held).tolist() == list(range(REACH, FRAMES - REACH))
    np.testing.assert_allclose(rate[held], decibels_per_second, atol=1e-3)


def test_what_is_not_held_does_not_count():
    place = np.arange(FRAMES)
    moves = rates(midi=np.where(place < 75, 60.0, 61.0))[1]
    assert np.flatnonzero(moves[REACH:-REACH] == 0).tolist() == [
        *range(75 - 2 * REACH, 75)
    ]
    assert not rates(unpitched=1.0)[1].any()
    assert not rates(audible=False)[1].any()
    assert not rates(power_db=-100.0 * SECONDS)[1].any()
    assert not rates(power_db=30.0 * SECONDS)[1].any()


def test_too_few_frames_hold_nothing():
    few = decay.Course(*(x[:, :REACH] for x in frames()[:4]), HOP_SECONDS)
    rate, held = decay.rates(few)
    assert rate.shape == held.shape == (1, REACH)
    assert not np.any(held)
    assert not np.any(decay.seconds_since_onset(few))


def test_a_note_begins_where_it_gets_louder():
    power_db = np.full(FRAMES, -60.0)
    power_db[20:] = -20.0 * (SECONDS[20:] - SECONDS[20])
    power_db[90:] = -20.0 * (SECONDS[90:] - SECONDS[90])
    found = since(power_db=power_db)
    assert not found[:20].any()
    np.testing.assert_allclose(found[20:90], SECONDS[:70], atol=1e-5)
    np.testing.assert_allclose(found[90:], SECONDS[: FRAMES - 90], atol=1e-5)


def test_a_note_begins_where_the_pitch_moves():
    found = since(midi=np.where(np.arange(FRAMES) < 50, 60.0, 62.0))
    assert not found[:50].any()
    np.testing.assert_allclose(found[50:], SECONDS[: FRAMES - 50], atol=1e-5)
    # Vibrato, and what has no pitch, begin none.
    assert not since(midi=60.0 + 0.3 * np.sin(40.0 * SECONDS)).any()
    assert not since(midi=60.0 + 12.0 * (np.arange(FRAMES) % 2), unpitched=1.0).any()
