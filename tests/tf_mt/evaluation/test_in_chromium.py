"""The HTML report in a browser: embedded data loads, and nothing else is requested."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess

import pytest

from tests.tf_mt.evaluation import made_up
from tf_mt.evaluation.report import html_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="neither chromium nor google-chrome is on PATH"
)

# As many as make the table wider than a phone; each takes a plot.
METRICS = 8

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)

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


class Browser:
    """Speaks the DevTools protocol over the pipe that Chromium reads and writes."""

    def __init__(self, profile):
        reads, self._out = os.pipe()
        self._in, writes = os.pipe()
        # The protocol's descriptors are 3 and 4; out of their way first.
        inherited = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (reads, writes)]
        script = 'exec "$0" "$@" 3<&{} 4>&{}'.format(*inherited)
        command = ["bash", "-c", script, BROWSER, *FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            command, stderr=subprocess.DEVNULL, pass_fds=inherited
        )
        for end in (reads, writes, *inherited):
            os.close(end)
        self._buffer = b""
        self._calls = 0
        self.session = {}
        self.events = []

    def __call__(self, method, **params):
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": params}
        os.write(self._out, json.dumps({**message, **self.session}).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._calls:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def wait(self, method):
        while all(event.get("method") != method for event in self.events):
            self.events.append(self._receive())

    def named(self, method):
        return [e["params"] for e in self.events if e.get("method") == method]

    def _receive(self):
        while b"\0" not in self._buffer:
            more = os.read(self._in, 1 << 16)
            assert more, f"{BROWSER} ended."
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def close(self):
        os.close(self._out)
        os.close(self._in)
        self._process.kill()
        self._process.wait()


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
    with contextlib.closing(Browser(tmp_path_factory.mktemp("profile"))) as browser:
        target = browser("Target.createTarget", url="about:blank")["targetId"]
        attached = browser("Target.attachToTarget", targetId=target, flatten=True)
        browser.session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Network", "Log", "Runtime"):
            browser(f"{domain}.enable")
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
