"""The CNN's size and its front end; what it learns is in `test_training`."""

import numpy as np
import pytest

from tf_mt.embedders import cnn


def test_it_is_small():
    assert 50_000 < cnn.Network(4).count_params() < 500_000


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 22_050, 44_100])
def test_every_rate_has_a_front_end(rate_hz):
    front_end = cnn.front_end(rate_hz)
    assert front_end.hop / rate_hz == pytest.approx(0.016, rel=0.02)
    silence = np.zeros((2, cnn.FRAMES * front_end.hop), np.float32)
    assert front_end.log_mel(silence).shape == (2, cnn.FRAMES, cnn.BANDS)
