"""Rows of a case share analyses of recordings, which are released after the case."""

import collections
import os
import threading
import weakref

import numpy as np
import pytest

from tests.tf_mt.evaluation import made_up_systems, synthetic
from tf_mt.evaluation.metrics import (
    chroma,
    log_mel,
    mfcc,
    ncc,
    onsets,
    pitch,
    transcription,
)
from tf_mt.evaluation.protocol import (
    analysis,
    audio_cache,
    baselines,
    cases,
    reference_set,
    scorecard,
    systems,
)

DOMAINS = ("bell", "horn", "reed")
RATE_HZ = synthetic.RATE_HZ
SAMPLES = round(1.5 * RATE_HZ)


class Embedder:
    name = "mfcc"
    domains = ()

    def embed(self, audio, sample_rate_hz):
        return mfcc.statistics(audio, sample_rate_hz)


def evaluation(folder, pieces, paired=True):
    """One model, which adds noise, and the baselines."""
    test = synthetic.Recordings(pieces, paired)
    train = synthetic.Recordings(["d", "e"], paired=False)
    noise = np.random.default_rng(0).normal(0.0, 0.02, SAMPLES).astype(np.float32)

    def translate(audio, domain):
        # Not as long as its source.
        return (audio + noise[: len(audio)])[9:]

    scored = made_up_systems.scored("noisy", translate, np.negative)
    cache = audio_cache.AudioCache(
        folder / "audio", test, test, train, RATE_HZ, SAMPLES
    )
    chosen = cases.choose(
        test.entries, test.entries, train.entries, DOMAINS, 0, SAMPLES, False
    )
    for case in chosen:
        cache.write_case(case)
        cache.write_outputs(scored, systems.TRANSLATION, case)
        cache.write_resynthesis(scored, case)
    rows = baselines.rows(cache, [scored], chosen)
    targets = reference_set.embed(Embedder(), train, DOMAINS, RATE_HZ, SAMPLES)
    return scorecard.Evaluation(
        cache, rows, chosen, RATE_HZ, Embedder(), targets, folder / "cache"
    )


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    return evaluation(tmp_path_factory.mktemp("paired"), ["a", "b"])


@pytest.fixture(scope="module")
def unpaired(tmp_path_factory):
    return evaluation(tmp_path_factory.mktemp("unpaired"), ["a"], paired=False)


def calls_of(monkeypatch, module, name):
    """What a function is given from now on, call by call."""
    function, calls = getattr(module, name), []

    def noting(*given):
        calls.append(given)
        return function(*given)

    monkeypatch.setattr(module, name, noting)
    return calls


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("kind", ["paired", "unpaired"])
def test_sharing_changes_no_score(kind, cores, request, tmp_path, monkeypatch):
    given = request.getfixturevalue(kind)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    shared = scorecard.measure(given._replace(scores_folder=tmp_path / "shared"))
    monkeypatch.setattr(
        analysis.Analysis,
        "by",
        lambda self, find: find(self.audio, self.sample_rate_hz),
    )
    anew = scorecard.measure(given._replace(scores_folder=tmp_path / "anew"))
    np.testing.assert_equal(shared, anew)
    assert list(shared) == [row.name for row in given.rows]
    assert {len(scores) for scores in shared.values()} == {len(given.cases)}


def test_scores_are_in_the_order_of_the_cases(paired, tmp_path):
    whole = scorecard.measure(paired._replace(scores_folder=tmp_path / "whole"))
    for number in (0, 7, 11):
        one = paired._replace(
            cases=paired.cases[number : number + 1],
            scores_folder=tmp_path / str(number),
        )
        for name, (scores,) in scorecard.measure(one).items():
            np.testing.assert_equal(scores, whole[name][number])


# Six sounds of a case are estimates: of the model, the truth, the copy, resynthesis,
# shuffled and the random clip. The style, there and back, and reconstruction are not.
@pytest.mark.parametrize(
    ("module", "name", "times"),
    [
        *((pitch, "track", 6), (onsets, "detect", 6 + 6), (chroma, "chromagram", 6)),
        *((ncc, "contour", 7), (mfcc, "means", 7), (transcription, "transcribe", 6)),
        # Each search for onsets makes its own.
        (log_mel, "spectrogram", 8 + 6 + 6),
    ],
)
def test_every_sound_is_analysed_once(
    paired, tmp_path, monkeypatch, module, name, times
):
    calls = calls_of(monkeypatch, module, name)
    one = paired._replace(cases=paired.cases[:1], scores_folder=tmp_path)
    scorecard.measure(one)
    assert len(calls) == times


def test_no_more_sounds_are_kept_for_more_clips(paired, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alive, most = weakref.WeakSet(), collections.Counter()

    def remembering(self, *given, begin=analysis.Analysis.__init__):
        begin(self, *given)
        alive.add(self)
        most[clips] = max(most[clips], len(alive))

    monkeypatch.setattr(analysis.Analysis, "__init__", remembering)
    for clips in (1, 4, 12):
        few = paired._replace(
            cases=paired.cases[:clips], scores_folder=tmp_path / str(clips)
        )
        scorecard.measure(few)
        assert not alive
    assert most[1] == most[4] == most[12] <= 8


def test_what_was_scored_is_not_analysed_again(paired, tmp_path, monkeypatch):
    once = paired._replace(scores_folder=tmp_path)
    found = scorecard.measure(once)
    calls = calls_of(monkeypatch, pitch, "track")
    np.testing.assert_equal(scorecard.measure(once), found)
    assert not calls
    next(tmp_path.glob("copy/a-*/bell_to_horn.npz")).unlink()
    np.testing.assert_equal(scorecard.measure(once), found)
    assert len(calls) == 2


def test_a_case_is_analysed_by_one_thread(paired, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    threads = collections.defaultdict(set)

    def noting(self, analysis, by=analysis.Analysis.by):
        threads[self].add(threading.get_ident())
        return by(self, analysis)

    monkeypatch.setattr(analysis.Analysis, "by", noting)
    scorecard.measure(paired._replace(scores_folder=tmp_path))
    assert {len(own) for own in threads.values()} == {1}
    assert len(set.union(*threads.values())) > 1
