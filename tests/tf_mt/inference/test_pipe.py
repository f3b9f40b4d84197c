"""Audio from a pipe to a pipe, translated by arithmetic."""

import io
import os
import threading
import time

import numpy as np
import pytest
import soundfile

from tf_mt.audio import files, wav_pipe, windows
from tf_mt.inference import pipe, system

RATE_HZ, WINDOW, OVERLAP = 8000, 800, 200
INFO = system.Info(("loud",), RATE_HZ, WINDOW, OVERLAP, None, 0)
AUDIO = np.random.default_rng(0).uniform(-0.5, 0.5, 10_001).astype(np.float32)
PCM = files.to_pcm16(AUDIO)


class Pieces(io.RawIOBase):
    """A pipe from which odd numbers of bytes come at a time."""

    def __init__(self, data, sizes=(1, 3, 1001)):
        self.file = io.BytesIO(data)
        self.sizes = sizes
        self.reads = 0

    def read(self, size=-1):
        self.reads += 1
        return self.file.read(min(size, self.sizes[self.reads % len(self.sizes)]))


class Narrow(io.BytesIO):
    """A pipe that takes few bytes at a time."""

    def write(self, data):
        return super().write(data[:100])


def louder(clips):
    return 1.5 * clips


def piped(data, raw_rate_hz=RATE_HZ, window_seconds=None, in_flight=1, make=louder):
    target = Narrow()
    options = pipe.Options(raw_rate_hz, window_seconds, in_flight)
    pipe.translate(Pieces(data), target, INFO, make, options)
    return target.getvalue()


def expected(window_samples=WINDOW, make=louder):
    """The same by windows of what a file would give."""
    cut = windows.Windows(window_samples, OVERLAP)
    parts = [make(part[np.newaxis])[0] for part in cut.split([PCM / np.float32(32768)])]
    return files.to_pcm16(np.concatenate(list(cut.join(parts))))


@pytest.mark.parametrize("in_flight", [1, 3])
@pytest.mark.parametrize("window_samples", [400, 555, WINDOW])
def test_raw_samples_are_translated_as_those_of_a_file(window_samples, in_flight):
    # What differs from window to window shows how they are joined.
    def uneven(clips):
        return clips + clips.mean() + 0.01

    translated = piped(PCM.tobytes(), RATE_HZ, window_samples / 8000, in_flight, uneven)
    np.testing.assert_array_equal(
        np.frombuffer(translated, "<i2"), expected(window_samples, uneven)
    )


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 2 * len(PCM)])
def test_a_wav_file_becomes_a_wav_file(length):
    header = wav_pipe.header(RATE_HZ)[:-4] + length.to_bytes(4, "little")
    # Behind samples of a known length there may be other things.
    tags = b"LIST\4\0\0\0abcd" if length == 2 * len(PCM) else b""
    translated = piped(header + PCM.tobytes() + tags, None)
    decoded, rate_hz = soundfile.read(io.BytesIO(translated), dtype="int16")
    assert rate_hz == RATE_HZ
    np.testing.assert_array_equal(decoded, expected())


@pytest.mark.parametrize("rate_hz", [5000, 11_025, 16_000, 44_100])
@pytest.mark.parametrize("samples", [1, 2, 100, 4001, 20_003])
def test_other_rates_come_back_as_long_as_they_were(rate_hz, samples):
    tone = 0.4 * np.sin(2 * np.pi * 440.0 / rate_hz * np.arange(samples))
    sent = files.to_pcm16(tone)
    received = np.frombuffer(
        piped(sent.tobytes(), rate_hz, make=lambda clips: clips), "<i2"
    )
    assert received.shape == sent.shape
    inner = slice(200, -200)
    # It is the same sound, not one that is early or late.
    np.testing.assert_allclose(received[inner], sent[inner], atol=100)


def test_no_samples_give_no_samples(capsys):
    assert piped(b"") == b""
    assert piped(wav_pipe.header(RATE_HZ), None) == wav_pipe.header(RATE_HZ)
    assert "translated 0.00 s of audio." in capsys.readouterr().err


