import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import spectrogram, synthesis

RATE_HZ = 16_000


def front():
    return spectrogram.LogMel(RATE_HZ, 1024, 256, 128, 40.0)


def griffin_lim(iterations=2):
    return synthesis.GriffinLim(front(), iterations)


@pytest.fixture(scope="module")
def audio():
    """A glissando of three partials over 128 frames."""
    time = np.arange(128 * 256) / RATE_HZ
    phase = 2 * np.pi * (300.0 * time + 50.0 * time**2)
    partials = [np.sin(number * phase) / number for number in (1, 2, 3)]
    return tf.constant(0.3 * np.sum(partials, axis=0), tf.float32)[tf.newaxis]


def distance_db(one, other):
    return 50.0 * float(tf.reduce_mean(tf.abs(one - other)))


def test_sizes(audio):
    log_mel, phase = front().analyse(audio)
    assert log_mel.shape == (1, 128, 128)
    assert phase.shape == (1, 128, 513)
    assert np.abs(log_mel).max() <= 1.0
    assert np.abs(phase).max() <= np.float32(np.pi)
    np.testing.assert_array_equal(front().log_mel(audio), log_mel)


def test_sound_survives_the_way_there_and_back(audio):
    log_mel, phase = front().analyse(audio)
    back = griffin_lim()(log_mel, phase)
    assert back.shape == audio.shape
    assert distance_db(front().log_mel(back), log_mel) < 2.0
    # In phase with the source, and as loud.
    assert np.corrcoef(back[0], audio[0])[0, 1] > 0.95
    assert np.std(back) == pytest.approx(np.std(audio), rel=0.1)


def test_many_iterations_are_no_nearer(audio):
    log_mel, phase = front().analyse(audio)
    few, many = (
        distance_db(front().log_mel(griffin_lim(count)(log_mel, phase)), log_mel)
        for count in (2, 32)
    )
    assert few < many


def test_without_a_phase_it_takes_as_many_as_it_needs(audio):
    log_mel = front().log_mel(audio)
    back = griffin_lim(iterations=0)(log_mel, None)
    np.testing.assert_array_equal(back, griffin_lim(iterations=2)(log_mel, None))
    assert distance_db(front().log_mel(back), log_mel) < 4.0
