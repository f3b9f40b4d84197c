import numpy as np
import pytest
import tensorflow as tf

from tf_mt.data import detuning

RATE_HZ = 16000
SAMPLES = 8192
START, LENGTH = 1500, 4000
STRETCH = slice(START, START + LENGTH)

semitones = pytest.mark.parametrize("semitones", [-0.5, -0.13, 0.2, 0.5])
hz = pytest.mark.parametrize("hz", [110.0, 440.0, 1000.0])


def detune(audio, start, length, semitones):
    return detuning.detune(
        tf.constant(audio, tf.float32),
        tf.constant(start, tf.int32),
        tf.constant(length, tf.int32),
        tf.constant(semitones, tf.float32),
    ).numpy()


def sine(hz, position=None):
    position = np.arange(SAMPLES) if position is None else position
    return np.sin(2 * np.pi * hz * position / RATE_HZ + 0.3)


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def read_at(start, length, semitones, samples=SAMPLES):
    """The positions that a segment's samples are read at, were a clip without end."""
    middle = start + (length - 1) / 2
    return middle + (np.arange(samples) - middle) * 2 ** (semitones / 12)


def frequency_hz(audio):
    """From the places where a tone rises through zero."""
    (before,) = np.nonzero((audio[:-1] < 0) & (audio[1:] >= 0))
    places = before - audio[before] / (audio[before + 1] - audio[before])
    period, _ = np.polyfit(np.arange(len(places)), places, deg=1)
    return RATE_HZ / period


@hz
@semitones
def test_a_tone_changes_its_pitch(hz, semitones):
    found = frequency_hz(detune(sine(hz), START, LENGTH, semitones)[STRETCH])
    assert abs(1200 * np.log2(found / hz) - 100 * semitones) < 0.1


@hz
@semitones
def test_a_tone_is_read_faster_around_the_middle(hz, semitones):
    found = detune(sine(hz), START, LENGTH, semitones)
    expected = sine(hz, read_at(START, LENGTH, semitones))
    # The error of cubic interpolation; 60 dB below the tone at 1 kHz.
    error = 0.02 * (2 * np.pi * hz / RATE_HZ) ** 3 + 1e-6
    np.testing.assert_allclose(found[STRETCH], expected[STRETCH], rtol=0, atol=error)


@semitones
def test_nothing_changes_outside(semitones):
    audio = noise(SAMPLES)
    found = detune(audio, START, LENGTH, semitones)
    assert found.shape == audio.shape
    np.testing.assert_array_equal(found[:START], audio[:START])
    np.testing.assert_array_equal(found[START + LENGTH :], audio[START + LENGTH :])
    assert np.mean(found[STRETCH] != audio[STRETCH]) > 0.99


def test_no_semitones_change_nothing():
    audio = noise(SAMPLES)
    np.testing.assert_array_equal(detune(audio, START, LENGTH, 0.0), audio)


@semitones
def test_the_ends_of_a_clip_are_held(semitones):
    ramp = np.arange(400.0)
    found = detune([ramp, ramp], [0, 200], [200, 200], [semitones, semitones])
    for clip, start in zip(found, (0, 200), strict=True):
        inside = slice(start, start + 200)
        warped, read = clip[inside], read_at(start, 200, semitones, samples=400)[inside]
        read = np.clip(read, 0, 399)
        # A curve through samples that are held cannot stay on the ramp to its end.
        np.testing.assert_allclose(warped, read, rtol=0, atol=0.08)
        held = np.isin(read, (0, 399))
        np.testing.assert_array_equal(warped[held], read[held])


def test_each_clip_has_its_own_segment():
    audio = noise(2, 3, 400)
    start = np.array([[0, 7, 100], [200, 31, 64]])
    length = np.array([[100, 101, 150], [200, 199, 128]])
    semitones = np.array([[0.5, -0.5, 0.1], [0.3, 0.0, -0.2]])
    found = detune(audio, start, length, semitones)
    for at in np.ndindex(start.shape):
        alone = detune(audio[at], start[at], length[at], semitones[at])
        np.testing.assert_array_equal(found[at], alone)
