"""The client of event loops does what the other one does."""

import asyncio
import contextlib
import itertools

import grpc
import numpy as np
import pytest
import trustme
from google.protobuf import text_format

from serving import async_client, client, retries, tls
from serving.server import config_file, credentials
from serving.server.grpc_endpoint import GrpcOptions
from serving.server.limits import Limits
from serving.server.model import Model
from serving.server.models import Models
from serving.server.server import Server
from tests.serving import scripted

CODES = grpc.StatusCode


@pytest.fixture(scope="module")
def run():
    """Runs a coroutine to its end; all tests share a loop."""
    with asyncio.Runner() as runner:

        def run(coroutine):
            async def hasty():
                async with asyncio.timeout(60):
                    return await coroutine

            return runner.run(hasty())

        yield run


@pytest.fixture
def ask(run):
    """Calls a function with a client of an address."""

    def ask(address, function, model="translator", **options):
        async def connected():
            async with async_client.AsyncClient(address, model, **options) as asked:
                return await function(asked)

        return run(connected())

    return ask


@pytest.fixture
def impatient(monkeypatch):
    """Retries without pauses."""
    monkeypatch.setattr(retries, "RETRY_SECONDS", (0.0,) * 4)


def noise(*shape):
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


async def coming(blocks):
    for block in blocks:
        await asyncio.sleep(0)
        yield block


async def whole(pieces):
    return np.concatenate([piece async for piece in pieces])


AUDIO, LONG, REFERENCE = noise(3, 1000), noise(50_001), 0.5 * noise(3, 900)
BLOCKS = np.array_split(LONG, [100, 20_000])

