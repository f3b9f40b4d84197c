"""Loudness in a graph is that of the metric."""

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import k_weighting
from tf_mt.evaluation.metrics import loudness as metric
from tf_mt.layers import loudness


def lufs(audio, rate_hz):
    power = loudness.Loudness(rate_hz).power(tf.constant(audio[np.newaxis]))
    return k_weighting.OFFSET_DB + 10.0 * np.log10(power.numpy()[0])


def phrase(rate_hz, seconds):
    """Noise and a tone, with a rest and a quiet end."""
    random = np.random.default_rng(0)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    audio = 0.3 * np.sin(2 * np.pi * 440.0 * time)
    audio += 0.05 * random.standard_normal(len(time))
    audio[len(time) // 3 : len(time) // 2] = 0.0
    audio[-len(time) // 4 :] *= 0.01
    return audio.astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
@pytest.mark.parametrize("seconds", [0.1, 0.39, 1.0, 5.0])
def test_it_is_the_loudness_of_the_metric(rate_hz, seconds):
    audio = phrase(rate_hz, seconds)
    expected = metric.integrated_lufs(audio, rate_hz)
    assert lufs(audio, rate_hz) == pytest.approx(expected, abs=0.05)


def test_a_full_scale_sine_has_3_lufs_less():
    time = np.arange(96_000) / 48_000
    sine = np.sin(2 * np.pi * 997.0 * time).astype(np.float32)
    assert lufs(sine, 48_000) == pytest.approx(-3.01, abs=0.02)


def test_audio_becomes_as_loud_as_its_source():
    of = loudness.Loudness(16_000)
    audio = tf.constant([phrase(16_000, 2.0)])
    source = 0.05 * tf.random.stateless_normal([1, 40_000], [0, 0])
    matched = of.matched(audio, of.power(source)).numpy()
    assert metric.integrated_lufs(matched[0], 16_000) == pytest.approx(
        metric.integrated_lufs(source[0].numpy(), 16_000), abs=0.05
    )


def test_silence_stays_silence_and_noise_is_not_raised_without_end():
    of = loudness.Loudness(16_000)
    audio = tf.constant([phrase(16_000, 1.0)])
    silent = of.matched(audio, of.power(tf.zeros([1, 16_000])))
    np.testing.assert_array_equal(silent, np.zeros((1, 16_000)))
    quiet = of.matched(1e-6 * audio, of.power(audio))
    assert np.abs(quiet).max() < 1e-3
    assert np.isfinite(of.matched(tf.zeros([1, 16_000]), of.power(audio))).all()


def test_what_has_higher_peaks_than_its_source_is_not_clipped():
    of = loudness.Loudness(16_000)
    clicks = np.zeros((1, 16_000), np.float32)
    clicks[0, ::800] = 0.1
    source = tf.constant([phrase(16_000, 1.0)])
    matched = of.matched(tf.constant(clicks), of.power(source)).numpy()
    assert 0.9 < np.abs(matched).max() <= 1.0


def test_the_limiter_leaves_what_is_below_full_scale():
    random = np.random.default_rng(0)
    audio = random.uniform(-0.9, 0.9, (2, 1003)).astype(np.float32)
    np.testing.assert_array_equal(loudness.limited(tf.constant(audio), 40), audio)
    audio[1, 500] = 3.0
    changed = loudness.limited(tf.constant(audio), 40).numpy()
    np.testing.assert_array_equal(changed[0], audio[0])
    assert np.abs(changed).max() <= 1.0
    assert changed[1, 500] > 0.99
    gain = changed[1] / audio[1]
    np.testing.assert_allclose(gain[:400], 1.0, rtol=1e-6)
    np.testing.assert_allclose(gain[600:], 1.0, rtol=1e-6)
    assert np.abs(np.diff(gain)).max() < 0.04
