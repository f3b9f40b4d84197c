"""The tables of levels: what they learn of tones whose harmonics are known."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config, dataset, models
from tf_mt.layers import harmonics as layer

INFO = dataset.DatasetInfo("toy", 16_000, ("dull", "bright"))
DECIBELS = np.array([[0.0, -20.0, -30.0, -40.0], [0.0, -3.0, -6.0, -9.0]])


def tone(pitch_hz, decibels, samples):
    time = np.arange(samples) / INFO.sample_rate_hz
    parts = [
        10 ** (level / 20) * np.sin(2 * np.pi * pitch_hz * (n + 1) * time + n)
        for n, level in enumerate(decibels)
    ]
    noise = 1e-4 * np.random.default_rng(0).standard_normal(samples)
    return (0.1 * np.sum(parts, axis=0) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    chosen = models.preset("harmonics", "tiny").model
    made = models.approach("harmonics").model(
        dataclasses.replace(chosen, clip_samples=8192), INFO
    )
    training = config.Training(learning_rate=3e-2, decay_from=1.0)
    made.compile(made.make_optimizers(training))
    step = tf.function(made.train_step)
    for number in range(80):
        pitch_hz = 200.0 * 2 ** (number % 10 / 20)
        clips = [tone(pitch_hz, levels, made.clip_samples) for levels in DECIBELS]
        step(
            {
                "audio": tf.constant(np.stack(clips)),
                "domain": tf.constant([0, 1]),
                "seed": tf.constant([0, number]),
                "step": tf.constant(number, tf.int64),
            }
        )
    return made


def levels(audio, pitch_hz):
    middle = audio[4000:20_000] * np.hanning(16_000)
    time = np.arange(16_000) / INFO.sample_rate_hz
    found = [
        np.abs(np.sum(middle * np.exp(-2j * np.pi * pitch_hz * n * time)))
        for n in range(1, 5)
    ]
    return 20 * np.log10(np.array(found) / found[0])


@pytest.mark.parametrize(("domain", "other"), [(0, 1), (1, 0)])
def test_a_tone_is_given_the_harmonics_of_a_domain(model, domain, other):
    source = tone(233.0, DECIBELS[other], 24_000)
    made = model.translate(tf.constant(source[np.newaxis]), tf.constant([domain]))
    found = levels(made[0].numpy(), 233.0)
    np.testing.assert_allclose(found, DECIBELS[domain], atol=6.0)


def test_pitches_that_were_not_heard_have_the_table_of_others(model):
    table = layer.parted(model.timbre(tf.constant([1])))[0][0].numpy()
    heard = model.counts[1].numpy() > 0
    assert 5 < heard.sum() < 20
    first = layer.POINTS_PER_HARMONIC * np.arange(1, 5)
    relative = table[:, first] - table[:, first[:1]]
    for row in np.flatnonzero(~heard):
        np.testing.assert_allclose(relative[row], DECIBELS[1], atol=6.0)


def test_a_reference_of_the_domain_has_about_its_table(model):
    reference = tone(233.0, DECIBELS[1], 24_000)[np.newaxis]
    own = model.reference_timbre(tf.constant(reference))
    known = model.timbre(tf.constant([1]))
    row = 58 - layer.PITCHES[0]
    places = layer.POINTS_PER_HARMONIC * np.arange(1, 5)
    own, known = (layer.parted(x)[0][0].numpy()[row, places] for x in (own, known))
    own, known = (x - x[0] for x in (own, known))
    np.testing.assert_allclose(own, known, atol=4.0)
