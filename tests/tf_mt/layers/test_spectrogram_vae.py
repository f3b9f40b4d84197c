import numpy as np
import tensorflow as tf

from tf_mt.layers import spectrogram_vae


class Scale(tf.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def __call__(self, x):
        return x * self.factor


def test_routed_keeps_the_order_of_rows():
    rows = np.arange(10.0, dtype=np.float32).reshape(5, 2)
    domain = tf.constant([1, 0, 2, 1, 0])
    routed = spectrogram_vae.routed(
        [Scale(1.0), Scale(10.0), Scale(100.0)], rows, domain
    )
    expected = rows * np.array([10.0, 1.0, 100.0, 10.0, 1.0])[:, np.newaxis]
    np.testing.assert_allclose(routed, expected)


def test_decoding_windows_equals_calling_window_by_window():
    heads = [Scale(1.0), Scale(-2.0)]
    generators = spectrogram_vae.DomainGenerators([], heads)
    code = tf.random.stateless_normal([3, 4, 8, 5], [0, 0])
    decoded = generators.decode_windows(code, tf.constant([1, 0, 1]))
    factors = np.array([-2.0, 1.0, -2.0]).reshape(3, 1, 1, 1)
    np.testing.assert_allclose(decoded, code * factors, rtol=1e-6)
