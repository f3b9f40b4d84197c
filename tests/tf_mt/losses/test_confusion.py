import numpy as np
import pytest

from tf_mt.losses import confusion


def test_even_odds_are_the_classifiers_worst_and_the_encoders_best():
    even = np.zeros((2, 4), np.float32)
    domain = np.array([0, 3])
    assert float(confusion.classification(even, domain)) == pytest.approx(np.log(4))
    assert float(confusion.confusion(even)) == pytest.approx(np.log(4))
    sure = np.eye(4, dtype=np.float32)[domain] * 10.0
    assert confusion.classification(sure, domain) < 0.01
    assert confusion.confusion(sure) > np.log(4)
