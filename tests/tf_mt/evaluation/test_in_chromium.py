"""The HTML report in a browser: embedded data loads, and nothing else is requested."""

import pytest

from tests import chromium
from tests.tf_mt.evaluation import made_up
from tf_mt.evaluation.report import html_report

pytestmark = chromium.needed

# As many as make the table wider than a phone; each takes a plot.
METRICS = 8

# Resolves to what the page holds once all of it has loaded or failed.
FINDINGS = """
(async () => {
  const audio = [...document.querySelectorAll("audio")];
  await Promise.all(audio.map((one) => one.readyState > 0 || one.error || new Promise(
    (done) => { one.onloadedmetadata = one.onerror = done; })));
  const images = [...document.images];
  await Promise.all(images.map((one) => one.decode().catch(() => null)));
  return {
    durations: audio.map((one) => one.duration),
    images: images.map((one) => one.complete && one.naturalWidth),
    overflows: document.documentElement.scrollWidth > innerWidth,
    dark: getComputedStyle(document.body).backgroundColor,
    players: await (async () => {
      for (const one of audio.slice(0, 2)) { one.muted = true; await one.play(); }
      await new Promise((done) => setTimeout(done, 0));
      return audio.slice(0, 2).map((one) => one.paused);
    })(),
  };
})()
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    card = made_up.scorecard()
    card["metrics"] = card["metrics"][:METRICS]
    html_report.write(
        card,
        made_up.examples(folder, seconds=1.0),
        made_up.pictures(folder),
        made_up.RATE_HZ,
        folder / "report.html",
    )
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.opened(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def look(browser, path, width, scheme):
    browser.events.clear()
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser("Emulation.setDeviceMetricsOverride", **size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser("Emulation.setEmulatedMedia", features=features)
    browser("Page.navigate", url=path.as_uri())
    browser.wait("Page.loadEventFired")
    answer = browser(
        "Runtime.evaluate",
        expression=FINDINGS,
        awaitPromise=True,
        returnByValue=True,
        userGesture=True,
    )
    assert "exceptionDetails" not in answer, answer
    return answer["result"]["value"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_shows_and_plays_all_it_holds(browser, report, width, scheme):
    found = look(browser, report, width, scheme)
    assert found["durations"] == pytest.approx([1.0] * 5, abs=1e-3)
    assert len(found["images"]) == METRICS + 5 + 1
    assert all(found["images"])
    assert not found["overflows"]
    assert (found["dark"] == "rgb(255, 255, 255)") == (scheme == "light")
    assert found["players"] == [True, False]


@pytest.mark.timeout(60)
def test_nothing_is_asked_for_and_nothing_complains(browser, report):
    look(browser, report, 1400, "light")
    asked = [
        event["request"]["url"] for event in browser.named("Network.requestWillBeSent")
    ]
    assert report.as_uri() in asked
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    assert [url for url in asked if url.startswith("file:")] == [report.as_uri()]
    for complaint in (
        "Log.entryAdded",
        "Runtime.consoleAPICalled",
        "Runtime.exceptionThrown",
    ):
        assert browser.named(complaint) == []


@pytest.mark.timeout(60)
def test_a_page_that_asks_and_complains_is_found_out(browser, report, tmp_path):
    text = report.read_text().replace(
        "<h1>", '<img src="http://localhost:9/a.png"><h1>'
    )
    path = tmp_path / "bad.html"
    path.write_text(text)
    assert not all(look(browser, path, 1400, "light")["images"])
    browser.wait("Log.entryAdded")
