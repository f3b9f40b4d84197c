import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import frame_windows


@pytest.mark.parametrize("frames", [1, 7, 8, 9, 12, 13, 31])
def test_joining_what_was_cut_gives_it_back(frames):
    x = np.random.default_rng(0).normal(size=(2, frames, 3)).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3])])
    def there_and_back(spectrogram):
        windows = frame_windows.cut(spectrogram, 8, padding=-1.0)
        return windows, frame_windows.join(windows, tf.shape(spectrogram)[1])

    windows, joined = there_and_back(x)
    assert windows.shape[2:] == (8, 3)
    np.testing.assert_allclose(joined, x, atol=1e-6)


def test_last_window_is_filled_with_padding():
    windows = frame_windows.cut(tf.zeros([1, 9, 1]), 8, padding=-1.0)
    assert windows.shape == (1, 2, 8, 1)
    np.testing.assert_array_equal(windows[0, 1, :, 0], [0.0] * 5 + [-1.0] * 3)


def test_a_clip_of_one_window_is_left_alone():
    x = tf.random.stateless_normal([2, 8, 3], [0, 0])
    windows = frame_windows.cut(x, 8, padding=-1.0)
    np.testing.assert_array_equal(windows[:, 0], x)
    np.testing.assert_array_equal(frame_windows.join(windows, 8), x)


def test_windows_fade_into_each_other():
    windows = tf.stack([tf.zeros([1, 8, 1]), tf.ones([1, 8, 1])], axis=1)
    joined = frame_windows.join(windows, 12)[0, :, 0].numpy()
    assert np.all(np.diff(joined) >= 0)
    np.testing.assert_allclose(joined[:4], 0.0)
    np.testing.assert_allclose(joined[8:], 1.0)
    np.testing.assert_allclose(joined[4:8] + joined[4:8][::-1], 1.0, atol=1e-6)
