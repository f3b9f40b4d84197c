import dataclasses
import itertools
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import servable, warmup
from tf_mt import config, dataset, models
from tf_mt.inference import bundle
from tf_mt.models import translator, translator_config
from tf_mt.models.vae_gan import model as vae_gan

INFO = dataset.DatasetInfo("toy", 8000, ("cello", "flute", "piano"))
PEAKS = (0.125, 0.25, 0.5)


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    weights: dict = config.field({}, "Weight of each loss term.")
    warmup: dict = config.field({}, "Steps over which weights rise.")


class Peaks(translator.Translator):
    """Content is a clip at full scale, timbre is its peak: both known exactly."""

    capabilities = frozenset({"domains", "pooled_content"})
    terms = ()
    hop_samples = 4
    window_samples = 64
    overlap_samples = 16

    def __init__(self):
        super().__init__(Config(loudness="decoded"), INFO)

    def parts(self):
        return {}

    def objectives(self, batch, training):
        return []

    def encode(self, audio):
        return audio / peak(audio)[:, tf.newaxis]

    def timbre(self, domain):
        return tf.gather(tf.constant(PEAKS), domain)

    def decode(self, content, timbre):
        return content * timbre[:, tf.newaxis]

    def round_trip(self, audio):
        return 0.5 * audio

    def pool(self, content):
        parts = tf.nn.relu(content), tf.nn.relu(-content)
        return tf.stack([tf.reduce_sum(part, axis=1) for part in parts], axis=1)


class Transferring(Peaks):
    capabilities = Peaks.capabilities | {"transfer"}
    reference_samples = 40

    def timbre_of(self, reference):
        return peak(reference)


class CallingPython(Peaks):
    def encode(self, audio):
        return tf.py_function(lambda audio: audio, [audio], tf.float32)


def peak(audio):
    return tf.reduce_max(tf.abs(audio), axis=1)


def noise(*shape):
    audio = np.random.default_rng(0).uniform(-0.9, 0.9, shape)
    return audio.astype(np.float32)


def tiny():
    return vae_gan.VaeGan(models.preset("vae_gan", "tiny").model, INFO)


def saved(folder, function):
    """A SavedModel of one function of float32 `[any]`."""
    module = tf.Module()
    module.run = tf.function(function)
    signature = module.run.get_concrete_function(tf.TensorSpec([None], tf.float32, "x"))
    tf.saved_model.save(module, str(folder), signatures=signature)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bundle.export(Transferring(), tmp_path_factory.mktemp("peaks"))


@pytest.fixture(scope="module")
def signatures(folder):
    module = tf.saved_model.load(str(folder))
    yield module.signatures


@pytest.fixture(scope="module")
def loaded(folder):
    return bundle.Bundle(folder)


# The contract with servers


def test_signatures(signatures):
    audio = tf.TensorSpec([None, None], tf.float32, "audio")
    domain = tf.TensorSpec([None], tf.string, "domain")
    reference = tf.TensorSpec([None, None], tf.float32, "reference")
    timbre = tf.TensorSpec([None], tf.float32, "timbre")
    rate = tf.TensorSpec([], tf.int32, "sample_rate")
    assert {
        name: (found.structured_input_signature[1], found.structured_outputs)
        for name, found in signatures.items()
    } == {
        "serving_default": (
            {"audio": audio, "domain": domain},
            {"audio": audio, "sample_rate": rate},
        ),
        "transfer": (
            {"audio": audio, "timbre": timbre},
            {"audio": audio, "sample_rate": rate},
        ),
        "timbre_of": ({"reference": reference}, {"timbre": timbre}),
        "resynthesis": ({"audio": audio}, {"audio": audio, "sample_rate": rate}),
        "codes": (
            {"audio": audio},
            {"codes": tf.TensorSpec([None, 2], tf.float32, "codes")},
        ),
        "info": (
            {},
            {
                "domains": tf.TensorSpec([3], tf.string, "domains"),
                "sample_rate": rate,
                "window_samples": tf.TensorSpec([], tf.int32, "window_samples"),
                "overlap_samples": tf.TensorSpec([], tf.int32, "overlap_samples"),
                "parameters": tf.TensorSpec([], tf.int64, "parameters"),
                "reference_samples": tf.TensorSpec([], tf.int32, "reference_samples"),
            },
        ),
    }


