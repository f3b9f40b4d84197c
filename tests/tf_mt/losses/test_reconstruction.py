import numpy as np
import pytest

from tf_mt.losses import reconstruction


def test_mean_absolute_difference():
    assert float(
        reconstruction.l1(np.array([1.0, -2.0]), np.array([0.0, 1.0]))
    ) == pytest.approx(2.0)
