import copy

import pytest

from tests.tf_mt.evaluation import made_up
from tf_mt.evaluation.report import discrimination, markdown, score_text


def cells(line):
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def metric(card, name):
    return next(metric for metric in card["metrics"] if metric["name"] == name)


def test_the_table_has_a_row_for_each_system_and_a_column_for_each_metric():
    lines = markdown.table(made_up.scorecard()).splitlines()
    table = [cells(line) for line in lines if line.startswith("|")]
    assert {len(row) for row in table if not row[0].startswith("---")} == {19}
    assert table[0][:2] == ["System", "log-mel (dB ↓)"]
    assert table[0][8] == "onsets (↑) †"
    assert [row[0] for row in table[2:]] == [*made_up.MODELS, *made_up.BASELINES]
    assert table[2][7] == "**0.58** (0.56-0.60)"
    assert table[3][7] == "0.49 (0.47-0.51)"
    assert table[8][9] == "-0.02 (-0.02 to -0.02)"
    assert table[4][15] == "-"
    assert "n = 240 clips of 4 s" in lines[-5]
    assert "embedder domain CNN" in lines[-5]
    assert lines[-3] == "Bold: the best model."
    assert lines[-1].startswith("† Does not discriminate")


def test_models_come_first():
    card = made_up.scorecard()
    expected = markdown.table(card)
    card["systems"] = card["systems"][2:] + card["systems"][:2]
    assert markdown.table(card) == expected


def test_one_model_is_not_the_best_of_anything():
    card = made_up.scorecard()
    del card["systems"][0]
    assert "**" not in markdown.table(card)
    assert "Bold" not in markdown.table(card)


def test_names_cannot_break_the_table():
    card = made_up.scorecard()
    card["systems"][0]["name"] = "a|b\n*c* <d>"
    card["scores"]["a|b\n*c* <d>"] = {}
    first = markdown.table(card).splitlines()[2]
    assert first.startswith("| a\\|b \\*c\\* \\<d> | - |")


def test_without_an_embedder_it_is_said():
    card = made_up.scorecard() | {"embedder": None}
    assert "no embedder" in markdown.table(card)


def test_where_the_truth_is_not_known_discriminative_power_is_not_either():
    card = made_up.scorecard()
    del card["scores"]["truth"]
    card["systems"] = [one for one in card["systems"] if one["name"] != "truth"]
    card["separates"] = dict.fromkeys(card["separates"], False)
    assert "The truth is not known" in markdown.table(card)
    sentence = discrimination.compare_with_copy(card, "umt").sentence("umt")
    assert sentence == "For umt no metric ranks copying the source below the truth."


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ([0.58, 0.61, 0.0], 2),
        ([1.0], 2),
        ([12.7, 8.6, 9000.0], 1),
        ([121.0], 0),
        ([4e4], 0),
        ([-0.031], 3),
        ([1e-9], 6),
        ([0.0], 2),
    ],
)
def test_decimal_places_follow_the_typical_mean(means, expected):
    scores = {f"{k}": {"m": {"mean": mean}} for k, mean in enumerate(means)}
    assert score_text.places({"scores": {**scores, "none": {}}}, "m") == expected


def test_warnings_stand_below_the_table():
    card = made_up.scorecard() | {"warnings": ["The distance is too large."]}
    assert markdown.table(card).splitlines()[-1] == "The distance is too large."


def test_zero_has_no_sign():
    assert score_text.number(-0.001, 2) == "0.00"


def test_a_comparison_counts_metrics_by_where_the_interval_lies():
    card = made_up.scorecard()
    comparison = discrimination.compare_with_copy(card, "umt")
    assert comparison.better[:4] == ("log-mel", "MR-STFT", "MFCC", "style")
    assert comparison.better[4:] == ("timbre", "domain", "FAD")
    assert comparison.worse == ("pitch", "pitch class", "notes", "NCC")
    assert comparison.undecided == ("loudness",)
    sentence = comparison.sentence("umt")
    assert sentence.startswith("umt beats copying the source on 7 of the 12 metrics")
    assert sentence.endswith(
        "it loses on 4 (pitch, pitch class, notes, NCC); 1 undecided (loudness)."
    )


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_touching_intervals_decide_nothing(better):
    card = made_up.scorecard()
    wanted = metric(card, "log_mel")
    wanted["better"] = better
    sign = 1.0 if better == "lower" else -1.0
    card["metrics"] = [wanted]

    def score(mean, half):
        return {"log_mel": {"mean": mean, "low": mean - half, "high": mean + half}}

    card["scores"] = {"truth": score(0.0, 0.0), "copy": score(4.0 * sign, 1.0)}
    for mean, outcome in (
        (1.9, "better"),
        (2.0, "undecided"),
        (6.0, "undecided"),
        (6.1, "worse"),
    ):
        card["scores"]["umt"] = score(mean * sign, 1.0)
        assert getattr(discrimination.compare_with_copy(card, "umt"), outcome) == (
            "log-mel",
        )


def test_metrics_that_do_not_discriminate_are_not_counted():
    card = made_up.scorecard()
    compared = discrimination.compare_with_copy(card, "umt")
    silent = copy.deepcopy(card)
    silent["separates"]["fad"] = False
    assert (
        discrimination.compare_with_copy(silent, "umt").better == compared.better[:-1]
    )
    assert discrimination.best(silent, metric(silent, "fad")) == set()


def test_equal_means_are_both_best():
    card = made_up.scorecard()
    for name in made_up.MODELS:
        card["scores"][name]["fad"] = {"mean": 5.0, "low": 4.0, "high": 6.0, "n": 9}
    assert discrimination.best(card, metric(card, "fad")) == set(made_up.MODELS)