def test_only_what_can_transfer_has_that_signature(tmp_path):
    module = tf.saved_model.load(str(bundle.export(Peaks(), tmp_path)))
    assert set(module.signatures) == {
        "serving_default",
        "resynthesis",
        "codes",
        "info",
    }


def test_info(signatures):
    told = {name: value.numpy() for name, value in signatures["info"]().items()}
    assert told.pop("domains").tolist() == [b"cello", b"flute", b"piano"]
    assert told == {
        "sample_rate": 8000,
        "window_samples": 64,
        "overlap_samples": 16,
        "parameters": 0,
        "reference_samples": 40,
    }


def test_a_reference_of_another_length_gives_its_timbre(signatures):
    audio, reference = noise(2, 100), noise(2, 33)
    timbre = signatures["timbre_of"](reference=tf.constant(reference))["timbre"]
    answer = signatures["transfer"](audio=tf.constant(audio), timbre=timbre)
    np.testing.assert_allclose(
        peak(answer["audio"]), np.abs(reference).max(axis=1), rtol=1e-6
    )
    assert answer["sample_rate"] == 8000


def test_domains_go_by_name_in_any_order(signatures):
    audio = noise(4, 50)
    answer = signatures["serving_default"](
        audio=tf.constant(audio),
        domain=tf.constant(["piano", "cello", "piano", "flute"]),
    )
    expected = np.array([0.5, 0.125, 0.5, 0.25])[:, np.newaxis]
    peaks = np.abs(audio).max(axis=1, keepdims=True)
    np.testing.assert_allclose(answer["audio"], expected * audio / peaks, rtol=1e-6)
    assert answer["sample_rate"] == 8000


@pytest.mark.parametrize(
    "clips, samples, domains, words",
    [
        (1, 9, ["celo"], r"domain=celo is not known; known: cello, flute, piano\."),
        (3, 9, ["x", "flute", "y"], "domain=x, y is not known"),
        (2, 9, ["flute"], r"audio of shape \[2 9\].*one domain for each clip, not 1"),
        (1, 9, ["flute", "flute"], r"one domain for each clip, not 2\."),
        (1, 9, [], r"one domain for each clip, not 0\."),
        (0, 9, [], r"audio of shape \[0 9\] needs one sample or more"),
        (1, 0, ["flute"], r"audio of shape \[1 0\] needs one sample or more"),
    ],
)
def test_the_graph_refuses_in_words(signatures, clips, samples, domains, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        signatures["serving_default"](
            audio=tf.zeros([clips, samples]), domain=tf.constant(domains, tf.string)
        )


@pytest.mark.parametrize("name", ["resynthesis", "codes"])
@pytest.mark.parametrize("shape", [(0, 9), (1, 0)])
def test_the_graph_refuses_no_sample_at_all(signatures, name, shape):
    words = rf"audio of shape \[{shape[0]} {shape[1]}\] needs one sample or more\."
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        signatures[name](audio=tf.zeros(shape))


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("resynthesis", ["audio"]),
        ("codes", ["audio"]),
        ("timbre_of", ["reference"]),
        ("transfer", ["audio", "timbre"]),
    ],
)
def test_the_graph_refuses_what_is_no_number(signatures, name, inputs):
    sound = {"timbre": tf.zeros([1])}
    for wrong in inputs:
        given = {one: sound.get(one, tf.zeros([1, 9])) for one in inputs}
        given[wrong] += np.nan
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=f"{wrong} must be finite, but holds"
        ):
            signatures[name](**given)


def test_the_graph_refuses_a_timbre_too_few(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match="one timbre for each"):
        signatures["transfer"](audio=tf.zeros([2, 9]), timbre=tf.zeros([1]))


