import dataclasses
import importlib.util
import sys
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset
from tf_mt.layers import spectrogram, spectrogram_vae
from tf_mt.models import replicas
from tf_mt.models.vae_gan import configuration
from tf_mt.models.vae_gan import model as vae_gan

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_io") is None,
    reason="tensorflow-io has no wheel for this Python",
)

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute", "trumpet"))
TINY = configuration.PRESETS["tiny"].model
QUIET = {"adversarial": 0.0, "cycle": 0.0, "latent": 0.0}


def made(**changes):
    keras.utils.set_random_seed(0)
    return vae_gan.VaeGan(dataclasses.replace(TINY, noise=0.0, **changes), INFO)


def batch_for(model, step=0):
    shape = [4, 3, model.clip_samples]
    return {
        "audio": tf.random.stateless_normal(shape, [0, 0], stddev=0.1),
        "domain": tf.constant([[0, 1, 2]] * 4),
        "seed": tf.constant([0, step]),
        "step": tf.constant(step, tf.int64),
    }


def encoder_input(model, batch, training=True):
    """What the encoder is given first."""
    encoder = spectrogram_vae.Encoder
    with mock.patch.object(
        encoder, "call", autospec=True, side_effect=encoder.call
    ) as call:
        model.objectives(batch, training)
    return call.call_args_list[0].args[1].numpy()


def truth(model, batch):
    log_mel = model.front.log_mel(batch["audio"]).numpy()
    return log_mel.reshape(-1, *log_mel.shape[2:])


def test_without_masks_nothing_is_silenced():
    model = made()
    batch = batch_for(model)
    np.testing.assert_allclose(
        encoder_input(model, batch), truth(model, batch), atol=0.1
    )


def test_masks_are_for_training_alone():
    model = made(mask_frames=8, mask_bands=4)
    batch = batch_for(model)
    clear = truth(model, batch)
    np.testing.assert_array_equal(encoder_input(model, batch, training=False), clear)
    assert (encoder_input(model, batch) == spectrogram.SILENCE).any()


@pytest.mark.parametrize(
    ("changes", "axis"), [({"mask_frames": 8}, 1), ({"mask_bands": 4}, 2)]
)
def test_each_config_field_masks_its_axis(changes, axis):
    batch = batch_for(made())
    masked, clear = encoder_input(made(**changes), batch), encoder_input(made(), batch)
    silent = masked != clear
    assert (masked[silent] == spectrogram.SILENCE).all()
    widths = silent.any(axis=3 - axis).sum(axis=1)
    assert 0 < widths.max() <= next(iter(changes.values()))
    assert len(set(widths)) > 1


def test_masks_differ_from_step_to_step_and_repeat():
    model = made(mask_frames=8)
    first, again, later = (
        encoder_input(model, batch_for(model, step)) for step in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    silent = [(rows == spectrogram.SILENCE).all(axis=2) for rows in (first, later)]
    assert (silent[0] != silent[1]).any()


def test_the_truth_to_be_reconstructed_is_not_masked():
    masked, clear = made(mask_frames=8, weights=QUIET), made(weights=QUIET)
    batch = batch_for(masked)
    rows = encoder_input(masked, batch)
    spoiled = masked.generator(masked.encoder(rows), tf.reshape(batch["domain"], [-1]))
    expected = np.abs(spoiled.numpy() - truth(masked, batch)).mean()
    [objective] = masked.objectives(batch, training=True)
    np.testing.assert_allclose(objective.terms["reconstruction"], expected, rtol=1e-5)
    [objective] = clear.objectives(batch, training=True)
    assert abs(float(objective.terms["reconstruction"]) - expected) > 1e-6


def test_seeds_of_two_replicas_are_those_of_one():
    batch = {"seed": tf.constant([3, 7])}
    strategy = tf.distribute.MirroredStrategy(
        [device.name for device in tf.config.list_logical_devices("CPU")],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    assert strategy.num_replicas_in_sync == 2

    def seeds(rows):
        return replicas.example_seeds(tf.zeros([rows, 5]), batch, stream=3)

    shared = strategy.run(seeds, args=(3,))
    whole = seeds(6)
    assert whole.shape == (6, 2) and whole.dtype == tf.int32
    np.testing.assert_array_equal(tf.concat(shared.values, axis=0), whole)
    assert len(np.unique(whole, axis=0)) == 6
    other = replicas.example_seeds(tf.zeros([6, 5]), batch, stream=4)
    assert (whole != other).numpy().any(axis=1).all()


def test_refuses_masks_as_wide_as_the_clip():
    with pytest.raises(ValueError, match="mask_frames=32 must be below clip_frames=32"):
        dataclasses.replace(TINY, mask_frames=32)
    with pytest.raises(ValueError, match="mask_bands=16 must be below bands=16"):
        dataclasses.replace(TINY, mask_bands=16)


def test_without_tensorflow_io_only_training_with_masks_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    model, clear = made(mask_frames=8), made()
    model.translate(tf.zeros([1, model.clip_samples]), tf.constant([0]))
    clear.compile({part: keras.optimizers.Adam() for part in clear.parts()})
    with pytest.raises(ValueError, match="Masks need tensorflow-io"):
        model.compile({part: keras.optimizers.Adam() for part in model.parts()})
