import numpy as np
import tensorflow as tf

from tf_mt.layers import domain_classifier


def test_it_has_the_published_number_of_parameters():
    for domains, parameters in ((3, 27_003), (6, 27_306)):
        layer = domain_classifier.DomainClassifier(1, domains)
        layer(tf.zeros([1, 5, 64]))
        assert layer.count_params() == parameters


def test_logits_are_means_over_time():
    layer = domain_classifier.DomainClassifier(1, 3)
    code = tf.random.stateless_normal([2, 6, 8], [0, 0])
    halves = (layer(code[:, :3]) + layer(code[:, 3:])) / 2.0
    np.testing.assert_allclose(layer(code), halves, atol=1e-5)
