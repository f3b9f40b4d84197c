import numpy as np
import pytest

from tests.tf_mt.evaluation import synthetic
from tf_mt.evaluation.protocol import cases

DOMAINS = tuple(synthetic.PARTIALS)


def choose(
    test,
    train,
    clips=0,
    domains=DOMAINS,
    shortest_samples=16000,
    transfer=False,
    sources=None,
):
    return cases.choose(
        (sources or test).entries,
        test.entries,
        train.entries,
        domains,
        clips,
        shortest_samples,
        transfer,
    )


@pytest.fixture
def train():
    return synthetic.Recordings(["etude 1", "etude 2", "etude 3"], paired=False)


def test_a_paired_set_asks_for_every_pair_and_knows_the_answer(train):
    chosen = choose(synthetic.Recordings(["a", "b"]), train)
    assert len(chosen) == 2 * 3 * 2
    assert len({case.name for case in chosen}) == len(chosen)
    for case in chosen:
        assert case.source != case.target
        assert case.recording.domain == case.source
        assert (case.answer.domain, case.answer.piece) == (case.target, case.clip)
        assert case.style.domain == case.random.domain == case.target
        assert case.style != case.random


def test_a_set_without_pairs_asks_without_answers(train):
    chosen = choose(synthetic.Recordings(["a", "b", "c"], paired=False), train, clips=2)
    assert len(chosen) == 3 * 2 * 2
    assert {case.answer for case in chosen} == {None}
    assert {case.clip for case in chosen if case.source == "bell"} == {
        "a/bell",
        "b/bell",
    }


def test_the_truth_of_what_others_play_is_that_of_the_test_set(train):
    test, others = (synthetic.Recordings(pieces) for pieces in ("abc", "bcd"))
    chosen = choose(test, train, sources=others, transfer=True)
    assert {case.clip for case in chosen} == {"b", "c"}
    for case in chosen:
        assert any(case.recording is entry for entry in others.entries)
        assert any(case.answer is entry for entry in test.entries)
        assert any(case.reference is entry for entry in test.entries)
        assert (case.answer.domain, case.answer.piece) == (case.target, case.clip)


@pytest.mark.parametrize("paired", [True, False])
def test_what_others_play_is_asked_without_answers_if_there_are_none(train, paired):
    others = synthetic.Recordings("xy", paired)
    chosen = choose(synthetic.Recordings("ab"), train, sources=others)
    assert {case.recording.recording[0] for case in chosen} == {"x", "y"}
    assert {case.answer for case in chosen} == {None}


@pytest.mark.parametrize("paired", [True, False])
def test_a_reference_for_transfer_is_other_music_by_the_target(train, paired):
    test = synthetic.Recordings(["a", "b", "c"], paired)
    chosen = choose(test, train, transfer=True)
    assert chosen == choose(test, train, transfer=True)
    for case in chosen:
        assert case.reference.domain == case.target
        assert case.reference in test.entries
        if paired:
            assert case.reference.piece != case.recording.piece
    assert {case.reference for case in choose(test, train)} == {None}


def test_without_other_music_there_is_no_reference(train):
    with pytest.raises(ValueError, match="has no reference: it takes a recording of a"):
        choose(synthetic.Recordings(["a"]), train, transfer=True)


def test_pieces_are_taken_from_all_over(train):
    test = synthetic.Recordings([f"{i:02d}" for i in range(20)])
    chosen = choose(test, train, clips=4)
    assert sorted({case.clip for case in chosen}) == ["00", "05", "10", "15"]
    assert len({case.clip for case in choose(test, train, clips=50)}) == 20


def test_the_choice_is_always_the_same(train):
    test = synthetic.Recordings(["a", "b"])
    assert choose(test, train) == choose(test, train)


def test_names_are_fit_for_paths_and_stay_apart(train):
    test = synthetic.Recordings(["Bläser [live]/ü", "Bläser (live)/ü"])
    names = {case.name for case in choose(test, train)}
    assert len(names) == 12
    assert all(name.count("/") == 1 for name in names)


@pytest.mark.parametrize(
    "wrong", [{"domains": ("bell",)}, {"shortest_samples": 10**6}, {"train": []}]
)
def test_nothing_to_ask_is_an_error(train, wrong):
    train = synthetic.Recordings(wrong.pop("train", ["etude 1"]))
    with pytest.raises(ValueError, match="there is nothing to score: it takes two dom"):
        choose(synthetic.Recordings(["a"]), train, **wrong)


def test_a_sound_is_fit_to_a_length():
    np.testing.assert_array_equal(cases.fit(np.arange(3), 7), [0, 1, 2, 0, 1, 2, 0])
    np.testing.assert_array_equal(cases.fit(np.arange(3), 2), [0, 1])
