"""A whole evaluation, of models that are known to be good and bad."""

import json

import numpy as np
import pytest

from tests.tf_mt.evaluation import made_up_systems, synthetic
from tf_mt.evaluation.metrics import mfcc
from tf_mt.evaluation.protocol import baselines, evaluation

DOMAINS = ("bell", "reed")
SETTINGS = {"clips": 4, "seconds": 2.0, "transfer": False}


class Embedder:
    """MFCC statistics, which tell nothing of domains."""

    name = "mfcc"
    dimensions = 40
    domains = ()

    def embed(self, audio, sample_rate_hz):
        return mfcc.statistics(audio, sample_rate_hz)


scored = made_up_systems.scored
MFCC = evaluation.Embedder(Embedder(), "mfcc")


class Perfect:
    """Translates perfectly: it looks up the rendering of each piece in every domain."""

    def __init__(self, pieces):
        self.known = {
            (piece, domain): synthetic.render(piece, domain)
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


@pytest.fixture(scope="module")
def dataset():
    test = synthetic.Recordings(["a", "b", "c", "g"])
    return evaluation.Dataset(
        name="synthetic",
        place="here",
        domains=DOMAINS,
        sample_rate_hz=synthetic.RATE_HZ,
        sources=test,
        test=test,
        train=synthetic.Recordings(["d", "e", "f"], paired=False),
    )


def evaluate(models, dataset, out, **changed):
    embedding = changed.pop("embedding", MFCC)
    settings = evaluation.Settings(**{**SETTINGS, **changed})
    return evaluation.evaluate(models, dataset, embedding, settings, out)


@pytest.fixture(scope="module")
def card(dataset, tmp_path_factory):
    """Perfect, lazy and deaf: the truth, the source, and noise."""
    out = tmp_path_factory.mktemp("scores")
    noise = np.random.default_rng(0).normal(0, 0.05, 10**6).astype(np.float32)
    models = [
        scored("perfect", Perfect("abcg").translate),
        scored("lazy", lambda audio, domain: audio),
        scored("deaf", lambda audio, domain: noise[: len(audio)]),
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


def test_says_which_metrics_discriminate(card):
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
    whole = evaluate([scored("m", model.translate)], dataset, tmp_path / "one")
    calls = model.calls
    again = evaluate([scored("m", model.translate)], dataset, tmp_path / "one")
    assert model.calls == calls
    assert again == whole
    (lost,) = sorted(
        (tmp_path / "one").glob("audio/a-*/bell_to_reed/systems/m/times.json")
    )
    lost.unlink()
    (lost,) = sorted((tmp_path / "one").glob("cache/copy/a-*/bell_to_reed.npz"))
    lost.unlink()
    mended = evaluate([scored("m", model.translate)], dataset, tmp_path / "one")
    assert model.calls == calls + 1 + 3
    assert mended["scores"] == whole["scores"]


def test_the_same_command_gives_the_same_numbers(dataset, tmp_path):
    cards = [
        evaluate([scored("m", lambda a, d: 0.5 * a)], dataset, tmp_path / name, clips=1)
        for name in ("one", "two")
    ]
    assert cards[0]["scores"] == cards[1]["scores"]


def test_refuses_the_folder_of_another_evaluation(dataset, tmp_path):
    model = scored("m", lambda audio, domain: audio)
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
    with pytest.raises(ValueError, match="is that of a baseline or of another model"):
        evaluate([model, model], dataset, tmp_path / "other", clips=1)


def test_a_set_without_pairs_is_compared_with_the_source(dataset, tmp_path):
    unpaired = dataset._replace(test=synthetic.Recordings(["a", "b"], paired=False))
    card = evaluate(
        [scored("lazy", lambda audio, domain: audio)],
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

    model = scored("m", lambda audio, domain: audio, codes=telling)
    card = evaluate([model], dataset, tmp_path)
    about = card["systems"][0]["about"]
    assert about["linear probe"] > about["majority"] == pytest.approx(1 / 2)
    assert "Content codes of m by t-SNE" in (tmp_path / "report.html").read_text()


def test_a_distance_over_few_embeddings_is_printed_with_a_warning(card):
    card, out = card
    (warning,) = card["warnings"]
    assert "over n=6 embeddings of 40 dimensions, fewer than 80" in warning
    assert warning in (out / "scorecard.md").read_text()
    assert warning in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("codes", "changed", "words"),
    [
        (None, {"clips": 1}, "none: it has no content vectors."),
        (np.abs, {"clips": 1}, "none: domain bell has codes of one recording"),
        (np.abs, {"seconds": 1.5}, "none: all clips are shorter than 2 s"),
    ],
)
def test_without_a_probe_the_report_says_why(dataset, tmp_path, codes, changed, words):
    model = scored("m", lambda audio, domain: audio, codes=codes)
    card = evaluate([model], dataset, tmp_path, **changed)
    assert card["systems"][0]["about"]["probe"].startswith(words)
    assert words in (tmp_path / "report.html").read_text()


def test_a_domain_that_is_never_a_target_has_no_distance(dataset, tmp_path):
    test = synthetic.Recordings(["a", "b"], paired=False)
    test.entries = [entry for entry in test.entries if entry.domain == "bell"]
    card = evaluate(
        [scored("m", lambda audio, domain: audio)],
        dataset._replace(sources=test, test=test),
        tmp_path,
    )
    assert list(card["pairs"]["m"]["timbre"]) == ["bell -> reed"]
    assert card["scores"]["m"]["fad"]["mean"] > 0.0


def test_of_one_embedding_there_is_no_distance(dataset, tmp_path):
    model = scored("m", lambda audio, domain: audio)
    card = evaluate([model], dataset, tmp_path, clips=1, seconds=1.0)
    assert "fad" not in {metric["name"] for metric in card["metrics"]}
    assert not card["warnings"]


def test_a_model_named_as_a_baseline_is_refused(dataset, tmp_path):
    model = scored("truth", lambda audio, domain: audio)
    with pytest.raises(ValueError, match="name='truth' is that of a baseline"):
        evaluate([model], dataset, tmp_path / "out", clips=1)
    assert not (tmp_path / "out").exists()


class Transferring(Perfect):
    """Transfers perfectly: it looks up the pieces, and the domain of a reference."""

    def transfer(self, audio, reference):
        def distance(name):
            return np.abs(self.known[name][: len(reference)] - reference).sum()

        domain = min(self.known, key=distance)[1]
        return self.known[self.piece(audio), domain][: len(audio)]


def test_transfer_is_scored_in_a_row_of_its_own(dataset, tmp_path):
    perfect = Transferring("abcg")
    models = [
        scored("both", lambda audio, domain: audio, transfer=perfect.transfer),
        scored("no domains", transfer=perfect.transfer),
    ]
    card = evaluate(models, dataset, tmp_path, clips=2, transfer=True)
    rows = {row["name"]: row["about"] for row in card["systems"]}
    assert list(rows)[:4] == [
        *("both", "both (transfer)", "no domains (transfer)", "truth")
    ]
    assert rows["both"]["what"] == "translations to known domains"
    assert rows["both (transfer)"]["what"].startswith("one-shot transfer from a clip")
    assert rows["both (transfer)"]["times real time"] > 0
    assert "shuffled (both (transfer))" in rows
    for metric in ("log_mel", "pitch", "style", "mfcc"):
        truth = mean(card, "truth", metric)
        for name in ("both (transfer)", "no domains (transfer)"):
            assert mean(card, name, metric) == pytest.approx(truth, abs=2e-3)
    assert mean(card, "both", "log_mel") == mean(card, "copy", "log_mel")
    assert "cycle_loss" not in card["scores"]["both (transfer)"]
    assert 'aria-label="reference"' in (tmp_path / "report.html").read_text()


def test_transfer_between_two_recordings_is_compared_with_the_reference(
    dataset, tmp_path
):
    unpaired = dataset._replace(test=synthetic.Recordings(["a", "b"], paired=False))
    models = [
        scored(name, transfer=transfer)
        for name, transfer in (
            ("as the reference", lambda audio, reference: reference),
            ("as the source", lambda audio, reference: audio),
        )
    ]
    card = evaluate(models, unpaired, tmp_path, clips=1, transfer=True)
    assert "truth" not in card["scores"]
    reference, source = (f"{model.name} (transfer)" for model in models)
    assert mean(card, reference, "style") > 0.95
    assert mean(card, source, "style") == 0.0
    assert mean(card, reference, "mfcc") < 0.1 * mean(card, source, "mfcc")
