import contextlib
import itertools
import socket
from concurrent import futures

import grpc
import numpy as np
import pytest

from serving import client, connection, proto, retries, tensors
from serving.server.model import Model
from tests.serving import scripted
from tests.serving.scripted import (
    INFO,
    Concurrent,
    Script,
    Stuck,
    arrives,
    audio_of,
    response_of,
)
from tf_mt.inference import system

CODES = grpc.StatusCode


@pytest.fixture
def start():
    """Starts a server of a script and returns a client of it."""
    with contextlib.ExitStack() as started:

        def start(script, deadline_seconds=30.0, in_flight=4):
            address = started.enter_context(scripted.served(script))
            connected = client.Client(address, "echo", deadline_seconds, in_flight)
            return started.enter_context(connected)

        yield start


@pytest.fixture
def impatient(monkeypatch):
    """Retries without pauses."""
    monkeypatch.setattr(retries, "RETRY_SECONDS", (0.0,) * 4)


@pytest.fixture(scope="module")
def connected(translator):
    with client.Client(translator.address, "translator") as connected:
        yield connected


def noise(*shape):
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


# What works


def test_info(connected):
    assert connected.info == system.Info(
        ("cello", "flute"), 16000, 4000, 400, 3_000_000_000, 800
    )


def test_the_version_is_the_one_that_answers(tmp_path, save_translator, served):
    for number in (3, 12):
        save_translator(tmp_path / str(number), {"cello": 2.0})
        with (
            served(Model("translator", tmp_path, poll_wait_seconds=0)) as stubs,
            client.Client(stubs.address, "translator") as connected,
        ):
            assert connected.version() == number


@pytest.mark.parametrize("domain, gain", [("cello", 2.0), ("flute", 0.5)])
def test_translate(connected, domain, gain):
    audio = noise(3, 1000)
    translated = connected.translate(audio, domain)
    assert translated.dtype == np.float32
    np.testing.assert_array_equal(translated, gain * audio)


def test_resynthesise(connected):
    audio = noise(3, 1000)
    resynthesised = connected.resynthesise(audio)
    assert resynthesised.dtype == np.float32
    np.testing.assert_array_equal(resynthesised, 0.5 * audio)


def test_codes(connected):
    audio = noise(3, 1000)
    codes = connected.codes(audio)
    assert codes.dtype == np.float32
    ends = np.stack([audio.min(axis=1), audio.max(axis=1)], axis=1)
    np.testing.assert_array_equal(codes, ends)


def test_translate_more_than_4_mib(connected):
    audio = noise(1, 2_000_000)
    np.testing.assert_array_equal(connected.translate(audio, "cello"), 2 * audio)