# The same calls of both clients.
CALLS = {
    "info": (lambda asked: asked.info(), lambda asked: asked.info),
    "version": (lambda asked: asked.version(),) * 2,
    "translate": (lambda asked: asked.translate(AUDIO, "cello"),) * 2,
    "timbre_of": (lambda asked: asked.timbre_of(REFERENCE),) * 2,
    "decode_to": (lambda asked: asked.decode_to(AUDIO, noise(3, 1)),) * 2,
    "transfer": (lambda asked: asked.transfer(AUDIO, REFERENCE),) * 2,
    "resynthesise": (lambda asked: asked.resynthesise(AUDIO),) * 2,
    "codes": (lambda asked: asked.codes(AUDIO),) * 2,
    "translate_stream": (
        lambda asked: whole(asked.translate_stream(coming(BLOCKS), "cello")),
        lambda asked: np.concatenate(list(asked.translate_stream(BLOCKS, "cello"))),
    ),
    "transfer_stream": (
        lambda asked: whole(asked.transfer_stream(coming(BLOCKS), REFERENCE[0])),
        lambda asked: np.concatenate(
            list(asked.transfer_stream(BLOCKS, REFERENCE[0])),
        ),
    ),
    "resynthesise_stream": (
        lambda asked: whole(asked.resynthesise_stream(coming(BLOCKS))),
        lambda asked: np.concatenate(list(asked.resynthesise_stream(BLOCKS))),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_are_the_same_bit_for_bit(translator, ask, name):
    asynchronous, synchronous = CALLS[name]
    result = ask(translator.address, asynchronous)
    with client.Client(translator.address, "translator") as connected:
        expected = synchronous(connected)
    if isinstance(expected, np.ndarray):
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)
    else:
        assert result == expected


def test_many_calls_on_one_client(translator, ask):
    clips = [noise(1, 100 + number) for number in range(200)]

    async def all_at_once(asked):
        calls = (asked.translate(clip, "cello") for clip in clips)
        return await asyncio.gather(*calls)

    for clip, result in zip(clips, ask(translator.address, all_at_once), strict=True):
        np.testing.assert_array_equal(result, 2 * clip)


def test_many_streams_on_one_client(translator, ask):
    async def all_at_once(asked):
        streams = (
            whole(asked.translate_stream(coming([LONG + number]), "flute"))
            for number in range(5)
        )
        return await asyncio.gather(*streams)

    for number, result in enumerate(ask(translator.address, all_at_once)):
        np.testing.assert_allclose(result, (LONG + number) / 2, atol=1e-5)


def test_windows_are_in_flight_together_and_stay_in_order(ask):
    class Told(scripted.Concurrent):
        def answer(self, request, context):
            if request.model_spec.signature_name == "info":
                return scripted.response_of(scripted.INFO)
            return super().answer(request, context)

    script = Told()
    with scripted.served(script) as address:
        result = ask(
            address,
            lambda asked: whole(asked.translate_stream(coming([LONG[:5000]]), "any")),
            in_flight=3,
        )
    np.testing.assert_allclose(result, LONG[:5000], atol=1e-6)
    assert 2 <= script.most <= 3


def test_what_is_final_is_not_held_back_by_input_that_waits(translator, ask):
    async def heard(asked):
        more = asyncio.Event()

        async def blocks():
            # The first window begins 200 samples before the audio.
            yield LONG[:3800]
            await more.wait()
            yield LONG[3800:5000]

        stream = asked.translate_stream(blocks(), "cello")
        first = await anext(stream)
        more.set()
        return first, await whole(stream)

    first, rest = ask(translator.address, heard)
    assert len(first) == 3400
    np.testing.assert_allclose(
        np.concatenate([first, rest]), 2 * LONG[:5000], atol=1e-6
    )


def test_a_stream_is_read_no_further_than_needed(translator, ask):
    drawn = itertools.count()

    async def endless():
        while True:
            next(drawn)
            yield LONG[:1000]

    async def some(asked):
        stream = asked.translate_stream(endless(), "cello")
        async with contextlib.aclosing(stream):
            for _ in range(20):
                await anext(stream)

    ask(translator.address, some, in_flight=2)
    # Of 3600 new samples each: those given, those under way, and one that waits.
    assert next(drawn) <= (20 + 2 + 1) * 3.6 + 2


# What is cancelled


def arrive(semaphore, times):
    return asyncio.to_thread(scripted.arrives, semaphore, times)


def test_a_call_that_is_cancelled(ask):
    script = scripted.Stuck()

    async def cancelled(asked):
        calls = [
            asyncio.create_task(asked.translate(noise(1, 10), "any")) for _ in range(3)
        ]
        assert await arrive(script.waiting, 3)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert all(call.cancelled() for call in calls)
        assert await arrive(script.cancelled, 3)

    with scripted.served(script) as address:
        ask(address, cancelled)


def test_a_stream_that_is_cancelled(ask):
    script = scripted.Stuck()

    async def cancelled(asked):
        stream = asked.translate_stream(coming([LONG]), "any")
        reading = asyncio.create_task(anext(stream))
        assert await arrive(script.waiting, 3)
        reading.cancel()
        await asyncio.wait([reading])
        assert await arrive(script.cancelled, 3)
        # None of its tasks is left, but this one and the one that waits for it.
        assert len(asyncio.all_tasks()) <= 2

    with scripted.served(script) as address:
        ask(address, cancelled, in_flight=3)


def test_a_stream_that_is_closed(ask):
    # The first window ends below it.
    script = scripted.Stuck(level=100.0)

    async def closed(asked):
        audio = np.arange(5000, dtype=np.float32)
        stream = asked.translate_stream(coming([audio]), "any")
        await anext(stream)
        assert await arrive(script.waiting, 3)
        await stream.aclose()
        assert await arrive(script.cancelled, 3)

    with scripted.served(script) as address:
        ask(address, closed, in_flight=3)


def test_an_error_of_the_input_is_raised(translator, ask):
    async def broken():
        yield LONG
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        ask(
            translator.address,
            lambda asked: whole(asked.translate_stream(broken(), "cello")),
        )


# What is tried again, and words


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("code", [CODES.UNAVAILABLE, CODES.RESOURCE_EXHAUSTED])
def test_what_may_pass_is_tried_again(ask, code):
    script = scripted.Script([(code, "full"), (code, "full"), None])
    audio = noise(1, 10)
    with scripted.served(script) as address:
        result = ask(address, lambda asked: asked.resynthesise(audio))
    np.testing.assert_array_equal(result, audio)
    assert script.calls == 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "code, details, calls",
    [
        (CODES.UNAVAILABLE, "gone", 5),
        (CODES.RESOURCE_EXHAUSTED, "full", 5),
        (CODES.RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)", 1),
        (CODES.INVALID_ARGUMENT, "input size", 1),
        (CODES.FAILED_PRECONDITION, 'signature key "info" not found', 1),
        (CODES.UNIMPLEMENTED, "never", 1),
        (CODES.INTERNAL, "broken", 1),
        (CODES.NOT_FOUND, "Servable not found", 1),
    ],
)
def test_errors_are_the_same(ask, code, details, calls):
    script = scripted.Script([(code, details)])
    with scripted.served(script) as address:
        with (
            client.Client(address, "echo") as connected,
            pytest.raises((ValueError, OSError)) as expected,
        ):
            connected.codes(AUDIO)
        with pytest.raises(type(expected.value)) as raised:
            ask(address, lambda asked: asked.codes(AUDIO), "echo")
    assert type(raised.value) is type(expected.value)
    assert str(raised.value) == str(expected.value)
    assert script.calls == 2 * calls