def test_what_is_more_than_the_model_uses_of_a_reference_is_left_out(signatures):
    reference = np.concatenate([noise(1, 40), np.ones([1, 10], np.float32)], axis=1)
    timbre = signatures["timbre_of"](reference=tf.constant(reference))["timbre"]
    assert timbre == peak(reference[:, :40]) < 1.0


def test_warm_up_asks_every_signature_for_a_window(folder):
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]
    requests = [log.predict_log.request for log in logs]
    shapes = {
        request.model_spec.signature_name: {
            name: tf.make_ndarray(tensor).shape
            for name, tensor in request.inputs.items()
        }
        for request in requests
    }
    assert shapes == {
        "serving_default": {"audio": (1, 64), "domain": (1,)},
        "resynthesis": {"audio": (1, 64)},
        "codes": {"audio": (1, 64)},
        "info": {},
        "timbre_of": {"reference": (1, 40)},
        "transfer": {"audio": (1, 64), "timbre": (1,)},
    }
    assert {request.model_spec.name for request in requests} == {folder.parent.name}


def test_a_server_can_replay_the_warm_up(folder, signatures):
    version = servable.Servable(folder)
    with mock.patch.object(version, "predict", wraps=version.predict) as asked:
        warmup.replay(version, folder)
    version.close()
    assert asked.call_count == len(signatures)


# Versions


def test_the_next_version_follows_the_highest(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "9").touch()
    (tmp_path / ".12.tmp").mkdir()
    assert bundle.export(Peaks(), tmp_path) == tmp_path / "8"


def test_the_first_version_makes_its_folder(tmp_path):
    assert bundle.export(Peaks(), tmp_path / "new" / "model").name == "1"


