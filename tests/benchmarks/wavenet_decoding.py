"""Samples per second of the WaveNet decoders, against two slower ways.

python tests/benchmarks/wavenet_decoding.py --arithmetic=float32

A file of noise through the exported graph of an untrained model (4 x 10 and 4 x 14
layers of 128 channels, as published), against recomputing the receptive field for
every sample, and against one stream that keeps what each layer needs.
"""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import machine
import numpy as np
import tensorflow as tf
from absl import flags, logging

from tf_mt import dataset, models, script
from tf_mt.inference import bundle
from tf_mt.layers import wavenet, wavenet_sampling
from tf_mt.models import umt
from tf_mt.models.wavenet_autoencoder import configuration

SECONDS = flags.DEFINE_float("seconds", 30.0, "Length of the file.", lower_bound=1.0)
SEGMENTS = flags.DEFINE_multi_integer(
    "segments", [64, 128], "Segments that it is cut into; may be repeated."
)
ARITHMETIC = flags.DEFINE_multi_enum(
    "arithmetic",
    list(configuration.ARITHMETICS),
    list(configuration.ARITHMETICS),
    "Arithmetic of the decoding; may be repeated.",
)
PRESETS = flags.DEFINE_multi_string(
    "preset", ["base", "paper"], "Presets of umt; may be repeated."
)

INTRA_OP = flags.DEFINE_integer(
    "intra_op_threads", 1, "Threads that an operation may use; 0: as TensorFlow likes."
)

RATE_HZ = 16_000
NAIVE_SAMPLES = 3


def main(argv: list[str]) -> None:
    """Prints a table of samples per second."""
    # TensorFlow tells much of saving.
    logging.set_verbosity(logging.WARNING)
    tf.get_logger().setLevel("WARNING")
    tf.config.threading.set_intra_op_parallelism_threads(INTRA_OP.value)
    print(
        f"{machine.description()}, TF {tf.__version__}, "
        f"{INTRA_OP.value or 'any number of'} threads for an operation"
    )
    print(f"{'':46}{'samples/s':>12}{'x real time':>13}{'ratio':>9}")
    for preset in PRESETS.value:
        hparams = models.preset("umt", preset).model
        name = f"{hparams.decoder_blocks} x {hparams.decoder_layers}"
        slowest = _recomputing(hparams)
        _tell(f"{name}, receptive field anew", slowest, slowest)
        _tell(f"{name}, one stream, kept", _one_stream(hparams), slowest)
        for arithmetic in ARITHMETIC.value:
            for segments in SEGMENTS.value:
                changed = dataclasses.replace(
                    hparams, segments=segments, arithmetic=arithmetic
                )
                label = f"{name}, exported, {segments} segments, {arithmetic}"
                _tell(label, _exported(changed), slowest)


def _tell(name: str, samples_per_second: float, slowest: float) -> None:
    times, ratio = samples_per_second / RATE_HZ, samples_per_second / slowest
    print(f"{name:46}{samples_per_second:12.1f}{times:13.3f}{ratio:9.0f}", flush=True)


def _recomputing(hparams: umt.Config) -> float:
    """The whole stack over as much as one sample depends on, for each sample."""
    decoder = _decoder(hparams)
    frames = -(-decoder.receptive_field // hparams.hop)
    content = tf.zeros([1, frames, hparams.latent])
    signal = tf.zeros([1, frames * hparams.hop, 1])
    predict = tf.function(lambda: decoder(signal, content)[:, -1])
    return NAIVE_SAMPLES / _seconds(lambda: [predict() for _ in range(NAIVE_SAMPLES)])


def _one_stream(hparams: umt.Config) -> float:
    """The same graph as ours with one stream: a list for each layer."""
    decoder = _decoder(hparams)
    content = tf.zeros([1, 1, hparams.latent])

    def choose(number: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        codes = wavenet_sampling.draw(logits, tf.fill([1], 0.5), 1.0, 0)
        return codes, codes

    @tf.function
    def decode() -> tf.Tensor:
        return wavenet_sampling.run(
            wavenet_sampling.weights(decoder, tf.float32),
            decoder.dilations,
            content,
            hparams.hop,
            choose,
            tf.TensorSpec([None], tf.int32),
            hparams.hop,
        )

    return hparams.hop / _seconds(decode)


def _decoder(hparams: umt.Config) -> wavenet.Decoder:
    decoder = wavenet.Decoder(
        hparams.decoder_channels,
        hparams.latent,
        hparams.decoder_blocks,
        hparams.decoder_layers,
        hparams.hop,
    )
    decoder.make_variables()
    return decoder


def _exported(hparams: umt.Config) -> float:
    """All of a translation, encoding and joining too, by the bundle's signature."""
    model = umt.Umt(hparams, dataset.DatasetInfo("toy", RATE_HZ, ("a", "b")))
    samples = round(SECONDS.value * RATE_HZ)
    noise = np.random.default_rng(0).normal(0.0, 0.1, (1, samples))
    with tempfile.TemporaryDirectory() as folder:
        loaded = bundle.Bundle(bundle.export(model, Path(folder) / "toy"))
        return samples / _seconds(lambda: loaded.translate(noise, "b"))


def _seconds(action: Callable[[], object]) -> float:
    """The shorter of two runs: the first one traces, and warms up."""
    taken = []
    for _ in range(2):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return min(taken)


if __name__ == "__main__":
    script.run(main)
