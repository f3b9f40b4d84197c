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


def test_rows_of_no_domain_teach_the_classifier_nothing():
    logits = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    found = float(confusion.classification(logits, np.array([2, -1, 0, -1])))
    known = float(confusion.classification(logits[::2], np.array([2, 0])))
    assert found == pytest.approx(known / 2, rel=1e-6)
