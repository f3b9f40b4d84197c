"""Losses of spectra, in closed form."""

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.losses import spectra


def test_twice_the_magnitude_is_one_away_in_convergence_and_ln_2_in_logarithms():
    truth = tf.constant(
        np.random.default_rng(0).uniform(1.0, 2.0, (2, 5, 7)), "float32"
    )
    assert float(spectra.convergence(2.0 * truth, truth)) == pytest.approx(
        1.0, rel=1e-3
    )
    found = float(spectra.log_distance(2.0 * truth, truth))
    assert found == pytest.approx(np.log(2.0), rel=1e-4)


def test_what_is_below_the_floor_is_equal():
    quiet, silent = tf.fill([1, 3, 4], 0.9 * spectra.FLOOR), tf.zeros([1, 3, 4])
    assert float(spectra.log_distance(quiet, silent)) == 0.0


def test_a_silent_clip_counts_by_what_is_heard_in_it():
    truth, estimate = tf.zeros([1, 10, 10]), tf.fill([1, 10, 10], 1e-3)
    assert float(spectra.convergence(estimate, truth)) == pytest.approx(1e-2)


def test_silence_has_gradients():
    estimate = tf.Variable(tf.zeros([1, 3, 4]))
    with tf.GradientTape() as tape:
        loss = spectra.convergence(estimate + 1e-5, tf.zeros([1, 3, 4]))
    assert np.isfinite(tape.gradient(loss, estimate)).all()
