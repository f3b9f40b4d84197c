"""Statistics of spectra in units of the pitch, by tones whose harmonics are known."""

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import harmonics

RATE_HZ = 16_000
SECONDS = 2.0
# A peak that lies between two bins is measured up to 1.4 dB too low.
# Amplitudes of harmonics, in decibels below the first.
DULL = np.array([0.0, -12.0, -24.0, -36.0, -48.0])
BRIGHT = np.array([0.0, -3.0, -20.0, -6.0, -10.0])


def tone(pitch_hz, decibels, rate_hz=RATE_HZ):
    time = np.arange(round(SECONDS * rate_hz)) / rate_hz
    parts = [
        10 ** (level / 20) * np.sin(2 * np.pi * pitch_hz * (n + 1) * time + n)
        for n, level in enumerate(decibels)
    ]
    noise = 1e-5 * np.random.default_rng(0).standard_normal(len(time))
    return (0.1 * np.sum(parts, axis=0) + noise).astype(np.float32)[np.newaxis]


def levels(audio, pitch_hz, rate_hz=RATE_HZ):
    """Amplitudes of the harmonics, in decibels below the first."""
    middle = audio[0, 8000:24_000] * np.hanning(16_000)
    time = np.arange(16_000) / rate_hz
    found = [
        np.abs(np.sum(middle * np.exp(-2j * np.pi * pitch_hz * n * time)))
        for n in range(1, 6)
    ]
    return 20 * np.log10(np.array(found) / found[0])


def given(audio, reference, rate_hz=RATE_HZ):
    one = harmonics.Harmonics(rate_hz)
    return one.give(tf.constant(audio), one.measure(tf.constant(reference))).numpy()


@pytest.mark.parametrize("pitch_hz", [220.0, 233.0, 330.0])
def test_a_tone_is_given_the_harmonics_of_another_pitch(pitch_hz):
    source = tone(pitch_hz, DULL)
    made = given(source, tone(250.0, BRIGHT))
    assert made.shape == source.shape
    np.testing.assert_allclose(levels(made, pitch_hz), BRIGHT, atol=3.5)
    # The power of frames stays, within the dB that overlapping frames disagree by.
    inner = slice(4000, -4000)
    power = [np.mean(np.square(x[0, inner])) for x in (source, made)]
    assert power[1] == pytest.approx(power[0], rel=0.25)


def test_means_are_those_of_the_nearest_pitch():
    reference = np.concatenate([tone(220.0, BRIGHT), tone(440.0, DULL)], axis=1)
    np.testing.assert_allclose(
        levels(given(tone(220.0, DULL), reference), 220.0), BRIGHT, atol=3.5
    )
    np.testing.assert_allclose(
        levels(given(tone(440.0, BRIGHT), reference), 440.0)[:4], DULL[:4], atol=3.5
    )


def test_a_recording_of_the_same_harmonics_keeps_them():
    source = tone(220.0, BRIGHT)
    made = given(source, source)
    np.testing.assert_allclose(levels(made, 220.0), BRIGHT, atol=1.5)
    difference = (made - source)[0, 4000:-4000]
    assert np.std(difference) < 0.15 * np.std(source)


def test_noise_is_given_no_pitch():
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 32_000))
    made = given(noise.astype(np.float32), tone(250.0, BRIGHT))
    crests = []
    for audio in (noise, made):
        around = np.abs(np.fft.rfft(audio[0]))[200:4200].reshape(-1, 400)
        crests.append(np.max(around / around.mean(axis=1, keepdims=True)))
    # Of a tone it is 100.
    assert crests[1] < 3.0 * crests[0]


def fading(decibels_per_second):
    """A note that begins after a quarter of a second, and the levels of its middle."""
    time = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ - 0.25
    fades = 10 ** (decibels_per_second * time / 20) * (time > 0)
    return tone(250.0, BRIGHT) * fades.astype(np.float32)


def rate(audio):
    """At which a note gets louder, in decibels a second."""
    early, late = (audio[0, round(s * RATE_HZ) :][:4000] for s in (0.5, 1.25))
    return 10 * np.log10(np.mean(late**2) / np.mean(early**2)) / 0.75


def test_notes_fade_as_those_of_another_recording():
    steady, plucked = fading(0.0), fading(-20.0)
    assert rate(given(steady, plucked)) == pytest.approx(-20.0, abs=3.0)
    # Nothing is raised by more than 15 dB.
    assert rate(given(plucked, steady)) == pytest.approx(-9.0, abs=4.0)
    for own in (steady, plucked):
        assert rate(given(own, own)) == pytest.approx(rate(own), abs=2.0)


def test_silence_and_short_clips_are_finite():
    silence, short = np.zeros((1, 5000), np.float32), tone(300.0, DULL)[:, :100]
    for audio, reference in ((silence, short), (short, silence)):
        made = given(audio, reference)
        assert made.shape == audio.shape
        assert np.isfinite(made).all()
    assert np.abs(given(silence, tone(300.0, BRIGHT))).max() < 1e-3


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100])
def test_any_rate_has_as_many_numbers(rate_hz):
    one = harmonics.Harmonics(rate_hz)
    measured = one.measure(tf.constant(tone(220.0, BRIGHT[:4], rate_hz)))
    assert measured.shape == (1, one.size)
    assert one.size == harmonics.Harmonics(RATE_HZ).size
