"""A whole evaluation, of models that are known to be good and bad."""

import json

import numpy as np
import pytest

from tests.tf_mt.evaluation import concert
from tf_mt.evaluation.metrics import mfcc
from tf_mt.evaluation.protocol import audio_cache, baselines, evaluation

DOMAINS = ("bell", "reed")


class Embedder:
    """MFCC statistics, which tell nothing of domains."""

    name = "mfcc"
    dimensions = 40
    domains = ()

    def embed(self, audio, sample_rate_hz):
        return mfcc.statistics(audio, sample_rate_hz)


MFCC = evaluation.Embedder(Embedder(), "mfcc")


class Perfect:
    """Knows the pieces, so that it can play them on any instrument."""

    def __init__(self, pieces):
        self.known = {
            (piece, domain): concert.play(piece, domain)
            for piece in pieces
            for domain in DOMAINS
        }
        self.calls = 0

    def piece(self, audio):
        def distance(name):
            return np.abs(self.known[name][: len(audio)] - audio).sum()

        return min(self.known, key=distance)[0]

    def translate(self, audio, domain):
        self.calls += 1
        return self.known[self.piece(audio), domain][: len(audio)]


def judged(name, translate, codes=None):
    model = audio_cache.Model(name, {"parameters": 3}, translate, lambda audio: audio)
    return evaluation.Judged(model, f"{name} 1", codes)


@pytest.fixture(scope="module")
def dataset():
    return evaluation.Dataset(
        name="concert",
        place="here",
        domains=DOMAINS,
        sample_rate_hz=concert.RATE_HZ,
        test=concert.Recordings(["a", "b", "c", "g"]),
        train=concert.Recordings(["d", "e", "f"], paired=False),
    )


def evaluate(models, dataset, out, **changed):
    settings = {"embedding": MFCC, "clips": 4, "seconds": 2.0, **changed}
    return evaluation.evaluate(models, dataset, out=out, **settings)


@pytest.fixture(scope="module")
def card(dataset, tmp_path_factory):
    """Perfect, lazy and deaf: the truth, the source, and noise."""
    out = tmp_path_factory.mktemp("scores")
    noise = np.random.default_rng(0).normal(0, 0.05, 10**6).astype(np.float32)
    models = [
        judged("perfect", Perfect("abcg").translate),
        judged("lazy", lambda audio, domain: audio),
        judged("deaf", lambda audio, domain: noise[: len(audio)]),
    ]
    return evaluate(models, dataset, out), out


def mean(card, system, metric):
    return card["scores"][system][metric]["mean"]


def test_models_come_first_and_then_the_baselines(card):
    assert [row["name"] for row in card[0]["systems"]] == [
        *("perfect", "lazy", "deaf", "truth", "copy"),
        *("resynthesis (perfect)", "shuffled (perfect)"),
        *("resynthesis (lazy)", "shuffled (lazy)"),
        *("resynthesis (deaf)", "shuffled (deaf)"),
        "random clip",
    ]
    assert card[0]["n"] == 4 * 2


@pytest.mark.parametrize(
    "metric", ["log_mel", "stft", "mfcc", "pitch", "loudness", "timbre", "fad"]
)
def test_a_perfect_model_scores_as_the_truth_and_a_lazy_one_as_a_copy(card, metric):
    card, _ = card
    truth, copy = mean(card, "truth", metric), mean(card, "copy", metric)
    assert mean(card, "perfect", metric) == pytest.approx(truth, abs=2e-3)
    assert mean(card, "lazy", metric) == pytest.approx(copy, abs=2e-3)


@pytest.mark.parametrize(
    ("metric", "best_first"),
    [
        ("log_mel", ["perfect", "lazy", "shuffled (perfect)", "deaf"]),
        ("pitch", ["perfect", "random clip"]),
        ("notes", ["perfect", "shuffled (perfect)"]),
        ("notes", ["perfect", "deaf"]),
        ("ncc", ["perfect", "random clip"]),
        ("chroma", ["lazy", "perfect", "deaf"]),
        ("timbre", ["perfect", "lazy"]),
        ("cycle_loss", ["perfect", "deaf"]),
        ("cycle_ssim", ["perfect", "deaf"]),
        ("reconstruction_ssim", ["perfect", "deaf"]),
    ],
)
def test_better_is_better(card, metric, best_first):
    card, _ = card
    column = next(m for m in card["metrics"] if m["name"] == metric)
    means = [mean(card, system, metric) for system in best_first]
    assert means == sorted(means, reverse=column["better"] == "higher")
    assert len(set(means)) == len(means)


