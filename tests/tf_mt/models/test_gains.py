"""The gains of a spectrum: what is learned of noise whose treble is known."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config, dataset, models

INFO = dataset.DatasetInfo("toy", 16_000, ("dull", "bright"))
# Of what is above 2 kHz, in decibels of what is below.
TREBLE_DB = (-30.0, -6.0)


def noise(domain, samples, seed=0):
    """The same noise in every domain but for its treble."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    high = np.fft.rfftfreq(samples, 1 / INFO.sample_rate_hz) > 2000.0
    spectrum[high] *= 10 ** (TREBLE_DB[domain] / 20)
    return (0.05 * np.fft.irfft(spectrum, samples)).astype(np.float32)


def untrained(**changed):
    keras.utils.set_random_seed(0)
    chosen = models.preset("gains", "tiny").model
    return models.approach("gains").model(dataclasses.replace(chosen, **changed), INFO)


@pytest.fixture(scope="module")
def trained():
    model = untrained()
    training = config.Training(learning_rate=5e-3, decay_from=1.0)
    model.compile(model.make_optimizers(training))
    step = tf.function(model.train_step)
    for number in range(250):
        clips = [noise(domain, model.clip_samples, number) for domain in (0, 1)]
        step(
            {
                "audio": tf.constant(np.stack(clips)[np.newaxis]),
                "domain": tf.constant([[0, 1]]),
                "seed": tf.constant([0, number]),
                "step": tf.constant(number, tf.int64),
            }
        )
    return model


def treble_db(audio):
    power = np.abs(np.fft.rfft(audio)) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / INFO.sample_rate_hz)
    high, low = (np.mean(power[of]) for of in (hz > 2500.0, hz < 1500.0))
    return 10 * np.log10(high / low)


def translate(model, audio, domain):
    made = model.translate(tf.constant(audio[np.newaxis]), tf.constant([domain]))
    return made[0].numpy()


def test_an_untrained_network_changes_little():
    source = noise(0, 24_000)
    made = translate(untrained(), source, 1)
    assert np.sqrt(np.mean((made - source) ** 2)) < 0.05 * np.sqrt(np.mean(source**2))


@pytest.mark.parametrize("domain", [0, 1])
@pytest.mark.parametrize("source", [0, 1])
def test_the_gains_are_those_from_the_source_to_the_domain(trained, source, domain):
    made = translate(trained, noise(source, 24_000, seed=1000), domain)
    assert treble_db(made) == pytest.approx(TREBLE_DB[domain], abs=4.0)


def test_silence_and_short_clips_are_finite(trained):
    for samples in (1, 100, 5000):
        made = translate(trained, np.zeros(samples, np.float32), 0)
        assert made.shape == (samples,)
        assert not np.any(made)


def test_parameters_are_those_of_the_layers():
    model = models.approach("gains").model(models.preset("gains", "small").model, INFO)
    block = 7 * 256 + 256 + 512 + 256 * 768 + 768 + 768 * 256 + 256 + 256
    ends = 3 * 1024 * 256 + 256 + 512 + 512 + 256 * 1024 + 1024
    found = sum(int(np.prod(v.shape)) for v in model.part_variables("network"))
    assert found == ends + 6 * (block + 2 * 256)
