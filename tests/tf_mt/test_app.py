"""The page that translates, in a browser and by its interface for programs."""

import contextlib
import re
import subprocess
import sys
import time

import gradio_client
import numpy as np
import pytest

from tests import chromium
from tf_mt.audio import files
from tf_mt.inference import bundle, pretrained, stream, target

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RATE_HZ = 22_050
BUTTON = """
[...document.querySelectorAll("button")].find((one) => one.innerText == "Translate")
"""
FILE_INPUT = 'document.querySelector("#recording input[type=file]")'
UPLOADED = "document.querySelector('#recording input[type=file]') === null"
MESSAGE = "document.querySelector('.toast-body')?.innerText ?? null"
# What is shown once a translation has come.
SHOWN = """
(() => {
  const link = document.querySelector("#translation a[download]");
  const image = document.querySelector("#picture img");
  return link && image && image.naturalWidth
    ? {file: link.href, width: image.naturalWidth} : null;
})()
"""


@pytest.fixture(scope="module")
def phrase(tmp_path_factory):
    path = tmp_path_factory.mktemp("phrase") / "phrase.wav"
    time_seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * 262.0 * n * time_seconds) / n for n in range(1, 9))
    files.write(path, 0.1 * tone, RATE_HZ)
    return path


@pytest.fixture(scope="module")
def expected(phrase):
    """The cello's phrase, as the command writes it."""
    written = phrase.with_name("expected.wav")
    translating = bundle.Bundle(pretrained.BUNDLE)
    translate = target.streaming(translating, "cello", None)
    rate_hz = translating.info.sample_rate_hz
    list(stream.translate_file(phrase, written, rate_hz, translate))
    return files.read(written, rate_hz)


@contextlib.contextmanager
def started(*arguments):
    command = [sys.executable, "-m", "tf_mt.app", "--port=0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("Listening: "), line
            yield line.split()[1]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def address():
    with started() as address:
        yield address


def value_of(browser, expression):
    answer = browser("Runtime.evaluate", expression=expression, returnByValue=True)
    assert "exceptionDetails" not in answer, answer
    return answer["result"].get("value")


def wait_for(browser, expression):
    """Waits until an expression has a value; the test's time limit ends it."""
    while not (value := value_of(browser, expression)):
        time.sleep(0.05)
    return value


@pytest.fixture
def browser(tmp_path, address):
    with chromium.opened(tmp_path / "profile") as browser:
        browser("Page.navigate", url=address)
        wait_for(browser, f"{FILE_INPUT} !== null && ({BUTTON}) !== undefined")
        yield browser


@chromium.needed
def test_a_browser_uploads_translates_and_shows(browser, phrase, expected):
    found = browser("Runtime.evaluate", expression=FILE_INPUT)["result"]["objectId"]
    browser("DOM.setFileInputFiles", files=[str(phrase)], objectId=found)
    wait_for(browser, UPLOADED)
    value_of(browser, f"({BUTTON}).click()")
    shown = wait_for(browser, SHOWN)
    assert shown["width"] > 500
    assert shown["file"].endswith("phrase_violin.wav")


@chromium.needed
def test_a_browser_is_told_what_is_missing(browser):
    value_of(browser, f"({BUTTON}).click()")
    assert "Upload or record something first." in wait_for(browser, MESSAGE)


@chromium.needed
def test_the_page_asks_nobody_else(browser, address):
    asked = [
        one["request"]["url"] for one in browser.named("Network.requestWillBeSent")
    ]
    assert any(url.startswith(address) for url in asked)
    others = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert others == []


def test_it_translates_as_the_command_does(address, phrase, expected):
    page = gradio_client.Client(address, verbose=False)
    sound, picture = page.predict(
        gradio_client.handle_file(str(phrase)), "cello", None, api_name="/translate"
    )
    np.testing.assert_array_equal(files.read(sound, 32_000), expected)
    with open(picture, "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_a_reference_takes_the_place_of_the_instrument(address, phrase, expected):
    page = gradio_client.Client(address, verbose=False)
    clip = gradio_client.handle_file(str(phrase))
    sound, _ = page.predict(clip, "cello", clip, api_name="/translate")
    imitated = files.read(sound, 32_000)
    assert sound.endswith("phrase_as_reference.wav")
    assert len(imitated) == len(expected)
    assert np.max(np.abs(imitated - expected)) > 0.01


def test_what_is_not_audio_is_one_sentence(address, tmp_path):
    path = tmp_path / "text.wav"
    path.write_text("not audio")
    page = gradio_client.Client(address, verbose=False)
    with pytest.raises(Exception, match=r"path='text\.wav': cannot be read as audio"):
        page.predict(
            gradio_client.handle_file(str(path)), "cello", None, api_name="/translate"
        )


def test_a_server_may_translate(phrase, expected):
    arguments = [f"--model_base_path={pretrained.BUNDLE}", "--model_name=box"]
    command = [sys.executable, "-m", "serving.server", *arguments, "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = re.search(r"port (\d+)", server.stdout.readline())[1]
            with started(f"--server=localhost:{port}", "--model=box") as address:
                page = gradio_client.Client(address, verbose=False)
                clip = gradio_client.handle_file(str(phrase))
                sound, _ = page.predict(clip, "cello", None, api_name="/translate")
        finally:
            server.terminate()
    np.testing.assert_allclose(files.read(sound, 32_000), expected, atol=1e-4)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--server=localhost:1"], "server='localhost:1' and model=None: give both"),
        (["--bundle=nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_line(arguments, words):
    command = [sys.executable, "-m", "tf_mt.app", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and words in done.stderr
    assert len(done.stderr.splitlines()) == 1
