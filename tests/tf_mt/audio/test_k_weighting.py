"""The filters of K-weighting."""

import numpy as np

from tf_mt.audio import k_weighting


def test_filters_are_the_recommendations():
    """BS.1770-4, tables 1 and 2."""
    shelf = 1.53512485958697, -2.69169618940638, 1.19839281085285
    expected = [
        (*shelf, 1.0, -1.69065929318241, 0.73248077421585),
        (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
    ]
    np.testing.assert_allclose(k_weighting.sections(48_000), expected, atol=1e-11)
