"""Bundles: a model as a SavedModel that TensorFlow Serving loads, and back."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tf_mt import atomic
from tf_mt.inference import live, system
from tf_mt.models import translator

SERVING_DEFAULT = "serving_default"
TIMBRE = "timbre_of"
TRANSFER = "transfer"
RESYNTHESIS = "resynthesis"
CODES = "codes"
INFO = "info"

_WARMUP_FILE = "tf_serving_warmup_requests"


def export(model: translator.Translator, base: Path) -> Path:
    """Writes a model as the next version of a bundle, whole or not at all.

    The signatures are `resynthesis(audio)`, `info()`, and by the model's capabilities
    `serving_default(audio, domain)`, `timbre_of(reference)` and
    `transfer(audio, timbre)`, and `codes(audio)`. Of a model that knows no domains
    `serving_default` is `transfer`.
    Warm-up requests travel with them, so that a server is fast from its first answer
    on.

    Args:
        model: A trained model in float32.
        base: Folder of the bundle; versions 1, 2, ... are folders in it.

    Returns:
        The version's folder.

    Raises:
        ValueError: The graph holds what a stock server does not run.
    """
    version = max(_versions(base), default=0) + 1
    with atomic.path(base / str(version)) as temporary:
        _write_saved_model(model, temporary)
        audit(temporary)
        _write_warmup(model, base.name, temporary / "assets.extra" / _WARMUP_FILE)
    return base / str(version)


def _write_saved_model(model: translator.Translator, folder: Path) -> None:
    archive = keras.export.ExportArchive()
    for name, (function, inputs) in _endpoints(model).items():
        archive.add_endpoint(name, function, inputs)
    archive.write_out(str(folder), verbose=False)


def _endpoints(
    model: translator.Translator,
) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
    """The signatures of a model: functions of named tensors, and their inputs."""
    info, rate = live.info_of(model), tf.constant(model.info.sample_rate_hz)

    def translate(audio: tf.Tensor, domain: tf.Tensor) -> dict[str, tf.Tensor]:
        with _paired(audio, domain, "domain"):
            decoded = model.translate(audio, _numbers(domain, info.domains))
        return {"audio": decoded, "sample_rate": rate}

    def timbre_of(reference: tf.Tensor) -> dict[str, tf.Tensor]:
        with _filled(reference, "reference"):
            return {"timbre": model.reference_timbre(reference)}

    def transfer(audio: tf.Tensor, timbre: tf.Tensor) -> dict[str, tf.Tensor]:
        with _paired(audio, timbre, "timbre"):
            decoded = model.decode_to(audio, timbre)
        return {"audio": decoded, "sample_rate": rate}

    def resynthesise(audio: tf.Tensor) -> dict[str, tf.Tensor]:
        with _filled(audio):
            decoded = model.resynthesise(audio)
        return {"audio": decoded, "sample_rate": rate}

    def codes(audio: tf.Tensor) -> dict[str, tf.Tensor]:
        with _filled(audio):
            return {"codes": model.codes(audio)}

    def describe() -> dict[str, tf.Tensor]:
        return {
            "domains": tf.constant(info.domains, tf.string, [len(info.domains)]),
            "sample_rate": rate,
            "window_samples": tf.constant(info.window_samples),
            "overlap_samples": tf.constant(info.overlap_samples),
            "parameters": tf.constant(info.parameters, tf.int64),
            "reference_samples": tf.constant(info.reference_samples),
        }

    clips = tf.TensorSpec([None, None], tf.float32, name="audio")
    endpoints = {}
    # Keras makes the first one `serving_default`, where none has that name.
    if translator.DOMAINS in model.capabilities:
        domain = tf.TensorSpec([None], tf.string, name="domain")
        endpoints[SERVING_DEFAULT] = translate, [clips, domain]
    if translator.TRANSFER in model.capabilities:
        timbre = tf.TensorSpec(_timbre_shape(model), tf.float32, name="timbre")
        endpoints[TRANSFER] = transfer, [clips, timbre]
        reference = tf.TensorSpec([None, None], tf.float32, name="reference")
        endpoints[TIMBRE] = timbre_of, [reference]
    endpoints[RESYNTHESIS] = resynthesise, [clips]
    if translator.POOLED_CONTENT in model.capabilities:
        endpoints[CODES] = codes, [clips]
    endpoints[INFO] = describe, []
    return endpoints


def _timbre_shape(model: translator.Translator) -> tf.TensorShape:
    """The shape of the timbres of references, of any number of them."""
    reference = tf.TensorSpec([None, None], tf.float32)
    graph = tf.function(model.reference_timbre, input_signature=[reference])
    shape = graph.get_concrete_function().output_shapes
    return tf.TensorShape([None, *shape[1:]])


@contextlib.contextmanager
def _filled(audio: tf.Tensor, name: str = "audio") -> Iterator[None]:
    """Has the graph refuse a batch without a sample, or with one that is no number."""
    said = tf.strings.format(
        f"{name} of shape # needs one sample or more.",
        [tf.shape(audio)],
        placeholder="#",
    )
    checked = tf.debugging.Assert(tf.size(audio) > 0, [said])
    with tf.control_dependencies([checked, _finite(audio, name)]):
        yield


@contextlib.contextmanager
def _paired(audio: tf.Tensor, other: tf.Tensor, name: str) -> Iterator[None]:
    """Has the graph refuse a batch that does not have one of `other` for each clip.

    And one with what is no number, as `_filled`.
    """
    clips, others = tf.shape(audio)[0], tf.shape(other)[0]
    checked = [
        tf.debugging.Assert(
            tf.logical_and(clips == others, tf.size(audio) > 0),
            [
                tf.strings.format(
                    "audio of shape # needs one sample or more, and one "
                    f"{name} for each clip, not #.",
                    [tf.shape(audio), others],
                    placeholder="#",
                )
            ],
        ),
        _finite(audio, "audio"),
    ]
    if other.dtype.is_floating:
        checked.append(_finite(other, name))
    with tf.control_dependencies(checked):
        yield


def _finite(values: tf.Tensor, name: str) -> tf.Operation:
    said = f"{name} must be finite, but holds NaN or infinity."
    return tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(values)), [said])


def _numbers(domain: tf.Tensor, known: tuple[str, ...]) -> tf.Tensor:
    """Looks domains up by name; the graph refuses those that are not known."""
    matches = domain[:, tf.newaxis] == tf.constant(known)
    found = tf.reduce_any(matches, axis=1)
    wrong = tf.strings.reduce_join(tf.boolean_mask(domain, ~found), separator=", ")
    # An error that is not UTF-8 cannot be told to a client.
    wrong = tf.strings.unicode_transcode(wrong, "UTF-8", "UTF-8")
    said = ["domain=", wrong, f" is not known; known: {', '.join(known)}."]
    checked = tf.debugging.Assert(tf.reduce_all(found), [tf.strings.join(said)])
    with tf.control_dependencies([checked]):
        return tf.argmax(matches, axis=1, output_type=tf.int32)


def _write_warmup(model: translator.Translator, name: str, path: Path) -> None:
    # Only who exports needs the package; a bundle is loaded without it.
    from tensorflow_serving.apis import prediction_log_pb2

    silence = np.zeros([1, model.window_samples], np.float32)
    inputs = {
        SERVING_DEFAULT: {"audio": silence, "domain": list(model.info.domains[:1])},
        RESYNTHESIS: {"audio": silence},
        CODES: {"audio": silence},
        INFO: {},
    }
    if translator.TRANSFER in model.capabilities:
        reference = np.zeros([1, model.reference_samples], np.float32)
        inputs[TIMBRE] = {"reference": reference}
        timbre = model.reference_timbre(tf.constant(reference)).numpy()
        inputs[TRANSFER] = {"audio": silence, "timbre": timbre}
    inputs = {name: inputs[name] for name in _endpoints(model)}
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, tensors in inputs.items():
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            for key, tensor in tensors.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(tensor))
            writer.write(log.SerializeToString())


def audit(folder: Path) -> None:
    """Refuses a SavedModel that a stock TensorFlow Serving does not run.

    Args:
        folder: Holds `saved_model.pb`.

    Raises:
        ValueError: Names the operations that are not TensorFlow's own or that call
            Python, and the functions that must be compiled by XLA.
    """
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    refused = set()
    for graph in (meta_graph.graph_def for meta_graph in saved.meta_graphs):
        functions = graph.library.function
        bodies = (function.node_def for function in functions)
        nodes = itertools.chain(graph.node, *bodies)
        refused |= {node.op for node in nodes if not _is_served(node.op)}
        refused |= {
            f"{function.signature.name} (must be compiled by XLA)"
            for function in functions
            if function.attr["_XlaMustCompile"].b
        }
    if refused:
        raise ValueError(
            "the graph holds what a stock server does not run: "
            f"{', '.join(sorted(refused))}."
        )


def _is_served(operation: str) -> bool:
    # `raw_ops` lists the operations that TensorFlow is built with, not those that other
    # libraries add; it has those that call back into a Python process as well.
    return hasattr(tf.raw_ops, operation) and "PyFunc" not in operation


class Bundle(system.System):
    """A bundle that translates in this process.

    Args:
        path: A bundle, of which the newest version is taken, or one version of it.

    Raises:
        FileNotFoundError: There is no bundle.
        ValueError: It is some other SavedModel.

    Attributes:
        folder: The version's folder.
    """

    def __init__(self, path: Path):
        self._path = path
        self.folder = _version_folder(Path(path)).resolve()
        self._module = tf.saved_model.load(str(self.folder))
        self._signatures = self._module.signatures
        if INFO not in self._signatures:
            raise ValueError(
                f"bundle={str(path)!r} is a SavedModel without the signature {INFO!r}; "
                "give one that `python -m tf_mt.export` made."
            )
        told = self._signatures[INFO]()
        self._info = system.Info(
            tuple(name.decode() for name in told["domains"].numpy()),
            int(told["sample_rate"]),
            int(told["window_samples"]),
            int(told["overlap_samples"]),
            int(told["parameters"]) if "parameters" in told else None,
            int(told["reference_samples"]) if "reference_samples" in told else 0,
        )

    @property
    def info(self) -> system.Info:
        """See `System.info`."""
        return self._info

    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """See `System.translate`."""
        self.check_domain(domain)
        wanted = tf.fill([len(audio)], domain)
        return self._signatures[SERVING_DEFAULT](
            audio=tf.constant(audio, tf.float32), domain=wanted
        )["audio"].numpy()

    def timbre_of(self, reference: np.ndarray) -> np.ndarray:
        """See `System.timbre_of`."""
        self.check_transfer()
        return self._signatures[TIMBRE](reference=tf.constant(reference, tf.float32))[
            "timbre"
        ].numpy()

    def decode_to(self, audio: np.ndarray, timbre: np.ndarray) -> np.ndarray:
        """See `System.decode_to`."""
        self.check_transfer()
        return self._signatures[TRANSFER](
            audio=tf.constant(audio, tf.float32), timbre=tf.constant(timbre, tf.float32)
        )["audio"].numpy()

    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """See `System.resynthesise`."""
        return self._of_audio(RESYNTHESIS, audio)["audio"].numpy()

    def codes(self, audio: np.ndarray) -> np.ndarray:
        """See `System.codes`."""
        return self._of_audio(CODES, audio)["codes"].numpy()

    def _of_audio(self, signature: str, audio: np.ndarray) -> dict[str, tf.Tensor]:
        if signature not in self._signatures:
            raise ValueError(
                f"bundle={str(self._path)!r} has no signature {signature!r}; export it "
                "again with `python -m tf_mt.export`."
            )
        return self._signatures[signature](audio=tf.constant(audio, tf.float32))


def _version_folder(path: Path) -> Path:
    if (path / "saved_model.pb").exists():
        return path
    versions = _versions(path)
    if not versions:
        raise FileNotFoundError(
            f"bundle={str(path)!r} holds no version of a bundle; give a folder that "
            "`python -m tf_mt.export` made."
        )
    return path / str(max(versions))


def _versions(base: Path) -> list[int]:
    if not base.is_dir():
        return []
    return [
        int(path.name)
        for path in base.iterdir()
        if path.name.isdecimal() and path.is_dir()
    ]
