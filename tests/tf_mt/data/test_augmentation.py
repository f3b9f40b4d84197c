import itertools

import numpy as np
import tensorflow as tf

from tf_mt.data import augmentation, channel

STEP = tf.constant(3, tf.int64)
SAMPLES = 400


def apply(audio, seed=1, step=STEP, first_slot=0, **settings):
    settings = augmentation.Augmentation(**settings)
    audio = tf.constant(audio, tf.float32)
    return augmentation.apply(settings, audio, seed, step, first_slot).numpy()


def detuned(audio, seed=1, step=STEP, first_slot=0, **settings):
    settings = augmentation.Augmentation(**settings)
    audio = tf.constant(audio, tf.float32)
    return augmentation.detuned(settings, audio, seed, step, first_slot).numpy()


def ramps(*shape):
    """Clips whose every sample is its own number."""
    return np.tile(np.arange(SAMPLES), (*shape, 1))


def segments(audio):
    """Start, length and semitones of what is out of tune in each of many ramps."""
    found = []
    for clip in audio.reshape(-1, SAMPLES):
        (moved,) = np.nonzero(clip != np.arange(SAMPLES))
        # The first and the last sample of a clip are held, not moved.
        start = 0 if moved[0] == 1 else moved[0]
        end = SAMPLES if moved[-1] == SAMPLES - 2 else moved[-1] + 1
        third = (end - start) // 3
        slope, _ = np.polyfit(np.arange(third), clip[start + third :][:third], deg=1)
        found.append((start, end - start, 12 * np.log2(slope)))
    return np.transpose(found)


def assert_uniform(values, smallest, largest):
    """Holds 2,000 draws against their range, both ends of which are possible."""
    share = (values - smallest) / (largest - smallest)
    assert -1e-3 < share.min() < 0.01
    assert 0.99 < share.max() < 1.001
    histogram, _ = np.histogram(share, bins=5, range=(-1e-3, 1.001))
    assert np.all(np.abs(histogram - 400) < 75)


def test_gain_is_within_its_range_and_the_same_for_a_whole_slot():
    audio = np.full((200, 3, 8), 0.1)
    gain_db = 20 * np.log10(apply(audio, gain_db=6.0) / 0.1)
    assert np.all(np.abs(gain_db) <= 6.001)
    assert np.ptp(gain_db, axis=(1, 2)).max() < 1e-3
    assert gain_db.min() < -5
    assert gain_db.max() > 5


def test_noise_reaches_its_level_and_no_more():
    noise = apply(np.zeros((100, 4000)), noise_db=-40.0)
    level_db = 20 * np.log10(np.sqrt(np.mean(noise**2, axis=1)))
    assert -41 < level_db.max() < -39.5


def test_nothing_is_done_by_default():
    audio = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
    np.testing.assert_array_equal(apply(audio), audio)


def test_a_part_gets_what_the_whole_would():
    audio = np.random.default_rng(0).normal(size=(6, 2, 16)).astype(np.float32)
    whole = apply(audio, gain_db=3.0, noise_db=-20.0)
    part = apply(audio[4:], first_slot=4, gain_db=3.0, noise_db=-20.0)
    np.testing.assert_array_equal(part, whole[4:])


def test_steps_and_seeds_differ():
    audio = np.ones((1, 4))
    results = {
        apply(audio, seed=seed, step=tf.constant(step, tf.int64), gain_db=6.0)[0, 0]
        for seed in range(4)
        for step in range(4)
    }
    assert len(results) == 16


def test_segments_are_as_in_the_paper():
    start, length, semitones = segments(detuned(ramps(1000, 2), pitch_semitones=0.5))
    assert_uniform(start, 0, SAMPLES // 2)
    assert_uniform(length, SAMPLES // 4, SAMPLES // 2)
    assert_uniform(semitones, -0.5, 0.5)
    for one, other in itertools.combinations((start, length, semitones), 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_each_clip_of_each_slot_is_out_of_tune_in_its_own_way():
    start, length, semitones = segments(detuned(ramps(20, 3), pitch_semitones=0.5))
    drawn = np.stack([start, length, np.round(semitones, 2)], axis=-1)
    assert len(np.unique(drawn, axis=0)) == 60
    assert len(np.unique(np.round(semitones, 3))) > 50


def test_a_part_is_out_of_tune_as_in_the_whole():
    audio = np.random.default_rng(0).normal(size=(6, 2, 64)).astype(np.float32)
    whole = detuned(audio, pitch_semitones=0.5)
    part = detuned(audio[4:], first_slot=4, pitch_semitones=0.5)
    np.testing.assert_array_equal(part, whole[4:])


def test_steps_and_seeds_are_out_of_tune_differently():
    results = {
        detuned(
            ramps(1), seed, tf.constant(step, tf.int64), pitch_semitones=0.5
        ).tobytes()
        for seed in range(4)
        for step in range(4)
    }
    assert len(results) == 16


def test_pitch_is_left_to_the_encoder():
    audio = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
    np.testing.assert_array_equal(apply(audio, pitch_semitones=0.5), audio)
    levels = {"gain_db": 3.0, "noise_db": -20.0}
    both = apply(audio, pitch_semitones=0.5, **levels)
    np.testing.assert_array_equal(both, apply(audio, **levels))


def encoder_input(audio, first_slot=0, **settings):
    settings = augmentation.Augmentation(**settings)
    audio = tf.constant(audio, tf.float32)
    return augmentation.encoder_input(
        settings, audio, 8000, 1, STEP, first_slot
    ).numpy()


def test_an_encoder_hears_each_clip_through_a_channel_of_its_own():
    heard_through = channel.Channel(equaliser_db=6.0, room_seconds=0.1)
    clip = np.random.default_rng(0).normal(size=SAMPLES)
    audio = np.tile(clip, (6, 2, 1))
    whole = encoder_input(audio, channel=heard_through)
    clips = whole.reshape(12, SAMPLES)
    for one, other in itertools.combinations(clips, 2):
        assert np.abs(one - other).max() > 0.01
    part = encoder_input(audio[4:], first_slot=4, channel=heard_through)
    np.testing.assert_array_equal(part, whole[4:])


def test_what_an_encoder_hears_is_detuned_first():
    audio = ramps(3, 2)
    alone = detuned(audio, pitch_semitones=0.5)
    np.testing.assert_array_equal(encoder_input(audio, pitch_semitones=0.5), alone)