def test_says_what_tells_truth_from_copy(card):
    assert card[0]["separates"]["log_mel"]
    assert not card[0]["separates"]["cycle_loss"]
    assert set(card[0]["separates"]) == {m["name"] for m in card[0]["metrics"]}


def test_intervals_hold_their_means(card):
    for cells in card[0]["scores"].values():
        for cell in cells.values():
            assert cell["low"] <= cell["mean"] + 1e-9
            assert cell["mean"] <= cell["high"] + 1e-9


def test_leaves_a_report(card):
    card, out = card
    assert json.loads((out / "scorecard.json").read_text()) == card
    assert "perfect" in (out / "scorecard.md").read_text()
    assert "<audio" in (out / "report.html").read_text()
    assert (out / "picture.png").stat().st_size > 10_000


def test_goes_on_where_it_was(dataset, tmp_path):
    model = Perfect("abcg")
    whole = evaluate([judged("m", model.translate)], dataset, tmp_path / "one")
    calls = model.calls
    again = evaluate([judged("m", model.translate)], dataset, tmp_path / "one")
    assert model.calls == calls
    assert again == whole
    (lost,) = sorted((tmp_path / "one").glob("audio/a-*/bell_to_reed/m.json"))
    lost.unlink()
    (lost,) = sorted((tmp_path / "one").glob("cache/copy/a-*/bell_to_reed.npz"))
    lost.unlink()
    mended = evaluate([judged("m", model.translate)], dataset, tmp_path / "one")
    assert model.calls == calls + 3
    assert mended["scores"] == whole["scores"]


def test_the_same_command_gives_the_same_numbers(dataset, tmp_path):
    cards = [
        evaluate([judged("m", lambda a, d: 0.5 * a)], dataset, tmp_path / name, clips=1)
        for name in ("one", "two")
    ]
    assert cards[0]["scores"] == cards[1]["scores"]


def test_refuses_the_folder_of_another_evaluation(dataset, tmp_path):
    model = judged("m", lambda audio, domain: audio)
    evaluate([model], dataset, tmp_path, clips=1)
    for changed in (
        {"clips": 2},
        {"seconds": 1.5},
        {"embedding": MFCC._replace(identity="other")},
    ):
        with pytest.raises(ValueError, match="holds an evaluation of something else"):
            evaluate([model], dataset, tmp_path, **{"clips": 1, **changed})
    with pytest.raises(ValueError, match="holds an evaluation of something else"):
        evaluate([model._replace(identity="m 2")], dataset, tmp_path, clips=1)
    with pytest.raises(ValueError, match="two models have the same name"):
        evaluate([model, model], dataset, tmp_path / "other", clips=1)


def test_a_set_without_pairs_is_held_against_the_source(dataset, tmp_path):
    unpaired = dataset._replace(test=concert.Recordings(["a", "b"], paired=False))
    card = evaluate(
        [judged("lazy", lambda audio, domain: audio)],
        unpaired,
        tmp_path,
        clips=2,
    )
    assert baselines.TRUTH not in card["scores"]
    assert "log_mel" not in {metric["name"] for metric in card["metrics"]}
    assert mean(card, "lazy", "pitch") == 1.0
    assert not any(card["separates"].values())


def test_codes_are_probed_and_drawn(dataset, tmp_path):
    def telling(audio):
        spectrum = np.abs(np.fft.rfft(audio, axis=1))[:, :8000]
        return np.log(1e-3 + spectrum.reshape(len(audio), 40, -1).sum(axis=2))

    model = judged("m", lambda audio, domain: audio, telling)
    card = evaluate([model], dataset, tmp_path)
    about = card["systems"][0]["about"]
    assert about["linear probe"] > about["majority"] == pytest.approx(1 / 2)
    assert "Content codes of m by t-SNE" in (tmp_path / "report.html").read_text()
