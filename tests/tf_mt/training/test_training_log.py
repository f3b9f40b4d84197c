import pytest

from tf_mt.training import training_log


@pytest.mark.parametrize(
    ("epochs", "samples", "expected"),
    [(10, 3, [3, 6, 9]), (4, 4, [0, 1, 2, 3]), (5, 0, []), (2, 10, [0, 1])],
)
def test_samples_are_spread_and_end_with_the_run(epochs, samples, expected):
    chosen = [e for e in range(epochs) if training_log.is_sampled(e, epochs, samples)]
    assert chosen == expected
