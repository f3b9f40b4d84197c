"""The perceptual terms of LORD: what they compare, and what they refuse."""

import dataclasses

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset, models
from tf_mt.embedders import classifier, cnn, cp_resnet
from tf_mt.layers import spectrogram
from tf_mt.models.lord import model as lord_model
from tf_mt.models.lord import perceptual

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute"), indexed_clips=6)
TINY = models.preset("lord", "tiny").model
FRONT = spectrogram.LogMel(8000, 512, 128, 32, 0.0)


def hparams(vgg=0.0, rho=0.0, **changes):
    return dataclasses.replace(TINY, weights={"vgg": vgg, "rho": rho}, **changes)


def spectrograms(seed):
    return tf.random.stateless_uniform([2, 32, 32], [seed, 0], -1.0, 1.0)


@pytest.fixture
def rho(tmp_path):
    """A CP-ResNet that was trained, so to say."""
    sizes = {"rho": 3, "channels": 4}
    network = cp_resnet.Network(2, **sizes)
    for number, variable in enumerate(network.trainable_variables):
        noise = tf.random.stateless_normal(variable.shape, [number, 0])
        variable.assign(variable + 0.2 * noise)
    saved(tmp_path / "rho", network, architecture="cp_resnet", sizes=sizes)
    return tmp_path / "rho"


def saved(folder, network, front=FRONT, **changes):
    about = {"dataset": "toy", "domains": ("violin", "flute"), "steps": 1, "seed": 0}
    accuracies = {"validation_accuracy": 1.0, "test_accuracy": 1.0}
    about |= accuracies | {"front": front.settings, "frames": 32} | changes
    classifier.save(folder, classifier.About(**about), network)


def test_without_weights_there_is_no_network():
    assert perceptual.Networks(hparams(), FRONT).terms(*map(spectrograms, (0, 1))) == {}


def test_the_term_rho_is_the_mean_difference_at_the_taps(rho):
    _, network = classifier.load(rho)
    networks = perceptual.Networks(rho_config(rho), FRONT)
    term = networks.terms(spectrograms(0), spectrograms(1))["rho"]
    taps = [network.taps(spectrograms(seed)) for seed in (0, 1)]
    expected = np.mean(
        [np.abs(a - b).mean() for a, b in zip(*taps, strict=True)],
    )
    assert expected > 0.01
    assert float(term) == pytest.approx(expected, rel=1e-5)
    assert float(networks.terms(spectrograms(0), spectrograms(0))["rho"]) == 0.0