@pytest.mark.parametrize("samples", [1, 399, 3600, 4000, 100_001])
def test_a_stream_equals_one_shot(connected, samples):
    audio = noise(samples)
    blocks = np.array_split(audio, [samples // 7, samples // 2])
    streamed = np.concatenate(list(connected.translate_stream(blocks, "cello")))
    assert streamed.shape == audio.shape
    np.testing.assert_allclose(
        streamed, connected.translate(audio[None], "cello")[0], atol=1e-6
    )


def test_timbre_of(connected):
    reference = noise(3, 1000)
    timbre = connected.timbre_of(reference)
    assert timbre.dtype == np.float32
    peaks = np.abs(reference[:, :800]).max(axis=1, keepdims=True)
    np.testing.assert_array_equal(timbre, peaks)


def test_a_reference_without_samples_is_refused(connected):
    with pytest.raises(ValueError, match="reference has no samples; give a clip"):
        next(connected.transfer_stream([noise(1000)], np.zeros(0, np.float32)))


def test_a_reference_counts_as_far_as_the_model_uses_it(connected):
    reference = noise(2, 1000)
    longer = np.concatenate([reference[:, :800], 9 * reference], axis=1)
    np.testing.assert_array_equal(
        connected.timbre_of(longer), connected.timbre_of(reference[:, :800])
    )


def test_transfer(connected):
    audio, reference = noise(3, 1000), 0.5 * noise(3, 700)
    transferred = connected.transfer(audio, reference)
    assert transferred.dtype == np.float32
    peaks = np.abs(reference).max(axis=1, keepdims=True)
    np.testing.assert_array_equal(transferred, audio * peaks)


@pytest.mark.parametrize("samples", [1, 4000, 100_001])
def test_a_transferred_stream_equals_one_shot(connected, samples):
    audio, reference = noise(samples), 0.5 * noise(2000)
    blocks = np.array_split(audio, [samples // 7, samples // 2])
    streamed = np.concatenate(list(connected.transfer_stream(blocks, reference)))
    assert streamed.shape == audio.shape
    whole = connected.transfer(audio[None], reference[None])[0]
    np.testing.assert_allclose(streamed, whole, atol=1e-6)


def test_a_stream_asks_for_the_timbre_once(translator, monkeypatch):
    sent = []
    start = connection.Connection.start

    def spy(self, signature, *arguments):
        sent.append(signature)
        return start(self, signature, *arguments)

    monkeypatch.setattr(connection.Connection, "start", spy)
    with client.Client(translator.address, "translator") as connected:
        stream = connected.transfer_stream([noise(20_000)], noise(100))
        assert sum(map(len, stream)) == 20_000
    calls = [signature for signature in sent if signature != "info"]
    assert calls == ["timbre_of", *["transfer"] * 6]


@pytest.mark.parametrize("samples", [1, 4000, 100_001])
def test_a_resynthesised_stream_equals_one_shot(connected, samples):
    audio = noise(samples)
    blocks = np.array_split(audio, [samples // 7, samples // 2])
    streamed = np.concatenate(list(connected.resynthesise_stream(blocks)))
    np.testing.assert_allclose(streamed, 0.5 * audio, atol=1e-6)


def test_the_place_in_the_file_does_not_matter(connected):
    audio = noise(9000)
    translated = np.concatenate(list(connected.translate_stream([audio], "cello")))
    for shift in (1, 1800, 3600, 5001):
        blocks = [np.zeros(shift, np.float32), audio]
        shifted = np.concatenate(list(connected.translate_stream(blocks, "cello")))
        np.testing.assert_allclose(shifted[shift:], translated, atol=1e-6)


def test_a_stream_is_read_no_further_than_needed(connected):
    stream = connected.translate_stream(itertools.repeat(noise(1000)), "cello")
    for block in itertools.islice(stream, 20):
        assert len(block) <= 4000
    stream.close()


def test_both_encodings_are_read(start):
    audio = noise(1, 10)

    class Values(Script):
        def answer(self, request, context):
            response = proto.PredictResponse()
            tensors.write_values(audio, response.outputs.add(key="audio").value)
            return response

    for script in (Script(), Values()):
        np.testing.assert_array_equal(start(script).translate(audio, "any"), audio)


def test_windows_are_in_flight_together_and_stay_in_order(start, monkeypatch):
    script = Concurrent()
    connected = start(script, in_flight=3)
    info = system.Info(("any",), 16000, 100, 10, None, 0)
    monkeypatch.setattr(client.Client, "info", info)
    audio = noise(5000)
    stream = connected.translate_stream([audio], "any")
    np.testing.assert_allclose(np.concatenate(list(stream)), audio, atol=1e-6)
    assert 2 <= script.most <= 3


# What is cancelled


def test_a_stream_that_is_closed_cancels_what_is_in_flight(start):
    # The first window ends below it.
    script = Stuck(level=100.0)
    audio = np.arange(5000, dtype=np.float32)
    stream = start(script, in_flight=3).translate_stream([audio], "any")
    next(stream)
    assert arrives(script.waiting, 2)
    stream.close()
    assert arrives(script.cancelled, 2)


def test_a_stream_that_fails_cancels_what_is_in_flight(start):
    class Failing(Stuck):
        def answer(self, request, context):
            if request.inputs and audio_of(request).max() == 7.0:
                assert arrives(self.waiting, 2)
                context.abort(CODES.INTERNAL, "broken")
            return super().answer(request, context)

    audio = noise(5000)
    audio[45] = 7.0  # In the first window only.
    script = Failing()
    with pytest.raises(OSError, match="broken"):
        next(start(script, in_flight=3).translate_stream([audio], "any"))
    assert arrives(script.cancelled, 2)


def test_an_interrupt_cancels_the_request(start, monkeypatch):
    script = Stuck()
    asked = start(script)

    def interrupted(self, timeout=None):
        assert arrives(script.waiting, 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(grpc._channel._MultiThreadedRendezvous, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        asked.translate(noise(1, 10), "any")
    assert arrives(script.cancelled, 1)


# What is tried again


@pytest.mark.parametrize(
    "answer",
    [
        (CODES.UNAVAILABLE, "restarting"),
        (CODES.RESOURCE_EXHAUSTED, "the queue is full"),
    ],
)
def test_what_may_pass_is_tried_again(start, impatient, answer):
    script = Script([answer, answer, None])
    audio = noise(1, 10)
    np.testing.assert_array_equal(start(script).translate(audio, "any"), audio)
    assert script.calls == 3


@pytest.mark.parametrize(
    "code, details, kind, words",
    [
        (CODES.UNAVAILABLE, "gone", ConnectionError, "does not answer.*gone"),
        (CODES.RESOURCE_EXHAUSTED, "full", OSError, "failed: RESOURCE_EXHAUSTED: full"),
    ],
)
def test_but_not_for_ever(start, impatient, code, details, kind, words):
    script = Script([(code, details)])
    with pytest.raises(kind, match=words):
        _ = start(script).info
    assert script.calls == 5


def test_and_not_beyond_the_deadline(start):
    script = Script([(CODES.UNAVAILABLE, "gone")])
    with pytest.raises(ConnectionError):
        _ = start(script, deadline_seconds=0.1).info
    assert script.calls <= 1


@pytest.mark.parametrize(
    "code, details, kind, words",
    [
        (CODES.INVALID_ARGUMENT, "input size", ValueError, "refuses: input size"),
        (CODES.FAILED_PRECONDITION, "no key", ValueError, "refuses: no key"),
        (CODES.UNIMPLEMENTED, "never", ValueError, "refuses: never"),
        (CODES.INTERNAL, "broken", OSError, "failed: INTERNAL: broken"),
        (CODES.UNKNOWN, "broken", OSError, "failed: UNKNOWN: broken"),
        (
            CODES.NOT_FOUND,
            "Servable not found",
            ValueError,
            "model='echo' is not served by localhost:.*Servable not found",
        ),
        (
            CODES.RESOURCE_EXHAUSTED,
            "Received message larger than max (5 vs. 4)",
            ValueError,
            "larger than max",
        ),
    ],
)
def test_what_will_not_pass_is_not_tried_again(start, code, details, kind, words):
    script = Script([(code, details)])
    with pytest.raises(kind, match=words):
        _ = start(script).info
    assert script.calls == 1


def test_a_message_too_large_for_the_server_is_not_tried_again(start):
    script = Script()
    with pytest.raises(ValueError, match="larger than max"):
        start(script).resynthesise(noise(2_000_000))
    assert script.calls == 0


# Words


def test_words_for_an_address_without_a_port():
    with pytest.raises(ValueError, match="server='localhost' must be HOST:PORT"):
        client.Client("localhost", "any")


def test_words_for_no_server(impatient):
    with (
        client.Client("localhost:1", "any") as connected,
        pytest.raises(ConnectionError, match="server='localhost:1' does not answer"),
    ):
        _ = connected.info


def test_words_for_no_such_model(translator):
    with (
        client.Client(translator.address, "other") as connected,
        pytest.raises(ValueError, match=r"model='other' is not served.*Latest\(other"),
    ):
        _ = connected.info


def test_words_for_a_model_that_is_no_translator(toys):
    with (
        client.Client(toys.address, "toys") as connected,
        pytest.raises(ValueError, match='signature key "info" not found'),
    ):
        _ = connected.info


def test_words_for_what_a_model_cannot_answer(toys):
    with client.Client(toys.address, "toys") as connected:
        for ask in (connected.resynthesise, connected.codes):
            with pytest.raises(
                ValueError, match=r"model='toys' cannot.*export it again"
            ):
                ask(noise(1, 9))


def test_an_older_model_tells_neither_parameters_nor_a_reference(start):
    class Older(Script):
        def answer(self, request, context):
            return response_of(INFO)

    assert start(Older()).info == system.Info(("any",), 16000, 100, 10, None, 0)


def test_words_for_an_unknown_domain(connected):
    words = "domain='celo' is not known; did you mean 'cello'.*cello, flute"
    with pytest.raises(ValueError, match=words):
        connected.check_domain("celo")
    with pytest.raises(ValueError, match=words):
        connected.translate(noise(1, 10), "celo")
    with pytest.raises(ValueError, match=words):
        next(connected.translate_stream([noise(10)], "celo"))


def test_words_for_a_model_that_cannot_transfer(no_transfer):
    words = "cannot transfer from a clip; give one of its domains: .*cello, flute"
    audio = noise(1, 10)
    with client.Client(no_transfer.address, "translator") as connected:
        assert connected.info.reference_samples == 0
        with pytest.raises(ValueError, match=words):
            connected.check_transfer()
        with pytest.raises(ValueError, match=words):
            connected.timbre_of(audio)
        with pytest.raises(ValueError, match=words):
            connected.transfer(audio, audio)
        with pytest.raises(ValueError, match=words):
            next(connected.transfer_stream([audio[0]], audio[0]))


def test_words_for_a_model_without_domains(no_domains):
    words = "domain='cello': the model knows no domains; give a reference clip"
    audio = noise(1, 10)
    with client.Client(no_domains.address, "translator") as connected:
        assert connected.info.domains == ()
        assert connected.check_transfer() == connected.info
        assert connected.transfer(audio, audio).shape == audio.shape
        with pytest.raises(ValueError, match=words):
            connected.translate(audio, "cello")


def test_words_for_a_wrong_shape(connected):
    with pytest.raises(ValueError, match="refuses: Invalid reduction dimension"):
        connected.timbre_of(noise(10))


def test_words_for_a_deadline(tmp_path, save_arithmetic, served):
    save_arithmetic(tmp_path / "1")
    model = Model("toys", tmp_path, poll_wait_seconds=0)
    with (
        served(model) as stubs,
        pytest.raises(TimeoutError, match=r"not answered within deadline_seconds=0\.2"),
    ):
        asked = connection.Connection(stubs.address, "toys", deadline_seconds=0.2)
        asked.start("wait", {"seconds": np.float32(600.0)}).result()


@pytest.fixture
def proxy(monkeypatch):
    """The socket of a proxy that the environment names."""
    with socket.create_server(("localhost", 0)) as listening:
        listening.settimeout(10)
        address = f"http://localhost:{listening.getsockname()[1]}"
        for name in ("grpc_proxy", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, address)
        for name in ("no_proxy", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield listening


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"])
@pytest.mark.usefixtures("proxy")
def test_no_proxy_stands_before_this_machine(host):
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Script()])
    try:
        port = server.add_insecure_port(f"{host}:0")
    except RuntimeError:
        pytest.skip(f"this machine has no {host}.")
    server.start()
    connected = connection.Connection(f"{host}:{port}", "echo", 10.0)
    try:
        answer = connected.start("any", {"x": np.arange(3.0)}).result()
        np.testing.assert_array_equal(answer["x"], np.arange(3.0))
    finally:
        connected.close()
        server.stop(None)


def test_a_proxy_may_stand_before_another_machine(proxy):
    connected = connection.Connection("example.invalid:8500", "echo", 10.0)
    call = connected.start("any", {"x": np.arange(3.0)})
    try:
        with proxy.accept()[0] as asked:
            assert asked.recv(99).startswith(b"CONNECT example.invalid:8500 ")
    finally:
        call.cancel()
        connected.close()
