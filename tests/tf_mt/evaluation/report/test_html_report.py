import base64
import html.parser
import io
import re
import warnings

import numpy as np
import pytest
import soundfile
from matplotlib import image

from tests.tf_mt.evaluation import made_up
from tf_mt.audio import files
from tf_mt.evaluation.report import html_page, html_report, score_plots, sound_picture

# The last of them does not tell the truth from a copy.
METRICS = 8
VOID = ("meta", "img", "br", "link", "input")
NASTY = "<script>alert(\"1\")</script> & 'x' $y_1$ \N{HIRAGANA LETTER A}"


class Page(html.parser.HTMLParser):
    """Reads a page and holds it to closing what it opens, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(set(names)) == len(names)
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    card = made_up.scorecard()
    card["metrics"] = card["metrics"][:METRICS]
    write(folder, card, made_up.examples(folder))
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def write(folder, card, examples):
    pictures = made_up.pictures(folder)
    path = folder / "report.html"
    html_report.write(card, examples, pictures, made_up.RATE_HZ, path)


def content(uri, kind):
    start = f"data:{kind};base64,"
    assert uri.startswith(start)
    return io.BytesIO(base64.b64decode(uri[len(start) :], validate=True))


def test_the_page_stands_alone(folder, page):
    for _, attributes in page.elements:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("data:", "#"))
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import|\.py\b", text)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_links_lead_to_sections_and_ids_are_unique(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert [f"#{one}" for one in ids] == [link["href"] for link in page.all("a")]


def test_what_cannot_be_seen_is_said(page):
    assert all(attributes["alt"] for attributes in page.all("img"))
    assert all(attributes["aria-label"] for attributes in page.all("audio"))
    assert all(attributes["scope"] in ("row", "col") for attributes in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) == 3
    assert page.all("html") == [{"lang": "en"}]
    assert page.all("img")[0]["alt"].startswith(
        "log-mel, dB, lower is better: vae-gan/run 7 7.9 (7.7-8.2), umt 8.6 (8.4-8.9)"
    )


def test_the_table_has_a_cell_for_each_system_and_metric(page):
    systems, pairs = 7, 2 * 6
    cells = [attributes.get("class") for attributes in page.all("td")]
    assert len(cells) == METRICS * (systems + pairs)
    assert cells.count("best") == METRICS - 1
    assert cells.count("weak") == systems + pairs
    text = "".join(page.text)
    assert "umt beats copying the source on 4 of the 7 metrics" in text
    assert "Dataset scores (violin, flute, trumpet), test; n = 240" in text
    assert "What notes measures (Somebody et al. 2020, eq. 3)." in text


def test_the_sounds_are_what_was_given(folder, page):
    audio_elements = page.all("audio")
    names = ["source", "truth", *made_up.MODELS, "resynthesis (umt)"]
    assert [element["aria-label"] for element in audio_elements] == names
    for k, element in enumerate(audio_elements):
        embedded, rate = soundfile.read(
            content(element["src"], "audio/flac"), dtype="int16"
        )
        given = files.read(folder / f"0_{k}.wav", made_up.RATE_HZ)
        assert rate == made_up.RATE_HZ
        np.testing.assert_array_equal(embedded, files.to_pcm16(given))


def test_the_pictures_can_be_read(folder, page):
    pictures = [content(one["src"], "image/png") for one in page.all("img")]
    assert len(pictures) == METRICS + 5 + 1
    assert all(min(image.imread(picture).shape[:2]) > 100 for picture in pictures)
    assert pictures[-1].getvalue() == (folder / "codes.png").read_bytes()


def test_no_name_can_break_the_page(tmp_path):
    card = made_up.scorecard()
    umt = card["systems"][1]
    card["scores"][NASTY] = card["scores"].pop("umt")
    card["pairs"][NASTY] = {"log_mel": {f"{NASTY} -> b": 1.0}}
    umt["name"], umt["about"] = NASTY, {NASTY: NASTY}
    card["metrics"] = card["metrics"][:2]
    for key in ("title", "unit", "against", "about"):
        card["metrics"][0][key] = NASTY
    card["dataset"] = card["machine"] = NASTY
    card["embedder"] = {"name": NASTY, "reference": NASTY, "n": 1}
    sounds = made_up.examples(tmp_path, seconds=0.5)[0]["sounds"]
    write(tmp_path, card, [{"title": NASTY, "sounds": {NASTY: sounds["source"]}}])
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert len(page.all("script")) == 1
    assert page.all("audio")[0]["aria-label"] == NASTY
    assert "".join(page.text).count(NASTY) > 15


def test_warnings_stand_below_the_table(tmp_path):
    card = made_up.scorecard() | {"warnings": [f"Too few: {NASTY}"]}
    card["metrics"] = card["metrics"][:1]
    html_report.write(card, [], {}, made_up.RATE_HZ, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert f"Too few: {NASTY}" in "".join(page.text)


def test_a_report_without_examples_has_no_such_section(tmp_path):
    card = made_up.scorecard()
    card["metrics"], card["pairs"] = card["metrics"][:1], {}
    path = tmp_path / "report.html"
    html_report.write(card, [], {}, made_up.RATE_HZ, path)
    page = Page(path.read_text(encoding="utf-8"))
    links = [link["href"] for link in page.all("a")]
    assert links == ["#scores", "#plots", "#systems", "#metrics"]


def test_a_missing_sound_leaves_the_old_report(tmp_path):
    card = made_up.scorecard()
    card["metrics"] = card["metrics"][:1]
    (tmp_path / "report.html").write_text("old")
    gone = {"title": "a", "sounds": {"source": tmp_path / "gone.wav"}}
    with pytest.raises(FileNotFoundError, match=r"gone\.wav"):
        write(tmp_path, card, [gone])
    assert (tmp_path / "report.html").read_text() == "old"


def test_the_same_scorecard_gives_the_same_bytes(tmp_path):
    card = made_up.scorecard()
    card["metrics"] = card["metrics"][:1]
    sound = made_up.examples(tmp_path, seconds=0.5)[0]["sounds"]["source"]
    examples = [{"title": "a", "sounds": {"source": sound}}]
    written = []
    for _ in range(2):
        write(tmp_path, card, examples)
        written.append((tmp_path / "report.html").read_bytes())
    assert written[0] == written[1]


def test_a_plot_shows_models_and_baselines_where_they_score():
    card = made_up.scorecard()
    pixels = image.imread(io.BytesIO(score_plots.draw(card, card["metrics"][0])))
    blue = (pixels[..., 2] > 0.8) & (pixels[..., 0] < 0.3) & (pixels[..., 3] > 0.9)
    rows = np.flatnonzero(blue.any(axis=1))
    # Two models, in the first two of seven rows.
    assert np.count_nonzero(np.diff(rows) > 1) == 1
    assert rows[-1] < 0.4 * len(pixels)
    first, second = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    left, right = (
        np.flatnonzero(blue[band].any(axis=0)).mean() for band in (first, second)
    )
    assert left < right


def test_a_sound_picture_is_dark_where_nothing_sounds():
    sound = made_up.tune(0, 4)
    sound[len(sound) // 2 :] = 0.0
    pixels = image.imread(io.BytesIO(sound_picture.draw(sound, made_up.RATE_HZ)))
    height, width, _ = pixels.shape
    for top, bottom in ((0.05, 0.5), (0.65, 0.8)):
        band = pixels[int(top * height) : int(bottom * height), :, :3]
        left = band[:, int(0.2 * width) : int(0.5 * width)]
        right = band[:, int(0.65 * width) : int(0.9 * width)]
        assert left.max() > 0.8
        assert right.max() < 0.1


def test_names_in_any_script_are_drawn_in_silence():
    card = made_up.scorecard()
    card["systems"][0]["name"] = "\N{HIRAGANA LETTER A}" * 40
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score_plots.draw(card, card["metrics"][0]).startswith(b"\x89PNG")


def test_loud_sounds_are_clipped():
    text = html_page.sound("a", b"", np.array([2.0, -2.0]), 8000)
    uri = re.search(r'src="(data:audio[^"]*)"', text).group(1)
    embedded, _ = soundfile.read(content(uri, "audio/flac"), dtype="int16")
    assert embedded.tolist() == [32767, -32768]
