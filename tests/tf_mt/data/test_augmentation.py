import numpy as np
import tensorflow as tf

from tf_mt.data import augmentation

STEP = tf.constant(3, tf.int64)


def apply(audio, seed=1, step=STEP, first_slot=0, **settings):
    settings = augmentation.Augmentation(**settings)
    audio = tf.constant(audio, tf.float32)
    return augmentation.apply(settings, audio, seed, step, first_slot).numpy()


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
