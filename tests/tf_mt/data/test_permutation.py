import numpy as np
import pytest

from tf_mt.data import permutation


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 10, 99, 100, 101, 4096, 12_345])
@pytest.mark.parametrize("key", [(0, 0), (0, 1), (7, 0)])
def test_is_one_to_one(size, key):
    found = permutation.permute(np.arange(size), size, key)
    np.testing.assert_array_equal(np.sort(found), np.arange(size))


def test_a_part_is_that_of_the_whole():
    whole = permutation.permute(np.arange(1000), 1000, (3, 4))
    part = permutation.permute(np.arange(200, 210), 1000, (3, 4))
    np.testing.assert_array_equal(part, whole[200:210])


def test_keys_give_different_orders():
    orders = {
        permutation.permute(np.arange(20), 20, (seed, epoch)).tobytes()
        for seed in range(10)
        for epoch in range(10)
    }
    assert len(orders) == 100


def test_places_and_neighbours_are_spread_evenly():
    orders = np.stack(
        [permutation.permute(np.arange(12), 12, (0, epoch)) for epoch in range(6000)]
    )
    for place in range(12):
        # 500 are expected, with a standard deviation of 21.
        counts = np.bincount(orders[:, place], minlength=12)
        assert np.all(np.abs(counts - 500) < 110)
    steps = np.bincount(np.diff(orders, axis=1).ravel() % 12, minlength=12)
    assert steps[0] == 0
    # 6000 of each are expected, with a standard deviation of 74.
    assert np.all(np.abs(steps[1:] - 6000) < 400)
