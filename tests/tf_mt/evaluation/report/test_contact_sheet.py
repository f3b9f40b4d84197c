import numpy as np
import pytest
from matplotlib import image

from tf_mt.evaluation.report import contact_sheet


def sounds(count, seed=0):
    rng = np.random.default_rng(seed)
    return {f"{k}": 0.1 * rng.standard_normal(8000) for k in range(count)}


def size(folder, rows):
    path = folder / "picture.png"
    contact_sheet.draw(rows, 8000, path)
    height, width, _ = image.imread(path).shape
    return width, height


def test_the_page_grows_with_rows_and_columns(tmp_path):
    small = size(tmp_path, {"a": sounds(1)})
    assert size(tmp_path, {"a": sounds(3)})[0] > small[0]
    assert size(tmp_path, {"a": sounds(1), "b": sounds(1)})[1] > small[1]


def test_the_page_does_not_grow_without_end(tmp_path):
    full = size(tmp_path, {"a": sounds(contact_sheet.SHOWN_COLUMNS)})
    assert size(tmp_path, {"a": sounds(40)}) == full


@pytest.mark.parametrize("count", [1, 2, 9, 10, 100])
def test_both_ends_are_shown(tmp_path, count, monkeypatch):
    drawn = []
    draw = contact_sheet.plots.draw

    def noting(axis, audio, rate_hz):
        drawn.append(audio)
        return draw(axis, audio, rate_hz)

    monkeypatch.setattr(contact_sheet.plots, "draw", noting)
    given = sounds(count)
    size(tmp_path, {"a": given})
    assert len(drawn) == min(count, contact_sheet.SHOWN_COLUMNS)
    assert np.shares_memory(drawn[0], given["0"])
    assert np.shares_memory(drawn[-1], given[f"{count - 1}"])


def test_the_same_sounds_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        contact_sheet.draw({"a": sounds(2)}, 8000, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