def test_random_features_are_the_same_in_every_run_and_said(caplog):
    first, second = (perceptual.Networks(hparams(vgg=1.0), FRONT) for _ in range(2))
    assert "compares random convolutional features" in caplog.text
    x, y = spectrograms(0), spectrograms(1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        term = first.terms(x, y)["vgg"]
    assert float(term) == float(second.terms(x, y)["vgg"])
    assert float(term) > 1.0
    assert np.abs(tape.gradient(term, x)).max() > 0


def test_kernels_of_random_features_keep_the_size_of_what_they_see():
    network = keras.applications.VGG16(weights=None, include_top=False)
    perceptual._draw_vgg(network)
    first, last = (
        keras.Model(network.inputs, network.get_layer(name).output)
        for name in ("block1_conv2", "block5_conv3")
    )
    x = tf.random.stateless_normal([2, 64, 64, 3], [0, 0])
    ratio = np.square(last(x)).mean() / np.square(first(x)).mean()
    assert 0.2 < ratio < 5.0


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    """A file in the layout of Keras's release, with weights that say where they are."""
    path = tmp_path_factory.mktemp("vgg") / "vgg16.h5"
    network = keras.applications.VGG16(weights=None, include_top=False)
    with h5py.File(path, "w") as file:
        names = [layer.name for layer in network.layers]
        file.attrs["layer_names"] = [name.encode() for name in names]
        for number, layer in enumerate(network.layers):
            group = file.create_group(layer.name)
            weights = [
                f"{layer.name}_{kind}_1:0" for kind in "Wb"[: len(layer.weights)]
            ]
            group.attrs["weight_names"] = [name.encode() for name in weights]
            for name, variable in zip(weights, layer.weights, strict=True):
                group[name] = np.full(variable.shape, 1e-3 * number, np.float32)
    return path


def test_weights_of_vgg16_are_read(vgg_file):
    network = keras.applications.VGG16(weights=None, include_top=False)
    perceptual._read_vgg(network, vgg_file)
    for number, layer in enumerate(network.layers):
        for variable in layer.weights:
            np.testing.assert_allclose(variable, 1e-3 * number, rtol=1e-6)


def test_a_named_file_is_compared_by(vgg_file, caplog):
    named = perceptual.Networks(hparams(vgg=1.0, vgg_weights=str(vgg_file)), FRONT)
    assert "random" not in caplog.text
    random = perceptual.Networks(hparams(vgg=1.0), FRONT)
    x, y = spectrograms(0), spectrograms(1)
    assert float(named.terms(x, y)["vgg"]) != float(random.terms(x, y)["vgg"])


def test_other_files_are_refused(tmp_path):
    nowhere, other, text = (
        tmp_path / name for name in ("no.h5", "other.h5", "text.h5")
    )
    with h5py.File(other, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
    text.write_text("nothing")
    with pytest.raises(FileNotFoundError, match=r"no.h5' is not there; name Keras's"):
        perceptual.Networks(hparams(vgg=1.0, vgg_weights=str(nowhere)), FRONT)
    with pytest.raises(ValueError, match=r"VGG16's weights \(it has no block1_conv1\)"):
        perceptual.Networks(hparams(vgg=1.0, vgg_weights=str(other)), FRONT)
    with pytest.raises(ValueError, match=r"text.h5' is not Keras's file of VGG16's"):
        perceptual.Networks(hparams(vgg=1.0, vgg_weights=str(text)), FRONT)


def rho_config(folder):
    return dataclasses.replace(TINY, weights={"vgg": 0.0, "rho": 1.0}, rho=str(folder))


def test_a_cp_resnet_that_does_not_fit_is_refused(rho, tmp_path):
    with pytest.raises(ValueError, match="rho='' must name a CP-ResNet that `python"):
        perceptual.Networks(rho_config(""), FRONT)
    saved(tmp_path / "cnn", cnn.Network(2), architecture="cnn", sizes={})
    with pytest.raises(ValueError, match="cnn' is a CNN; train one with --architect"):
        perceptual.Networks(rho_config(tmp_path / "cnn"), FRONT)
    finer = spectrogram.LogMel(8000, 512, 64, 32, 0.0)
    with pytest.raises(ValueError, match="spectrograms with hop 128 instead of 64; "):
        perceptual.Networks(rho_config(rho), finer)


def test_a_model_learns_by_them_and_does_not_hold_them(rho):
    keras.utils.set_random_seed(0)
    config = dataclasses.replace(
        TINY, weights={"vgg": 1.0, "rho": 1.0, "l22": 0.0}, rho=str(rho)
    )
    model = lord_model.Lord(config, INFO)
    before = len(model.weights)
    training = models.preset("lord", "tiny").training
    model.compile(model.make_optimizers(training))
    assert len(model.weights) == before
    kernel = model.generator.head.convolution.kernel
    first = kernel.numpy()
    batch = {
        "audio": tf.random.stateless_normal(
            [2, model.clip_samples], [3, 7], stddev=0.1
        ),
        "domain": tf.constant([0, 1]),
        "clip": tf.constant([0, 3]),
        "seed": tf.constant([0, 0]),
        "step": tf.constant(0, tf.int64),
    }
    terms = model.train_step(batch)
    assert float(terms["vgg"]) > 0
    assert float(terms["rho"]) > 0
    assert np.abs(kernel - first).max() > 0
