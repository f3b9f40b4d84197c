"""The vocoder learns magnitudes that the least-squares inverse does not have."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.evaluation.metrics import stft_distance
from tf_mt.layers import spectrogram, synthesis
from tf_mt.vocoders import configuration, vocoder

INFO = dataset.DatasetInfo("toy", 8000, ("pure", "rich"))
FRONT = spectrogram.LogMel(8000, 512, 128, 40, 40.0)
TINY = configuration.PRESETS["tiny"].model


def made(**changes):
    keras.utils.set_random_seed(0)
    return vocoder.Vocoder(dataclasses.replace(TINY, **changes), FRONT, INFO)


def batch(seed, rows=4, samples=16 * 128):
    """Tones of some partials, which lie between the bands' centres."""
    random = np.random.default_rng(seed)
    time = np.arange(samples) / INFO.sample_rate_hz
    pitch_hz = random.uniform(200.0, 500.0, (rows, 1))
    partials = [np.sin(2 * np.pi * k * pitch_hz * time) / k for k in range(1, 7)]
    return {
        "audio": tf.constant(0.2 * np.sum(partials, axis=0), tf.float32),
        "domain": tf.constant(np.arange(rows) % 2, tf.int32),
        "seed": tf.constant([seed, 0]),
        "step": tf.constant(0, tf.int64),
    }


def compiled(**changes):
    model = made(**changes)
    training = config.Training(learning_rate=3e-3, decay_from=1.0)
    model.compile(model.make_optimizers(training), clip_norm=1.0)
    return model


def test_training_brings_resynthesis_nearer_to_the_truth():
    model = compiled(channels=32)
    step = tf.function(model.train_step)
    for seed in range(150):
        step(batch(seed))
    truth = batch(1000)["audio"]
    log_mel = FRONT.log_mel(truth)
    least_squares = synthesis.Pghi(FRONT, vocoder.ITERATIONS).synthesise(log_mel, None)
    by_network, by_bands = (
        np.mean(
            [
                stft_distance.distance(*pair, 8000)
                for pair in zip(truth.numpy(), made, strict=True)
            ]
        )
        for made in (model.resynthesise(truth).numpy(), least_squares.numpy())
    )
    assert by_network < 0.8 * by_bands


@pytest.mark.parametrize("adversarial", [0.0, 0.1])
def test_a_step_moves_every_part_by_declared_terms(adversarial):
    model = compiled(weights={**TINY.weights, "adversarial": adversarial})
    before = {
        part: [v.numpy() for v in model.part_variables(part)] for part in model.parts()
    }
    assert set(before) == {"network"} | ({"discriminator"} if adversarial else set())
    # The last layer begins as zeros: only it moves in the first step.
    for seed in range(2):
        terms = model.train_step(batch(seed))
    assert set(terms) <= set(model.terms)
    assert all(np.isfinite(value) for value in terms.values())
    for part, old in before.items():
        new = model.part_variables(part)
        assert all(np.any(a != b) for a, b in zip(old, new, strict=True)), part


def test_parts_hold_every_trainable_variable_once():
    model = made(weights={**TINY.weights, "adversarial": 0.1})
    held = [v for part in model.parts() for v in model.part_variables(part)]
    assert len(held) == len({id(v) for v in held})
    assert {id(v) for v in held} == {id(v) for v in model.trainable_variables}


def test_silence_stays_silent_and_finite():
    sound = made().resynthesise(tf.zeros([1, 4096]))
    assert float(tf.reduce_max(tf.abs(sound))) < 10.0 ** (-50.0 / 20.0)


def test_a_recording_sounds_alike_whole_and_in_part():
    """But for the frames at the ends that the network sees cut off."""
    model = compiled(channels=32)
    for seed in range(3):
        model.train_step(batch(seed))
    audio = batch(7, rows=1, samples=64 * 128)["audio"]
    log_mel = FRONT.log_mel(audio)
    whole, part = model.magnitudes(log_mel), model.magnitudes(log_mel[:, 16:48])
    np.testing.assert_allclose(whole[:, 24:40], part[:, 8:24], rtol=1e-3, atol=1e-6)
