"""The perceptual terms: spectrograms compared by what trained networks see of them.

Gabbay and Hoshen 2020 compare images by five taps of VGG16; the paper on music adds
CP-ResNet's stem and stages (its eq. 3, "Rho"). Neither network learns.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from absl import logging

from tf_mt.embedders import classifier, cp_resnet
from tf_mt.layers import spectrogram

# What gives, of spectrograms `[batch, frames, bands]`, what a network sees of them.
Taps = Callable[[tf.Tensor], Sequence[tf.Tensor]]

VGG_TAPS = (
    "block1_conv2",
    "block2_conv2",
    "block3_conv2",
    "block4_conv3",
    "block5_pool",
)


class Networks:
    """The networks of the terms whose weight is not zero.

    They are no part of the model that learns by them: checkpoints and bundles do not
    hold them.

    Args:
        hparams: A configuration of LORD: its `weights`, `vgg_weights`, `vgg_size` and
            `rho`.
        front: What the model's spectrograms are made by.

    Raises:
        ValueError: `rho` is not named, not a CP-ResNet, or trained on other
            spectrograms; or the VGG16's file holds other weights.
        FileNotFoundError: The file or the folder is not there.
    """

    def __init__(self, hparams: Any, front: spectrogram.LogMel):
        self._taps: dict[str, Taps] = {}
        if hparams.weights["vgg"]:
            self._taps["vgg"] = _vgg(hparams.vgg_weights, hparams.vgg_size)
        if hparams.weights["rho"]:
            self._taps["rho"] = _rho(hparams.rho, front.settings)

    def terms(self, generated: tf.Tensor, truth: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Means over a network's taps of the mean absolute differences there.

        Args:
            generated: Log-mel, float32 `[batch, frames, bands]` in about [-1, 1].
            truth: The same of what it should be.
        """
        return {
            name: _distance(taps(generated), taps(truth))
            for name, taps in self._taps.items()
        }


def _distance(
    of_generated: Sequence[tf.Tensor], of_truth: Sequence[tf.Tensor]
) -> tf.Tensor:
    differences = [
        tf.reduce_mean(tf.abs(tf.cast(a, tf.float32) - tf.cast(b, tf.float32)))
        for a, b in zip(of_generated, of_truth, strict=True)
    ]
    return tf.add_n(differences) / len(differences)


def _vgg(weights: str, size: int) -> Taps:
    """VGG16 of spectrograms as grey pictures of `size` rows and columns."""
    network = keras.applications.VGG16(weights=None, include_top=False)
    if weights:
        _read_vgg(network, Path(weights))
    else:
        _draw_vgg(network)
        logging.warning(
            "The term vgg compares random convolutional features: no vgg_weights is "
            "given."
        )
    outputs = [network.get_layer(name).output for name in VGG_TAPS]
    tapped = keras.Model(network.inputs, outputs)

    def taps(log_mel: tf.Tensor) -> list[tf.Tensor]:
        picture = 127.5 * (log_mel[..., tf.newaxis] + 1.0)
        if size:
            picture = tf.image.resize(picture, [size, size])
        colours = tf.repeat(picture, 3, axis=-1)
        return tapped(keras.applications.vgg16.preprocess_input(colours))

    return taps


def _read_vgg(network: keras.Model, path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"vgg_weights={str(path)!r} is not there; name Keras's file of VGG16's "
            "weights (.h5), or none."
        )
    wanted = {layer.name for layer in network.layers if layer.weights}
    try:
        with h5py.File(path) as file:
            names = {
                name if isinstance(name, str) else name.decode()
                for name in file.attrs.get("layer_names", ())
            }
        if not wanted <= names:
            raise ValueError(f"it has no {min(wanted - names)}")
        network.load_weights(path, by_name=True)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"vgg_weights={str(path)!r} is not Keras's file of VGG16's weights "
            f"({str(error).splitlines()[0]}); name vgg16_weights_*.h5."
        ) from error


def _draw_vgg(network: keras.Model) -> None:
    """Random kernels, the same in every run, that keep the size of what they see."""
    random = np.random.default_rng(0)
    for layer in network.layers:
        if layer.weights:
            shape = layer.kernel.shape
            deviation = np.sqrt(2.0 / np.prod(shape[:-1]))
            layer.kernel.assign(deviation * random.standard_normal(shape, np.float32))


def _rho(folder: str, front: Mapping[str, Any]) -> Taps:
    """A trained CP-ResNet with its batch normalisation at rest."""
    if not folder:
        raise ValueError(
            "rho='' must name a CP-ResNet that `python -m tf_mt.train_embedder "
            "--architecture=cp_resnet` trained on this model's spectrograms; or "
            "--weights=rho:0 leaves the term out."
        )
    about, network = classifier.load(Path(folder))
    if not isinstance(network, cp_resnet.Network):
        raise ValueError(
            f"rho={folder!r} is a {about.title}; train one with "
            "--architecture=cp_resnet."
        )
    if about.front != front:
        differing = ", ".join(
            f"{name} {about.front[name]} instead of {value}"
            for name, value in front.items()
            if about.front[name] != value
        )
        raise ValueError(
            f"rho={folder!r} was trained on spectrograms with {differing}; train it "
            "with --front=lord/PRESET."
        )
    return network.taps