class Live:
    """A translation in a thread of its own, between two pipes."""

    def __init__(self, make=louder, in_flight=1):
        (reading, writing), (hearing, sending) = os.pipe(), os.pipe()
        self.fed = os.fdopen(writing, "wb", 0)
        self.heard = os.fdopen(hearing, "rb", 0)
        self.source = os.fdopen(reading, "rb", 0)
        self.target = os.fdopen(sending, "wb", 0)
        self.options = pipe.Options(RATE_HZ, None, in_flight)
        self.make = make
        self.failed = None
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.fed.close()
        self.thread.join(30)
        for thread in threading.enumerate():
            if thread.name == "reader of windows":
                thread.join(30)
        self.source.close()
        self.heard.close()

    def run(self):
        with self.target:
            try:
                pipe.translate(self.source, self.target, INFO, self.make, self.options)
            except Exception as error:
                self.failed = error

    def feed(self, samples):
        self.fed.write(samples.tobytes())

    def hear(self, samples):
        data = b""
        while len(data) < 2 * samples:
            data += self.heard.read(2 * samples - len(data))
        return np.frombuffer(data, "<i2")


def test_what_is_final_is_not_held_back_by_input_that_waits():
    with Live(in_flight=4) as live:
        # The first window begins 100 samples before the audio, and the next 600 later.
        live.feed(PCM[:700])
        np.testing.assert_array_equal(live.hear(500), expected()[:500])
        live.feed(PCM[700:1300])
        np.testing.assert_array_equal(live.hear(600), expected()[500:1100])
        live.fed.close()
        assert len(live.hear(200)) == 200
        assert live.heard.read() == b""


def test_what_is_held_is_bounded():
    translated = threading.Semaphore(0)

    def waiting(clips):
        assert translated.acquire(timeout=30)
        return clips

    source = Pieces(bytes(2_000_000), sizes=(200,))
    target = io.BytesIO()
    options = pipe.Options(RATE_HZ, None, in_flight=2)
    thread = threading.Thread(
        target=pipe.translate, args=(source, target, INFO, waiting, options)
    )
    thread.start()
    for windows_done in range(5):
        settled = -1
        while settled != source.reads:
            settled = source.reads
            time.sleep(0.05)
        held = 100 * source.reads - len(target.getvalue()) // 2
        # Two windows under way, one that was read, and the overlap before the next.
        assert held <= 3 * (WINDOW - OVERLAP) + OVERLAP + 100, windows_done
        translated.release()
    translated.release(1_000_000)
    thread.join(60)
    assert len(target.getvalue()) == 2_000_000


def test_nobody_reads_any_more(capsys):
    with Live() as live:
        live.heard.close()
        live.feed(PCM[:3000])
        live.thread.join(30)
        assert not live.thread.is_alive()
    assert live.failed is None
    assert "translated" in capsys.readouterr().err


def test_an_error_ends_it():
    def broken(clips):
        raise ConnectionError("gone")

    with Live(broken) as live:
        live.feed(PCM[:3000])
        live.thread.join(30)
        assert not live.thread.is_alive()
    assert str(live.failed) == "gone"


def test_input_that_is_damaged_ends_it():
    header = wav_pipe.header(RATE_HZ).replace(
        b"\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0", b"\3\0\1\0@\x1f\0\0\0}\0\0\4\0 \0"
    )
    data = np.full(5000, np.nan, np.float32).tobytes()
    with pytest.raises(ValueError, match="not finite"):
        piped(header + data, None)


def test_the_report(capsys):
    def slow(clips):
        time.sleep(0.02)
        return clips

    piped(PCM.tobytes(), make=slow)
    said = capsys.readouterr().err
    assert said.startswith("translated 1.25 s of audio, for which translating took 0.")
    assert "output followed input after 0.10 s, the length of a window, and 0." in said


@pytest.mark.parametrize("window_seconds", [0.04, 0.2, 0.0])
def test_windows_that_do_not_suit_the_model(window_seconds):
    words = f"window_seconds={window_seconds:g} must be between 0.05, twice the overlap"
    with pytest.raises(ValueError, match=words):
        piped(b"", window_seconds=window_seconds)


@pytest.mark.parametrize("rate_hz", [0, -1, 99, 1_000_001])
def test_rates_that_are_none(rate_hz):
    words = f"input has a rate of {rate_hz} Hz, which must be between 100 and 1000000"
    with pytest.raises(ValueError, match=words):
        piped(b"", rate_hz)


def test_pipes_are_told_by_the_flags():
    options = pipe.Options(16_000, 0.5)
    assert options.wanted("-", "-")
    assert not pipe.Options(None, None).wanted("a.wav", "b.wav")
    with pytest.raises(ValueError, match="input='-' and output='b': give - for both"):
        options.wanted("-", "b")
    with pytest.raises(ValueError, match="raw_rate_hz=16000 is for audio from a pipe"):
        options.wanted("a", "b")
    with pytest.raises(ValueError, match=r"window_seconds=0\.5 is for audio from a"):
        pipe.Options(None, 0.5).wanted("a", "b")
