import numpy as np
import pytest
import tensorflow as tf

from tf_mt.losses import adversarial

REAL = np.array([[0.5], [2.0]], np.float32)
FAKE = np.array([[-0.5], [1.5]], np.float32)


def softplus(x):
    return np.log1p(np.exp(x))


@pytest.mark.parametrize(
    ("objective", "generator", "discriminator"),
    [
        ("lsgan", (1.5**2 + 0.5**2) / 2, (0.25 + 1.0) / 2 + (0.25 + 2.25) / 2),
        ("bce", softplus(-FAKE).mean(), (softplus(-REAL) + softplus(FAKE)).mean()),
        ("hinge", -0.5, (0.5 + 0.0) / 2 + (0.5 + 2.5) / 2),
        ("wgan_gp", -0.5, 0.5 - 1.25),
    ],
)
def test_values(objective, generator, discriminator):
    assert float(adversarial.generator(objective, FAKE)) == pytest.approx(generator)
    loss = adversarial.discriminator(objective, REAL, FAKE)
    assert float(loss) == pytest.approx(discriminator)


@pytest.mark.parametrize("objective", adversarial.OBJECTIVES)
def test_each_network_lowers_its_own_loss(objective):
    better = adversarial.generator(objective, FAKE + 0.1)
    assert better < adversarial.generator(objective, FAKE)
    apart = adversarial.discriminator(objective, REAL, FAKE - 0.1)
    assert apart < adversarial.discriminator(objective, REAL, FAKE)


def test_gradient_penalty_of_a_linear_critic():
    # The gradient of 3 * sum(x) over 4 values has norm 6 everywhere.
    real, fake = tf.zeros([2, 4]), tf.ones([2, 4])
    penalty = adversarial.gradient_penalty(
        lambda x: 3.0 * tf.reduce_sum(x, 1), real, fake, tf.constant([0.2, 0.9])
    )
    assert float(penalty) == pytest.approx(25.0, rel=1e-5)
