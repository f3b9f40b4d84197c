"""Codes are the curve of ITU-T G.711 rounded down, and decode to the middle of bins."""

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import mu_law

CODES = np.arange(256, dtype=np.int32)


def encoded(audio):
    return mu_law.encode(tf.constant(audio, tf.float32)).numpy()


def decoded(codes, biased=False):
    return mu_law.decode(tf.constant(codes), biased).numpy()


def snr_db(biased):
    audio = np.random.default_rng(0).normal(0.0, 0.1, 100_000)
    error = decoded(encoded(audio), biased) - audio
    return 10.0 * np.log10(np.mean(audio**2) / np.mean(error**2))


def test_silence_is_127_and_full_scale_the_ends():
    codes = encoded([0.0, -1.0, 1.0])
    assert codes.dtype == np.int32
    assert codes.tolist() == [127, 0, 255]


def test_what_is_louder_is_clipped():
    assert encoded([-1.5, 1.5, -np.inf, np.inf]).tolist() == [0, 255, 0, 255]


def test_it_is_the_mu_law_rounded_down():
    audio = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 1000)).astype(np.float32)
    companded = np.sign(audio) * np.log(1.0 + 255.0 * np.abs(audio)) / np.log(256.0)
    expected = (companded + 1.0) / 2.0 * 255.0
    codes = encoded(audio)
    assert codes.shape == audio.shape
    assert np.all(np.abs(codes + 0.5 - expected) < 0.5 + 1e-4)


def test_codes_survive_the_way_there_and_back():
    np.testing.assert_array_equal(encoded(decoded(CODES)), CODES)


def test_biased_codes_come_back_one_lower():
    lower = np.maximum(CODES - 1, 0)
    np.testing.assert_array_equal(encoded(decoded(CODES, biased=True)), lower)


def test_audio_comes_back_within_a_step():
    audio = np.linspace(-1.0, 1.0, 10_001, dtype=np.float32)
    steps = np.pad(np.diff(decoded(CODES)), 1, mode="edge")
    largest = np.maximum(steps[:-1], steps[1:])[encoded(audio)]
    assert np.all(np.abs(decoded(encoded(audio)) - audio) < largest)


@pytest.mark.parametrize(("biased", "expected_db"), [(False, 37.8), (True, 26.4)])
def test_noise_of_minus_20_db_keeps_its_distance_from_the_rounding(biased, expected_db):
    assert snr_db(biased) == pytest.approx(expected_db, abs=0.3)


def test_the_table_of_the_published_code():
    table = decoded(CODES, biased=True)
    assert table[0] == -1.0
    assert table[128] == 0.0
    assert table[255] == pytest.approx(0.9574, abs=5e-5)


def test_the_middle_of_a_bin_is_odd_around_silence():
    table = decoded(CODES)
    assert table[127] == 0.0
    assert table[255] == 1.0
    np.testing.assert_allclose(table[:127], -table[128:255][::-1], atol=1e-6)
    assert np.all(np.diff(table) > 0)


def test_networks_see_codes_between_the_halves():
    scaled = mu_law.scale(tf.constant(CODES)).numpy()
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, np.linspace(-0.5, 0.5, 256), atol=1e-7)
