import numpy as np

from tf_mt.layers import stacks


def test_split_undoes_merge():
    x = np.arange(24.0).reshape(2, 3, 4)
    merged = stacks.merge(x)
    assert merged.shape == (6, 4)
    np.testing.assert_array_equal(stacks.split(merged, x), x)
