"""Bundles: a model as a SavedModel that TensorFlow Serving loads, and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from tf_mt import atomic, system
from tf_mt.models import translator

SERVING_DEFAULT = "serving_default"
TRANSFER = "transfer"
INFO = "info"

_WARMUP_FILE = "tf_serving_warmup_requests"
_CLIPS = tf.TensorSpec([None, None], tf.float32, name="audio")


def export(model: translator.Translator, base: Path) -> Path:
    """Writes a model as the next version of a bundle, whole or not at all.

    The signatures are `serving_default(audio, domain)`, `info()` and, where the
    approach can, `transfer(audio, reference)`. Warm-up requests travel with them, so
    that a server is fast from its first answer on.

    Args:
        model: A trained model in float32.
        base: Folder of the bundle; versions 1, 2, ... are folders in it.

    Returns:
        The version's folder.

    Raises:
        ValueError: The graph holds an operation that a stock server does not run.
    """
    version = max(_versions(base), default=0) + 1
    with atomic.path(base / str(version)) as temporary:
        _write_saved_model(model, temporary)
        audit(temporary)
        _write_warmup(model, base.name, temporary / "assets.extra" / _WARMUP_FILE)
    return base / str(version)


def _write_saved_model(model: translator.Translator, folder: Path) -> None:
    domains = tf.constant(model.info.domains)

    def answer(audio: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"audio": audio, "sample_rate": tf.constant(model.info.sample_rate_hz)}

    def translate(audio: tf.Tensor, domain: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(model.translate(audio, _numbers(domain, model.info.domains)))

    def transfer(audio: tf.Tensor, reference: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(model.transfer(audio, reference))

    def info() -> dict[str, tf.Tensor]:
        return {
            "domains": domains,
            "sample_rate": tf.constant(model.info.sample_rate_hz),
            "window_samples": tf.constant(model.window_samples),
            "overlap_samples": tf.constant(model.overlap_samples),
        }

    archive = keras.export.ExportArchive()
    archive.track(model)
    domain = tf.TensorSpec([None], tf.string, name="domain")
    archive.add_endpoint(SERVING_DEFAULT, translate, [_CLIPS, domain])
    archive.add_endpoint(INFO, info, [])
    if hasattr(model, "timbre_like"):
        reference = tf.TensorSpec([None, None], tf.float32, name="reference")
        archive.add_endpoint(TRANSFER, transfer, [_CLIPS, reference])
    archive.write_out(str(folder), verbose=False)


def _numbers(wanted: tf.Tensor, domains: tuple[str, ...]) -> tf.Tensor:
    """Looks names of domains up; the graph refuses those that are not known."""
    matches = tf.equal(wanted[:, tf.newaxis], tf.constant(domains))
    known = tf.debugging.Assert(
        tf.reduce_all(tf.reduce_any(matches, axis=1)),
        ["domain is not known:", wanted, f"; known: {', '.join(domains)}."],
    )
    with tf.control_dependencies([known]):
        return tf.argmax(matches, axis=1, output_type=tf.int32)


def _write_warmup(model: translator.Translator, name: str, path: Path) -> None:
    from tensorflow_serving.apis import prediction_log_pb2

    silence = tf.zeros([1, model.window_samples])
    inputs = {
        SERVING_DEFAULT: {
            "audio": silence,
            "domain": tf.constant(model.info.domains[:1]),
        },
        INFO: {},
    }
    if hasattr(model, "timbre_like"):
        inputs[TRANSFER] = {"audio": silence, "reference": silence}
    path.parent.mkdir(parents=True)
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
    """Refuses a SavedModel that a stock TensorFlow Serving would not run.

    Args:
        folder: Holds `saved_model.pb`.

    Raises:
        ValueError: Names the operations that are no core operations, that call Python,
            or that must be compiled by XLA.
    """
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    refused = set()
    for meta_graph in saved.meta_graphs:
        library = meta_graph.graph_def.library.function
        refused |= {
            f"{function.signature.name} (must be compiled by XLA)"
            for function in library
            if function.attr["_XlaMustCompile"].b
        }
        for node in _nodes(meta_graph.graph_def):
            if not _is_core(node.op) and node.op not in {
                function.signature.name for function in library
            }:
                refused.add(node.op)
            if node.attr["_XlaMustCompile"].b:
                refused.add(f"{node.op} (must be compiled by XLA)")
    if refused:
        raise ValueError(
            f"The graph holds what a stock server does not run: "
            f"{', '.join(sorted(refused))}."
        )


def _nodes(graph: graph_pb2.GraphDef) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _is_core(operation: str) -> bool:
    # Operations of other libraries have a namespace; Python's are in no server.
    registered = op_def_registry.get(operation) is not None
    return registered and ">" not in operation and "PyFunc" not in operation


class Bundle(system.System):
    """A bundle that translates in this process.

    Args:
        path: A bundle, of which the newest version is taken, or one version of it.

    Raises:
        FileNotFoundError: There is no bundle.
    """

    def __init__(self, path: Path):
        self._module = tf.saved_model.load(str(_version_folder(Path(path))))
        self._signatures = self._module.signatures
        told = self._signatures[INFO]()
        self.info = system.Info(
            tuple(name.decode() for name in told["domains"].numpy()),
            int(told["sample_rate"]),
            int(told["window_samples"]),
            int(told["overlap_samples"]),
        )

    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """See `System.translate`."""
        self.check_domain(domain)
        wanted = tf.fill([len(audio)], domain)
        return self._signatures[SERVING_DEFAULT](
            audio=tf.constant(audio, tf.float32), domain=wanted
        )["audio"].numpy()


def _version_folder(path: Path) -> Path:
    if (path / "saved_model.pb").exists():
        return path
    versions = _versions(path)
    if not versions:
        raise FileNotFoundError(
            f"bundle={path} holds no version of a bundle; give a folder that "
            "`python -m tf_mt.export` made."
        )
    return path / str(max(versions))


def _versions(base: Path) -> list[int]:
    if not base.is_dir():
        return []
    return [int(path.name) for path in base.iterdir() if path.name.isdigit()]
