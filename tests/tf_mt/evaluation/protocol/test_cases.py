import numpy as np
import pytest

from tests.tf_mt.evaluation import concert
from tf_mt.evaluation.protocol import cases

DOMAINS = tuple(concert.PARTIALS)


def choose(test, train, clips=0, domains=DOMAINS, shortest_samples=16000):
    return cases.choose(test.entries, train.entries, domains, clips, shortest_samples)


@pytest.fixture
def train():
    return concert.Recordings(["etude 1", "etude 2", "etude 3"], paired=False)


def test_a_paired_set_asks_for_every_pair_and_knows_the_answer(train):
    asked = choose(concert.Recordings(["a", "b"]), train)
    assert len(asked) == 2 * 3 * 2
    assert len({case.name for case in asked}) == len(asked)
    for case in asked:
        assert case.source != case.target
        assert case.recording.domain == case.source
        assert (case.answer.domain, case.answer.piece) == (case.target, case.clip)
        assert case.style.domain == case.chance.domain == case.target
        assert case.style != case.chance


def test_a_set_without_pairs_asks_without_answers(train):
    asked = choose(concert.Recordings(["a", "b", "c"], paired=False), train, clips=2)
    assert len(asked) == 3 * 2 * 2
    assert {case.answer for case in asked} == {None}
    assert {case.clip for case in asked if case.source == "bell"} == {
        "a/bell",
        "b/bell",
    }


def test_pieces_are_taken_from_all_over(train):
    test = concert.Recordings([f"{i:02d}" for i in range(20)])
    asked = choose(test, train, clips=4)
    assert sorted({case.clip for case in asked}) == ["00", "05", "10", "15"]
    assert len({case.clip for case in choose(test, train, clips=50)}) == 20


def test_the_choice_is_always_the_same(train):
    test = concert.Recordings(["a", "b"])
    assert choose(test, train) == choose(test, train)


def test_names_are_fit_for_paths_and_stay_apart(train):
    test = concert.Recordings(["Bläser [live]/ü", "Bläser (live)/ü"])
    names = {case.name for case in choose(test, train)}
    assert len(names) == 12
    assert all(name.count("/") == 1 for name in names)


@pytest.mark.parametrize(
    "wrong", [{"domains": ("bell",)}, {"shortest_samples": 10**6}, {"train": []}]
)
def test_nothing_to_ask_is_an_error(train, wrong):
    train = concert.Recordings(wrong.pop("train", ["etude 1"]))
    with pytest.raises(ValueError, match="there is nothing to score: it takes two dom"):
        choose(concert.Recordings(["a"]), train, **wrong)


def test_a_sound_is_fit_to_a_length():
    np.testing.assert_array_equal(cases.fit(np.arange(3), 7), [0, 1, 2, 0, 1, 2, 0])
    np.testing.assert_array_equal(cases.fit(np.arange(3), 2), [0, 1])
