"""Seams of segments are inaudible, with decoders trained on steady tones."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tf_mt import steadiness
from tf_mt import dataset
from tf_mt.audio import segments
from tf_mt.models import umt

pytestmark = pytest.mark.slow

RATE_HZ = 8000
SECONDS = 4
HPARAMS = dataclasses.replace(
    umt.PRESETS["tiny"].model,
    encoder_kernel=256,
    encoder_stride=20,
    hop=80,
    clip_frames=10,
    decoder_channels=24,
    decoder_layers=4,
    decoder_noise=0.05,
    warmup_samples=200,
    temperature=0.0,
    output="mean",
    weights={"confusion": 0.0},
)
STEPS, ROWS = 400, 8
# Segments of whole periods would be in phase by coincidence.
PITCHES_HZ = (253.7, 293.9, 331.1, 441.3)
ENDS = slice(10, -10)


def tones(pitches_hz, samples, starts):
    """A fundamental and its octave: float32 `[..., samples]`."""
    phase = 2 * np.pi * np.expand_dims(pitches_hz, -1) * np.arange(samples) / RATE_HZ
    phase += np.expand_dims(starts, -1)
    return (0.2 * np.sin(phase) + 0.1 * np.sin(2 * phase + 1)).astype(np.float32)


@functools.cache
def trained():
    keras.utils.set_random_seed(0)
    model = umt.Umt(HPARAMS, dataset.DatasetInfo("toy", RATE_HZ, ("tone",)))
    model.compile({"autoencoder": keras.optimizers.Adam(3e-3)}, clip_norm=1.0)
    step, random = tf.function(model.train_step), np.random.default_rng(0)
    for number in range(STEPS):
        pitches_hz = 220.0 * 2.0 ** random.uniform(0, 2, [ROWS, 1])
        starts = random.uniform(0, 2 * np.pi, [ROWS, 1])
        batch = {
            "audio": tf.constant(tones(pitches_hz, model.clip_samples, starts)),
            "domain": tf.zeros([ROWS, 1], tf.int32),
            "seed": tf.constant([0, number]),
            "step": tf.constant(number, tf.int64),
        }
        loss = step(batch)["reconstruction"]
    assert loss < 3.0 < np.log(256.0)
    return model


def deviations_db(count):
    """Deviation of the level in 20 ms, for each pitch, decoded in `count` segments."""
    hparams = dataclasses.replace(HPARAMS, segments=count)
    model = umt.Umt(hparams, trained().info)
    model.set_weights(trained().get_weights())
    assert (
        -(
            -SECONDS
            * RATE_HZ
            // (HPARAMS.hop * model.segment_decoder.segment_frames(400))
        )
        == count
    )
    found = []
    for pitch_hz in PITCHES_HZ:
        audio = tones([pitch_hz], SECONDS * RATE_HZ, [0.0])
        translated = model.translate(tf.constant(audio), tf.constant([0]))[0].numpy()
        levels_db = steadiness.levels_db(translated, pitch_hz, RATE_HZ)[ENDS]
        # The two sines have -16 dB together.
        assert np.median(levels_db) == pytest.approx(-16.0, abs=1.0)
        found.append(steadiness.deviation_db(levels_db))
    return found


@pytest.mark.parametrize("count", [1, 20, 40])
def test_what_is_steady_stays_steady(count):
    assert max(deviations_db(count)) < 0.5


def test_without_alignment_seams_are_audible(monkeypatch):
    join = segments.join
    monkeypatch.setattr(segments, "join", lambda *sizes: join(*sizes[:4], 0))
    assert min(deviations_db(20)) > 0.5