@pytest.mark.parametrize("step", ["_write_saved_model", "audit", "_write_warmup"])
def test_a_version_appears_whole_or_not_at_all(tmp_path, monkeypatch, step):
    done = getattr(bundle, step)

    def fail(*arguments):
        done(*arguments)
        raise OSError("disk full")

    bundle.export(Peaks(), tmp_path)
    monkeypatch.setattr(bundle, step, fail)
    with pytest.raises(OSError, match="disk full"):
        bundle.export(Peaks(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


# The audit


def test_it_refuses_python(tmp_path):
    with pytest.raises(ValueError, match=r"server does not run: EagerPyFunc\."):
        bundle.export(CallingPython(), tmp_path / "calling")
    assert not list((tmp_path / "calling").iterdir())


def test_it_refuses_numpy_within_a_loop(tmp_path):
    def run(x):
        called = tf.map_fn(lambda y: tf.numpy_function(np.negative, [y], tf.float32), x)
        return {"y": tf.reshape(called, [-1])}

    with pytest.raises(ValueError, match="server does not run: PyFunc"):
        bundle.audit(saved(tmp_path, run))


def test_it_refuses_what_must_be_compiled(tmp_path):
    @tf.function(jit_compile=True)
    def compiled(x):
        return 2.0 * x

    with pytest.raises(ValueError, match=r"compiled_\d+ \(must be compiled by XLA"):
        bundle.audit(saved(tmp_path, lambda x: {"y": compiled(x)}))


def test_it_refuses_operations_of_other_libraries(tmp_path):
    # What a SavedModel of tensorflow-io looks like, without tensorflow-io.
    saved(tmp_path, lambda x: {"y": tf.tanh(tf.sin(x))})
    path = tmp_path / "saved_model.pb"
    read = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    graph = read.meta_graphs[0].graph_def
    bodies = (function.node_def for function in graph.library.function)
    renamed = {"Sin": "IO>AudioDecodeMP3", "Tanh": "DecodeOfSomeLibrary"}
    for node in itertools.chain.from_iterable(bodies):
        node.op = renamed.get(node.op, node.op)
    path.write_bytes(read.SerializeToString())
    with pytest.raises(ValueError, match="run: DecodeOfSomeLibrary, IO>AudioDecodeMP3"):
        bundle.audit(tmp_path)


@pytest.mark.parametrize("generators", ["per_domain", "shared"])
@pytest.mark.parametrize("rank", [1, 2])
def test_it_accepts_the_vae_gan(tmp_path, rank, generators):
    hparams = dataclasses.replace(
        models.preset("vae_gan", "tiny").model, rank=rank, generators=generators
    )
    exported = bundle.export(vae_gan.VaeGan(hparams, INFO), tmp_path)
    assert (exported / "saved_model.pb").exists()


@pytest.mark.slow
def test_it_accepts_pghi_which_gives_what_the_model_does(tmp_path):
    hparams = dataclasses.replace(models.preset("vae_gan", "tiny").model, phase="pghi")
    model = vae_gan.VaeGan(hparams, INFO)
    loaded = bundle.Bundle(bundle.export(model, tmp_path))
    time = np.arange(50 * hparams.hop) / INFO.sample_rate_hz
    audio = np.sin(2 * np.pi * 440.0 * time).astype(np.float32)
    live = model.resynthesise(tf.constant([audio]))
    served = loaded.resynthesise(np.array([audio]))
    np.testing.assert_allclose(served, live, atol=1e-3)


def test_exporting_is_silent(tmp_path, capfd):
    bundle.export(tiny(), tmp_path)
    assert capfd.readouterr().out == ""


# In this process


def test_it_says_what_it_is(loaded):
    assert loaded.info == (("cello", "flute", "piano"), 8000, 64, 16, 0, 40)


@pytest.mark.parametrize("clips, samples", [(1, 1), (3, 2), (2, 5), (5, 1000)])
def test_clips_of_any_number_and_length(loaded, clips, samples):
    audio = noise(clips, samples)
    translated = loaded.translate(audio, "flute")
    assert translated.dtype == np.float32
    peaks = np.abs(audio).max(axis=1, keepdims=True)
    np.testing.assert_allclose(translated, 0.25 * audio / peaks, rtol=1e-6)


@pytest.mark.parametrize("clips, samples", [(1, 1), (3, 2), (5, 1000)])
def test_clips_are_resynthesised(loaded, clips, samples):
    audio = noise(clips, samples)
    resynthesised = loaded.resynthesise(audio)
    assert resynthesised.dtype == np.float32
    np.testing.assert_array_equal(resynthesised, 0.5 * audio)


@pytest.mark.parametrize("clips, samples", [(1, 1), (3, 2), (5, 1000)])
def test_codes_are_a_vector_for_each_clip(loaded, clips, samples):
    audio = noise(clips, samples)
    codes = loaded.codes(audio)
    assert codes.dtype == np.float32
    content = audio / np.abs(audio).max(axis=1, keepdims=True)
    parts = np.maximum(content, 0.0), np.maximum(-content, 0.0)
    expected = np.stack([part.sum(axis=1) for part in parts], axis=1)
    np.testing.assert_allclose(codes, expected, rtol=1e-5)


def without(folder, path):
    """A bundle that has nothing but the signatures that translate."""
    module = tf.saved_model.load(str(folder))
    translate, info = (module.signatures[name] for name in ("serving_default", "info"))

    @tf.function(input_signature=[])
    def told():
        later = ("parameters", "reference_samples")
        return {name: value for name, value in info().items() if name not in later}

    kept = {"serving_default": translate, "info": told}
    tf.saved_model.save(module, str(path / "1"), signatures=kept)
    return path


def test_a_bundle_without_codes_and_resynthesis_still_translates(folder, tmp_path):
    older = bundle.Bundle(without(folder, tmp_path))
    audio = noise(2, 9)
    np.testing.assert_allclose(peak(older.translate(audio, "flute")), 0.25, rtol=1e-6)
    assert older.info == (("cello", "flute", "piano"), 8000, 64, 16, None, 0)
    for name, ask in (
        ("codes", lambda: older.codes(audio)),
        ("resynthesis", lambda: older.resynthesise(audio)),
        ("resynthesis", lambda: next(older.resynthesise_stream(audio))),
    ):
        with pytest.raises(ValueError, match=f"no signature '{name}'; export it again"):
            ask()


def test_the_newest_version_is_taken(tmp_path):
    bundle.export(Peaks(), tmp_path)
    newer = Peaks()
    newer.window_samples = 128
    bundle.export(newer, tmp_path)
    (tmp_path / "10").mkdir()
    bundle.export(Peaks(), tmp_path)
    (tmp_path / "10").rmdir()
    assert bundle.Bundle(tmp_path).info.window_samples == 64
    assert bundle.Bundle(tmp_path / "2").info.window_samples == 128


def test_a_bundle_transfers_as_its_model_does(loaded):
    audio, reference = noise(2, 100), noise(2, 33)
    expected = Transferring().transfer(tf.constant(audio), tf.constant(reference))
    found = loaded.transfer(audio, reference)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_stream_has_the_timbre_of_its_reference_in_every_window(loaded):
    audio, reference = noise(1, 1000)[0], noise(1, 50)[0]
    with mock.patch.object(loaded, "timbre_of", wraps=loaded.timbre_of) as asked:
        stream = loaded.transfer_stream([audio[:7], audio[7:]], reference)
        found = np.concatenate(list(stream))
    assert asked.call_count == 1
    assert len(found) == 1000
    peaks = [np.abs(found[at : at + 48]).max() for at in range(64, 900, 48)]
    np.testing.assert_allclose(peaks, peak(reference[np.newaxis, :40])[0], rtol=0.1)


def test_words_where_it_cannot_transfer(tmp_path):
    plain = bundle.Bundle(bundle.export(Peaks(), tmp_path))
    words = "cannot transfer from a clip; give one of its domains: cello, flute, piano"
    for ask in (
        lambda: plain.transfer(noise(1, 9), noise(1, 9)),
        lambda: list(plain.transfer_stream([noise(9)], noise(9))),
        plain.check_transfer,
    ):
        with pytest.raises(ValueError, match=words):
            ask()


class ZeroShot(Transferring):
    capabilities = frozenset({"transfer"})
    timbre = translator.Translator.timbre
    pool = translator.Translator.pool


def test_a_model_without_domains_only_transfers(tmp_path):
    folder = bundle.export(ZeroShot(), tmp_path)
    signatures = tf.saved_model.load(str(folder)).signatures
    assert set(signatures) == {
        "serving_default",
        "timbre_of",
        "transfer",
        "resynthesis",
        "info",
    }
    default = signatures["serving_default"].structured_input_signature
    assert default == signatures["transfer"].structured_input_signature
    zero_shot = bundle.Bundle(folder)
    assert zero_shot.info.domains == ()
    with pytest.raises(ValueError, match="knows no domains; give a reference clip"):
        zero_shot.translate(noise(1, 9), "cello")
    with pytest.raises(ValueError, match="no signature 'codes'"):
        zero_shot.codes(noise(1, 9))
    assert zero_shot.transfer(noise(1, 9), noise(1, 5)).shape == (1, 9)


def test_words_for_an_unknown_domain(loaded):
    words = "domain='celo' is not known; did you mean 'cello'.*cello, flute, piano"
    with pytest.raises(ValueError, match=words):
        loaded.translate(noise(1, 9), "celo")
    with pytest.raises(ValueError, match=words):
        next(loaded.translate_stream([noise(9)], "celo"))


@pytest.mark.parametrize("name", ["", "missing"])
def test_words_for_no_bundle(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="holds no version of a bundle; give"):
        bundle.Bundle(tmp_path / name)


def test_words_for_another_saved_model(tmp_path):
    saved(tmp_path / "1", lambda x: {"y": x})
    with pytest.raises(ValueError, match="is a SavedModel without the signature 'info"):
        bundle.Bundle(tmp_path)
