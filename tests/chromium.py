"""Chromium without a window, spoken to by the DevTools protocol."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
needed = pytest.mark.skipif(
    BROWSER is None, reason="neither chromium nor google-chrome is on PATH"
)

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


@contextlib.contextmanager
def opened(profile):
    """A browser with one empty tab; its profile is a folder."""
    with contextlib.closing(Browser(profile)) as browser:
        target = browser("Target.createTarget", url="about:blank")["targetId"]
        attached = browser("Target.attachToTarget", targetId=target, flatten=True)
        browser.session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Network", "Log", "Runtime"):
            browser(f"{domain}.enable")
        yield browser
