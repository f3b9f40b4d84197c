"""`python -m serving.translate` between two pipes, as a user runs it."""

import io
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from tf_mt.audio import files, wav_pipe

RATE_HZ = 16_000
AUDIO = np.random.default_rng(0).uniform(-0.4, 0.4, 20_001).astype(np.float32)
PCM = files.to_pcm16(AUDIO)
RAW = f"--raw_rate_hz={RATE_HZ}"


@pytest.fixture
def start(translator):
    """Starts processes between pipes that are killed after the test."""
    started = []

    def start(*arguments, domain="cello"):
        started.append(
            subprocess.Popen(
                [
                    # Tests in the background inherit that interrupts are ignored; and
                    # what gRPC does at a fork would disturb the process.
                    *("env", "--default-signal=INT"),
                    *(sys.executable, "-m", "serving.translate", "--model=translator"),
                    *(f"--server={translator.address}", f"--domain={domain}"),
                    *("--input=-", "--output=-"),
                    *arguments,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def of_a_file(translator, tmp_path):
    """What the same script makes of the same audio in a file."""
    files.write(tmp_path / "in.wav", AUDIO, RATE_HZ)
    subprocess.run(
        [
            *(sys.executable, "-m", "serving.translate", "--model=translator"),
            *(f"--server={translator.address}", "--domain=cello"),
            *(f"--input={tmp_path}/in.wav", f"--output={tmp_path}/out.wav"),
        ],
        check=True,
        capture_output=True,
    )
    return soundfile.read(tmp_path / "out.wav", dtype="int16")[0]


def report_of(process, stderr):
    assert process.returncode == 0, stderr
    (line,) = stderr.decode().splitlines()
    return line


def test_raw_samples(start, of_a_file):
    process = start(RAW)
    data, heard = PCM.tobytes(), b""
    for at in range(0, len(data), 3333):
        process.stdin.write(data[at : at + 3333])
        time.sleep(0.02)
        if at == 9999:
            # The first window is complete: 6666 samples are more than 3800.
            heard = process.stdout.read(2 * 3400)
            assert len(heard) == 2 * 3400
    rest, stderr = process.communicate(timeout=60)
    np.testing.assert_array_equal(np.frombuffer(heard + rest, "<i2"), of_a_file)
    assert report_of(process, stderr).startswith("translated 1.25 s of audio, for")


def test_wav_files(start, of_a_file):
    data = wav_pipe.header(RATE_HZ) + PCM.tobytes()
    stdout, _ = start().communicate(data, timeout=60)
    decoded, rate_hz = soundfile.read(io.BytesIO(stdout), dtype="int16")
    assert rate_hz == RATE_HZ
    np.testing.assert_array_equal(decoded, of_a_file)


def test_another_rate_and_shorter_windows(start):
    tone = 0.3 * np.sin(0.05 * np.arange(100_001))
    process = start("--raw_rate_hz=44100", "--window_seconds=0.05")
    stdout, stderr = process.communicate(files.to_pcm16(tone).tobytes(), timeout=60)
    assert "after 0.05 s, the length of a window" in report_of(process, stderr)
    heard = np.frombuffer(stdout, "<i2") / 32768
    assert heard.shape == tone.shape
    np.testing.assert_allclose(heard[1000:-1000], 2 * tone[1000:-1000], atol=5e-3)


def test_nobody_reads_any_more(start):
    process = start(RAW)
    process.stdout.close()
    for _ in range(100):
        try:
            process.stdin.write(PCM.tobytes())
        except BrokenPipeError:
            break
    assert process.wait(60) == 0
    assert report_of(process, process.stderr.read()).startswith("translated")


def test_an_interrupt_ends_it(start):
    process = start(RAW)
    process.stdin.write(PCM.tobytes())
    # Five windows are complete, and their pieces are 3400 and 3600 samples.
    left = 2 * (3400 + 4 * 3600)
    while left:
        left -= len(process.stdout.read(left))
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    report, last = process.stderr.read().decode().splitlines()
    assert report.startswith("translated 1.")
    assert last == "interrupted"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "error: input does not begin like a WAV file; send one, or give the"),
        ([RAW, "--window_seconds=0.04"], "error: window_seconds=0.04 must be between"),
        (["--raw_rate_hz=9"], "error: input has a rate of 9 Hz, which must be between"),
        (["--output=a.wav"], "error: input='-' and output='a.wav': give - for both"),
        (["--domain=celo"], "error: domain='celo' is not known; did you mean 'cello'?"),
    ],
)
def test_mistakes_are_one_line(start, arguments, words):
    process = start(*arguments)
    stdout, stderr = process.communicate(b"no audio", timeout=60)
    assert process.returncode == 1
    assert stdout == b""
    (line,) = stderr.decode().splitlines()
    assert line.startswith(words)


def test_a_reference(translator, tmp_path):
    files.write(tmp_path / "reference.wav", np.full(800, 0.5), RATE_HZ)
    process = subprocess.run(
        [
            *(sys.executable, "-m", "serving.translate", "--model=translator"),
            *(f"--server={translator.address}", "--input=-", "--output=-", RAW),
            f"--reference={tmp_path}/reference.wav",
        ],
        input=PCM.tobytes(),
        capture_output=True,
        timeout=60,
    )
    heard = np.frombuffer(process.stdout, "<i2")
    np.testing.assert_allclose(heard, PCM / 2, atol=1)
