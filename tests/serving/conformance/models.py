"""Writes the models of the conformance suite, and what a server of them reads.

python -m tests.serving.conformance.models DIR

The server has to see DIR under the same path. What is there already stays.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

MODELS_CONFIG = "models.config"
MONITORING_CONFIG = "monitoring.config"

# TensorFlow Serving's own test models have this one, with leading zeros on disk.
VERSION = 123

_NUMBERS = tf.TensorSpec([None], tf.float32, "x")
_EXAMPLES = tf.TensorSpec([None], tf.string, "inputs")


class HalfPlus(tf.Module):
    """y = x / 2 + b; and of tf.Examples y2 = x / 2 + b + 1 and y3 = x2 / 2 + b + 1."""

    def __init__(self, b: float):
        super().__init__()
        self.a = tf.Variable(0.5)
        self.b = tf.Variable(b)

    @tf.function(input_signature=[_NUMBERS])
    def predict(self, x):
        return {"y": self.a * x + self.b}

    @tf.function(input_signature=[_EXAMPLES])
    def regress_x_to_y(self, inputs):
        return {"outputs": self.a * _feature(inputs, "x") + self.b}

    @tf.function(input_signature=[_EXAMPLES])
    def regress_x_to_y2(self, inputs):
        return {"outputs": self.a * _feature(inputs, "x") + self.b + 1.0}

    @tf.function(input_signature=[_EXAMPLES])
    def regress_x2_to_y3(self, inputs):
        return {"outputs": self.a * _feature(inputs, "x2") + self.b + 1.0}

    @tf.function(input_signature=[_EXAMPLES])
    def classify_x_to_y(self, inputs):
        return {"scores": self.a * _feature(inputs, "x") + self.b}

    @tf.function(input_signature=[_EXAMPLES])
    def classify_x2_to_y3(self, inputs):
        return {"scores": self.a * _feature(inputs, "x2") + self.b + 1.0}


class Kinds(tf.Module):
    """Signatures of other forms: no dimension, any shape, text, two of each, state."""

    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "x")])
    def scalar(self, x):
        return {"y": x + 1.0}

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, "x")])
    def any_shape(self, x):
        return {"y": x + 1.0}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def text(self, text):
        return {"text": tf.strings.upper(text), "text_bytes": text}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, "left"),
            tf.TensorSpec([None], tf.float32, "right"),
        ]
    )
    def two(self, left, right):
        return {"sum": left + right, "difference": left - right}

    @tf.function(input_signature=[])
    def increase(self):
        return {"count": self.count.assign_add(1.0)}

    @tf.function(input_signature=[])
    def reset(self):
        return {"count": self.count.assign(0.0)}


def write_all(directory: pathlib.Path) -> None:
    """Writes all models and the files of configuration into a folder."""
    for name, b in (("half_plus_two", 2.0), ("half_plus_three", 3.0)):
        write_half_plus(directory / name / f"{VERSION:08d}", b)
    for number in (1, 2):
        write_half_plus(directory / "labelled" / str(number), float(number))
    write_half_plus(directory / "swapped" / "1", 1.0)
    _write_kinds(directory / "kinds" / "1")
    _write_keras(directory / "keras_sequential" / "1")
    listed = text_format.MessageToString(config(directory))
    (directory / MODELS_CONFIG).write_text(listed)
    (directory / MONITORING_CONFIG).write_text("prometheus_config { enable: true }\n")


def write_half_plus(directory: pathlib.Path, b: float) -> None:
    """Writes a version that adds `b`, whole or not at all."""
    if directory.exists():
        return
    module = HalfPlus(b)
    names = [name for name in vars(HalfPlus) if name.startswith(("regress", "classif"))]
    signatures = {name: getattr(module, name) for name in names}
    unfinished = directory.parent / f"unfinished-{directory.name}"
    tf.saved_model.save(
        module,
        str(unfinished),
        signatures={"serving_default": module.predict, **signatures},
    )
    unfinished.rename(directory)


def config(directory: pathlib.Path) -> model_server_config_pb2.ModelServerConfig:
    """The list of the models that a server has."""
    made = model_server_config_pb2.ModelServerConfig()
    names = "half_plus_two half_plus_three labelled swapped kinds keras_sequential"
    for name in names.split():
        made.model_config_list.config.append(model(name, directory / name))
    labelled = made.model_config_list.config[2]
    labelled.model_version_policy.all.SetInParent()
    labelled.version_labels["stable"] = 1
    labelled.version_labels["canary"] = 2
    return made


def model(name: str, base_path: pathlib.Path) -> model_server_config_pb2.ModelConfig:
    """An entry of such a list."""
    return model_server_config_pb2.ModelConfig(
        name=name, base_path=str(base_path), model_platform="tensorflow"
    )


def _feature(inputs: tf.Tensor, name: str) -> tf.Tensor:
    features = {name: tf.io.FixedLenFeature([1], tf.float32)}
    return tf.io.parse_example(inputs, features)[name]


def _write_kinds(directory: pathlib.Path) -> None:
    if directory.exists():
        return
    module = Kinds()
    names = ("scalar", "any_shape", "text", "two", "increase", "reset")
    signatures = {name: getattr(module, name) for name in names}
    tf.saved_model.save(module, str(directory), signatures=signatures)


def _write_keras(directory: pathlib.Path) -> None:
    """A dense layer of ones, as Keras exports it."""
    if directory.exists():
        return
    layer = keras.layers.Dense(1, kernel_initializer="ones", name="dense")
    made = keras.Sequential([keras.layers.Input([2], name="x"), layer])
    made.export(str(directory), verbose=False)


if __name__ == "__main__":
    write_all(pathlib.Path(sys.argv[1]).resolve())
