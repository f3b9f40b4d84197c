"""CP-ResNet: its parameters, its receptive field, and where it begins."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.embedders import cp_resnet

# Of the published network, which takes two channels; ours takes one.
SECOND_CHANNEL = 5 * 5 * 128


@pytest.mark.parametrize(
    ("rho", "parameters"),
    [(3, 3_304_468), (5, 3_566_612), (7, 3_959_828), (9, 5_008_404)],
)
def test_parameters_are_those_of_the_published_network(rho, parameters):
    network = cp_resnet.Network(10, rho)
    found = sum(math.prod(v.shape) for v in network.trainable_variables)
    assert found + SECOND_CHANNEL == parameters


def test_the_stem_halves_and_three_pools_do():
    taps = cp_resnet.Network(2, 5, channels=4).taps(tf.zeros([2, 128, 96]))
    assert [tuple(tap.shape) for tap in taps] == [
        (2, 63, 47, 4),
        (2, 7, 5, 4),
        (2, 7, 5, 8),
        (2, 7, 5, 16),
    ]


def reach(rho):
    """Frames that one point of the last stage sees."""
    network = cp_resnet.Network(2, rho, channels=2)
    for variable in network.trainable_variables:
        if len(variable.shape) == 4:
            variable.assign(0.1 * np.ones(variable.shape))
    x = tf.random.stateless_uniform([1, 160, 160], [0, 0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        seen = network.taps(x)[-1][:, 4, 4]
    frames = np.abs(tape.gradient(seen, x).numpy()[0]).max(axis=1)
    return np.ptp(np.flatnonzero(frames)) + 1


def test_a_larger_rho_sees_farther():
    found = [reach(rho) for rho in cp_resnet.KERNELS]
    assert found == sorted(found)
    assert found[0] < found[1] < found[3]


def test_it_begins_knowing_nothing():
    network = cp_resnet.Network(3, 5, channels=4)
    logits = network(tf.random.stateless_normal([2, 64, 64], [0, 0]))
    np.testing.assert_array_equal(logits, np.zeros((2, 3)))


def test_logits_of_an_embedding_are_those_of_its_window():
    network = cp_resnet.Network(3, 5, channels=4)
    for variable in network.trainable_variables:
        variable.assign(tf.random.stateless_normal(variable.shape, [1, 2]) * 0.3)
    x = tf.random.stateless_normal([2, 64, 64], [0, 0])
    expected = network(x)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(
        network.logits(network.embed(x)), expected, rtol=1e-4, atol=1e-4
    )
