import json

import numpy as np
import pytest
from matplotlib import image

from tf_mt.evaluation import paired, plots, report

RATE_HZ = 16_000


def noise(seed):
    return np.random.default_rng(seed).normal(0.0, 0.01, RATE_HZ).astype(np.float32)


@pytest.mark.parametrize("domains", [2, 6])
def test_a_report_has_scores_table_and_picture(tmp_path, domains):
    names = [f"domain_{number}" for number in range(domains)]
    test = {
        f"sonata/{piece}": {name: noise(seed) for seed, name in enumerate(names)}
        for piece in range(2)
    }
    scores = paired.evaluate(
        lambda audio, domain: 0.5 * audio, test, RATE_HZ, tmp_path / "audio"
    )
    table = report.write(scores, test, RATE_HZ, tmp_path)
    stored = json.loads((tmp_path / "scores.json").read_text())
    assert [paired.Score(**one) for one in stored] == scores
    assert (tmp_path / "table.md").read_text() == table.markdown()
    assert table.pieces == 2
    np.testing.assert_allclose(np.diag(table.translated_db), 6.0206, atol=1e-3)
    height, width, _ = image.imread(tmp_path / "picture.png").shape
    assert width > 1000
    assert height > 250 * min(domains, report.ROWS)
    assert {path.name for path in tmp_path.iterdir()} == {
        "audio",
        "picture.png",
        "scores.json",
        "table.md",
    }


def test_pictures_show_what_they_are_given(tmp_path):
    """Of three recordings, the one that is silent is the one that is dark."""
    silence = np.zeros(RATE_HZ, np.float32)
    shown = plots.Example("a", "b", 30 * noise(0), silence, 30 * noise(1))
    plots.examples([shown], RATE_HZ, tmp_path / "picture.png")
    pixels = image.imread(tmp_path / "picture.png")[:, :, :3].mean(axis=2)
    height, width = pixels.shape
    middle = pixels[height // 3 : height // 2]
    source, translation, truth = (
        middle[:, int(place * width)].mean() for place in (0.2, 0.45, 0.75)
    )
    assert translation == pytest.approx(0.0, abs=0.01)
    assert source == pytest.approx(truth, abs=0.05)
    assert source > 0.3


def test_the_picture_shows_each_domain_as_source_and_as_target():
    assert report._ring(("a", "b", "c")) == [("a", "b"), ("b", "c"), ("c", "a")]
