import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import spectrogram

RATE_HZ = 16_000


@pytest.mark.parametrize(
    ("n_fft", "hop", "bands", "window"),
    [(1024, 256, 128, 0), (511, 127, 64, 0), (2048, 250, 128, 1000)],
)
def test_sizes(n_fft, hop, bands, window):
    audio = np.random.default_rng(0).uniform(-1, 1, (2, 30 * hop)).astype(np.float32)
    front = spectrogram.LogMel(RATE_HZ, n_fft, hop, bands, 40.0, window)
    log_mel, phase = front.analyse(tf.constant(audio))
    assert log_mel.shape == (2, 30, bands)
    assert phase.shape == (2, 30, n_fft // 2 + 1)
    assert np.abs(log_mel).max() <= 1.0
    assert np.abs(phase).max() <= np.float32(np.pi)
    np.testing.assert_array_equal(front.log_mel(audio), log_mel)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="n_fft=512, window=1024 and hop=128 do not"):
        spectrogram.LogMel(RATE_HZ, 512, 128, 64, 40.0, 1024)
