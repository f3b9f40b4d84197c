import types

import numpy as np
import pytest

from tf_mt.audio import files
from tf_mt.evaluation import paired

RATE_HZ = 16_000
DOMAINS = ("cello", "flute", "piano")
# How much louder than the cello each domain plays the same noise.
LEVELS_DB = {"cello": 0.0, "flute": 6.0, "piano": 18.0}


def noise(seed):
    return np.random.default_rng(seed).normal(0.0, 0.01, RATE_HZ).astype(np.float32)


def louder(audio, gain_db):
    return audio * np.float32(10.0 ** (gain_db / 20.0))


def recording(piece, domain, audio=None):
    return types.SimpleNamespace(piece=piece, domain=domain, audio=audio)


def score(source, target, translated_db, copied_db, piece="a"):
    return paired.Score(piece, source, target, translated_db, copied_db, 0.75, 0.5)


@pytest.fixture
def test_set():
    return {
        piece: {
            domain: louder(noise(seed), level) for domain, level in LEVELS_DB.items()
        }
        for seed, piece in enumerate(["sonata/1", "sonata/2"])
    }


def test_pieces_are_grouped_in_the_order_of_the_domains():
    recordings = [
        recording(piece, domain, f"{piece} by {domain}")
        for domain in ("flute", "piano", "cello")
        for piece in ("b", "a")
    ]
    grouped = paired.pieces(iter(recordings), DOMAINS)
    assert list(grouped) == ["b", "a"]
    for piece, played in grouped.items():
        assert played == {domain: f"{piece} by {domain}" for domain in DOMAINS}
        assert list(played) == list(DOMAINS)


@pytest.mark.parametrize(
    "recordings, domains",
    [
        ([], DOMAINS),
        ([recording("", "cello"), recording("", "flute")], DOMAINS[:2]),
        ([recording("a", "cello")], DOMAINS[:1]),
        ([recording("a", "cello"), recording("b", "flute")], DOMAINS[:2]),
    ],
)
def test_what_is_not_paired_is_refused(recordings, domains):
    with pytest.raises(ValueError, match="is not paired, so its translations have no"):
        paired.pieces(recordings, domains)


@pytest.mark.parametrize(
    "count, chosen", [(1, "a"), (2, "ad"), (3, "ace"), (5, "abcde"), (9, "abcdefg")]
)
def test_some_pieces_are_from_all_over(count, chosen):
    test = {piece: {} for piece in "abcdefg"}
    assert "".join(paired.some(test, count)) == chosen


def test_known_translations_have_known_scores(tmp_path, test_set):
    """A translator that makes everything 3 dB louder than it should be."""

    def translate(audio, domain):
        level_db = 20.0 * np.log10(np.std(audio) / np.std(noise(0)))
        return louder(audio, LEVELS_DB[domain] - level_db + 3.0)

    test = {"sonata/1": test_set["sonata/1"]}
    scores = paired.evaluate(translate, test, RATE_HZ, tmp_path)
    assert [(s.piece, s.source, s.target) for s in scores] == [
        ("sonata/1", source, target) for source in DOMAINS for target in DOMAINS
    ]
    for one in scores:
        copied_db = abs(LEVELS_DB[one.source] - LEVELS_DB[one.target])
        assert one.translated_db == pytest.approx(3.0, abs=1e-3)
        assert one.copied_db == pytest.approx(copied_db, abs=1e-3)


def test_the_sound_is_kept(tmp_path, test_set):
    paired.evaluate(lambda audio, domain: -audio, test_set, RATE_HZ, tmp_path)
    for piece, played in test_set.items():
        for source, audio in played.items():
            kept = files.read(tmp_path / piece / f"{source}.wav", RATE_HZ)
            np.testing.assert_allclose(kept, audio, atol=2e-5)
            kept = files.read(tmp_path / piece / f"{source}_to_flute.wav", RATE_HZ)
            np.testing.assert_allclose(kept, -audio, atol=2e-5)


@pytest.fixture
def table():
    """Two domains: one pair at half of what copying scores, one at a quarter."""
    return paired.tabulate(
        [
            score("cello", "cello", 1.0, 0.0),
            score("cello", "flute", 4.0, 10.0, piece="a"),
            score("cello", "flute", 8.0, 14.0, piece="b"),
            score("flute", "cello", 5.0, 20.0),
            score("flute", "flute", 2.0, 0.0),
        ]
    )


def test_tables_hold_means_over_pieces(table):
    assert table.domains == ("cello", "flute")
    assert table.pieces == 2
    np.testing.assert_array_equal(table.translated_db, [[1.0, 6.0], [5.0, 2.0]])
    np.testing.assert_array_equal(table.copied_db, [[0.0, 12.0], [20.0, 0.0]])


def test_shares_are_of_what_copying_scores(table):
    np.testing.assert_allclose(table.shares(), [[1 / 12, 0.5], [0.25, 0.1]])
    assert table.translation_share() == pytest.approx(0.375)
    assert table.reconstruction_share() == pytest.approx((1 / 12 + 0.1) / 2)


def test_a_reconstruction_is_held_against_copying_on_average():
    table = paired.tabulate(
        [
            score(source, target, 3.0, copied_db)
            for source, row in zip(
                "xyz", [(0, 4, 8), (4, 0, 2), (8, 2, 0)], strict=True
            )
            for target, copied_db in zip("xyz", row, strict=True)
        ]
    )
    np.testing.assert_allclose(np.diag(table.shares()), [3 / 6, 3 / 3, 3 / 5])


def test_markdown(table):
    assert table.markdown() == (
        "Log-mel distance to the truth as a share of what copying the source scores; "
        "n = 2 held-out pieces; below 1 beats copying; reconstructions in brackets.\n"
        "\n"
        "| from \\ to | cello | flute |\n"
        "|---|---|---|\n"
        "| cello | (0.08) | 0.50 |\n"
        "| flute | 0.25 | (0.10) |\n"
        "\n"
        "Translation: 0.375 of copying (5.5 dB against 16.0 dB). "
        "Reconstruction: 0.092 (1.5 dB).\n"
        "\n"
        "Frames with the pitch of the truth, within 50 cents: translation 0.75, "
        "copying 0.50.\n"
    )