def test_words_for_a_deadline(ask):
    with (
        scripted.served(scripted.Stuck()) as address,
        pytest.raises(TimeoutError, match=r"not answered within deadline_seconds=0\.2"),
    ):
        ask(address, lambda asked: asked.codes(AUDIO), deadline_seconds=0.2)


@pytest.mark.usefixtures("impatient")
def test_words_for_no_server(ask):
    with pytest.raises(ConnectionError, match="server='localhost:1' does not answer"):
        ask("localhost:1", lambda asked: asked.info())


def test_words_for_an_address_without_a_port(ask):
    with pytest.raises(ValueError, match="server='localhost' must be HOST:PORT or"):
        ask("localhost", lambda asked: asked.info())


def test_words_for_an_unknown_domain(translator, ask):
    words = "domain='celo' is not known; did you mean 'cello'.*cello, flute"
    for function in (
        lambda asked: asked.translate(AUDIO, "celo"),
        lambda asked: whole(asked.translate_stream(coming(BLOCKS), "celo")),
    ):
        with pytest.raises(ValueError, match=words):
            ask(translator.address, function)


def test_words_for_a_model_that_cannot_transfer(no_transfer, ask):
    for function in (
        lambda asked: asked.timbre_of(AUDIO),
        lambda asked: whole(asked.transfer_stream(coming(BLOCKS), AUDIO[0])),
    ):
        with pytest.raises(ValueError, match="cannot transfer from a clip; give one"):
            ask(no_transfer.address, function)


def test_a_reference_without_samples_is_refused(translator, ask):
    with pytest.raises(ValueError, match="reference has no samples"):
        ask(
            translator.address,
            lambda asked: whole(asked.transfer_stream(coming(BLOCKS), LONG[:0])),
        )


def test_tls_and_a_unix_socket(tmp_path, save_translator, ask):
    (tmp_path / "models").mkdir()
    save_translator(tmp_path / "models" / "1", {"cello": 2.0})
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    config = config_file.SSLConfig(
        server_key=issued.private_key_pem.bytes().decode(),
        server_cert=issued.cert_chain_pems[0].bytes().decode(),
    )
    (tmp_path / "ssl.config").write_text(text_format.MessageToString(config))
    authority.cert_pem.write_to_path(tmp_path / "ca")
    shown = tls.credentials(tmp_path / "ca")
    keys = credentials.read(tmp_path / "ssl.config")
    models = Models(Model)
    server = Server(models, GrpcOptions(0, tmp_path / "socket", keys), None, Limits())
    server.start()
    try:
        models.add(Model("translator", tmp_path / "models", poll_wait_seconds=0))
        for address in (f"localhost:{server.port}", f"unix:{tmp_path / 'socket'}"):
            result = ask(
                address,
                lambda asked: asked.translate(AUDIO, "cello"),
                credentials=shown,
            )
            np.testing.assert_array_equal(result, 2 * AUDIO)
    finally:
        server.stop()
