"""A live model, its bundle, and a server of that bundle translate alike."""

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import get_model_metadata_pb2

from serving import client, tensors
from serving.server.batching_parameters import BatchingParameters
from serving.server.model import Model
from tests.tf_mt.inference import untrained
from tests.tf_mt.models import made_up
from tf_mt import models
from tf_mt.inference import bundle
from tf_mt.inference import live as live_runs
from tf_mt.models import translator
from tf_mt.models.wavenet_autoencoder import model as autoencoder
from tf_mt.training import run


def noise(*shape):
    audio = np.random.default_rng(0).uniform(-0.9, 0.9, shape)
    return audio.astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def short_windows():
    """Decoding takes as long with untrained weights as with trained ones."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(autoencoder, "WINDOW_SECONDS", 1.0)
        yield


@pytest.fixture(scope="module", autouse=True)
def made_up_approach():
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(models.APPROACHES, "made_up", made_up.APPROACH)
        yield


@pytest.fixture(
    scope="module",
    params=[
        *((approach, "tiny") for approach in (*models.APPROACHES, "made_up")),
        pytest.param(("vae_gan", "small"), marks=pytest.mark.slow),
    ],
    ids="_".join,
)
def toy(request, tmp_path_factory):
    """The folder of an untrained run and its bundle."""
    approach, preset = request.param
    folder = tmp_path_factory.mktemp(f"{approach}_{preset}")
    begun = untrained.save(folder / "run", approach, preset)
    bundle.export(run.load_model(begun), folder / "bundle")
    return folder


@pytest.fixture(scope="module")
def live(toy):
    return live_runs.Live(toy / "run")


@pytest.fixture(scope="module")
def exported(toy):
    return bundle.Bundle(toy / "bundle")


@pytest.fixture(scope="module")
def stubs(toy, served):
    with served(Model("toy", toy / "bundle", poll_wait_seconds=0)) as stubs:
        yield stubs


@pytest.fixture(scope="module")
def connected(stubs):
    with client.Client(stubs.address, "toy") as connected:
        yield connected


def test_info(live, exported, connected):
    assert live.info == exported.info
    assert connected.info == live.info
    assert live.info.parameters > 1000


def test_the_server_lists_the_signatures(stubs):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        metadata_field=["signature_def"]
    )
    request.model_spec.name = "toy"
    listed = get_model_metadata_pb2.SignatureDefMap()
    stubs.metadata(request).metadata["signature_def"].Unpack(listed)
    names = {"serving_default", "resynthesis", "info"}
    assert names <= set(listed.signature_def)
    if "codes" in listed.signature_def:
        assert list(listed.signature_def["codes"].outputs) == ["codes"]
    assert set(listed.signature_def["resynthesis"].outputs) == {"audio", "sample_rate"}


@pytest.mark.parametrize("shape", [(1, 1), (3, 9001)])
def test_clips(live, exported, connected, shape):
    audio = noise(*shape)
    for domain in live.info.domains:
        translated = live.translate(audio, domain)
        for other in (exported, connected):
            np.testing.assert_allclose(
                other.translate(audio, domain), translated, atol=1e-5
            )


@pytest.mark.parametrize("shape", [(1, 1), (3, 9001)])
def test_resynthesis(live, exported, connected, shape):
    audio = noise(*shape)
    resynthesised = live.resynthesise(audio)
    for other in (exported, connected):
        np.testing.assert_allclose(other.resynthesise(audio), resynthesised, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (3, 9001)])
def test_codes(toy, live, exported, connected, shape):
    audio = noise(*shape)
    if translator.POOLED_CONTENT not in run.load_model(toy / "run").capabilities:
        with pytest.raises(ValueError, match="no pooled content"):
            live.codes(audio)
        for other in (exported, connected):
            with pytest.raises(ValueError, match="codes"):
                other.codes(audio)
        return
    codes = live.codes(audio)
    for other in (exported, connected):
        np.testing.assert_allclose(other.codes(audio), codes, atol=1e-5)


@pytest.fixture
def translating(live):
    if not live.info.domains:
        pytest.skip("The approach knows no domains.")


@pytest.mark.usefixtures("translating")
def test_streams(live, exported, connected):
    audio = noise(2 * live.info.window_samples + 1)
    translated = np.concatenate(list(live.translate_stream([audio], "flute")))
    assert translated.shape == audio.shape
    assert np.mean(np.abs(translated) == 1.0) < 0.01
    for other in (exported, connected):
        stream = other.translate_stream(np.array_split(audio, 5), "flute")
        np.testing.assert_allclose(np.concatenate(list(stream)), translated, atol=1e-5)


@pytest.mark.usefixtures("translating")
def test_joined_requests(toy, exported, served, make_request):
    clips = [noise(rows, 9001) / rows for rows in (1, 3, 2)]
    domains = ["flute", "cello", "flute"]
    # The batch is run when all have come.
    joined = BatchingParameters(6, 6, batch_timeout_seconds=600.0)
    model = Model("toy", toy / "bundle", poll_wait_seconds=0)
    with served(model, batching=joined) as stubs:
        asked = [
            stubs.predict.future(
                make_request(
                    "toy", audio=clip, domain=np.array([domain.encode()] * len(clip))
                )
            )
            for clip, domain in zip(clips, domains, strict=True)
        ]
        answers = [tensors.to_array(a.result().outputs["audio"]) for a in asked]
    for answer, clip, domain in zip(answers, clips, domains, strict=True):
        np.testing.assert_allclose(answer, exported.translate(clip, domain), atol=1e-5)


@pytest.fixture
def transferring(live):
    if not live.info.reference_samples:
        pytest.skip("The approach cannot transfer.")


@pytest.mark.usefixtures("transferring")
@pytest.mark.parametrize("samples", [1, 333, 9001])
def test_transfer(live, exported, connected, samples):
    audio, reference = noise(2, 9001), noise(2, samples)
    transferred = live.transfer(audio, reference)
    for other in (exported, connected):
        np.testing.assert_allclose(
            other.timbre_of(reference), live.timbre_of(reference), atol=1e-5
        )
        np.testing.assert_allclose(
            other.transfer(audio, reference), transferred, atol=1e-5
        )


@pytest.mark.usefixtures("transferring")
def test_transferred_streams(live, exported, connected):
    audio = noise(5 * live.info.window_samples + 1)
    reference = noise(2 * live.info.reference_samples)
    transferred = np.concatenate(list(live.transfer_stream([audio], reference)))
    assert transferred.shape == audio.shape
    for other in (exported, connected):
        stream = other.transfer_stream(np.array_split(audio, 5), reference)
        np.testing.assert_allclose(np.concatenate(list(stream)), transferred, atol=1e-5)


def test_resynthesised_streams(live, exported, connected):
    audio = noise(2 * live.info.window_samples + 1)
    resynthesised = np.concatenate(list(live.resynthesise_stream([audio])))
    assert resynthesised.shape == audio.shape
    for other in (exported, connected):
        stream = other.resynthesise_stream(np.array_split(audio, 5))
        np.testing.assert_allclose(
            np.concatenate(list(stream)), resynthesised, atol=1e-5
        )


@pytest.mark.usefixtures("translating")
@pytest.mark.parametrize(
    "domains, words",
    [
        ([b"celo"], "domain=celo is not known; known: cello, flute"),
        ([b"cello"] * 2, "audio of shape [1 9] needs one sample or more"),
        ([b"\xff\xfe"], "domain=\ufffd\ufffd is not known; known: cello, flute"),
    ],
)
def test_the_server_refuses_in_the_graphs_words(stubs, make_request, domains, words):
    request = make_request("toy", audio=noise(1, 9), domain=np.array(domains))
    with pytest.raises(grpc.RpcError) as refused:
        stubs.predict(request)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert words in refused.value.details()


@pytest.mark.usefixtures("translating")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_server_refuses_what_is_no_number(stubs, make_request, value):
    audio = noise(1, 9)
    audio[0, 3] = value
    request = make_request("toy", audio=audio, domain=np.array([b"cello"]))
    with pytest.raises(grpc.RpcError) as refused:
        stubs.predict(request)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "audio must be finite, but holds NaN or infin" in refused.value.details()
