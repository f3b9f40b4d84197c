"""The networks of the vocoder."""

import keras
import numpy as np
import tensorflow as tf

from tf_mt.audio import mel
from tf_mt.layers import spectrogram, vocoder

FRONT = spectrogram.LogMel(8000, 256, 64, 20, 40.0)


def network(blocks=2):
    keras.utils.set_random_seed(0)
    made = vocoder.MagnitudeNetwork(
        FRONT, channels=8, blocks=blocks, expansion=2, kernel=3
    )
    made(tf.zeros([1, 4, 20]))
    return made


def log_mels(frames):
    random = np.random.default_rng(0)
    return tf.constant(random.uniform(-1.0, 1.0, (2, frames, 20)), tf.float32)


def test_untrained_it_is_the_envelope_of_the_bands():
    flat = tf.zeros([1, 5, FRONT.framing.bins]) + 0.1
    log_mel = mel.to_log(mel.from_magnitude(flat, FRONT.matrix))
    found = tf.exp(network()(log_mel))
    np.testing.assert_allclose(found, flat, rtol=0.02)


def test_frames_depend_on_no_more_than_the_kernels_cover():
    made = network()
    made.last.kernel.assign(keras.random.normal(made.last.kernel.shape, seed=1))
    log_mel = log_mels(40)
    whole, part = made(log_mel).numpy(), made(log_mel[:, 10:]).numpy()
    # Three frames of the first convolution, and one of each block.
    np.testing.assert_allclose(whole[:, 15:], part[:, 5:], rtol=1e-4, atol=1e-5)
    assert not np.allclose(whole[:, 10], part[:, 0], rtol=1e-2)


def test_the_discriminator_judges_every_frame():
    judge = vocoder.MagnitudeDiscriminator(4)
    logits = judge(tf.zeros([2, 30, FRONT.framing.bins]))
    assert logits.shape[:2] == (2, 30)
    assert logits.dtype == tf.float32
