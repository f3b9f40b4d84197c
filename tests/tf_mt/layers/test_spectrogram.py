import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import spectrogram

RATE_HZ = 16_000


def front(iterations=2):
    return spectrogram.LogMel(RATE_HZ, 1024, 256, 128, 40.0, iterations)


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
    back = front().synthesise(log_mel, phase)
    assert back.shape == audio.shape
    assert distance_db(front().log_mel(back), log_mel) < 2.0
    # In phase with the source, and as loud.
    assert np.corrcoef(back[0], audio[0])[0, 1] > 0.95
    assert np.std(back) == pytest.approx(np.std(audio), rel=0.1)


@pytest.mark.parametrize(
    ("n_fft", "hop", "bands", "window"), [(511, 128, 64, 511), (2048, 256, 128, 1000)]
)
def test_sound_survives_with_other_windows(audio, n_fft, hop, bands, window):
    front = spectrogram.LogMel(RATE_HZ, n_fft, hop, bands, 40.0, 2, window)
    log_mel, phase = front.analyse(audio)
    assert phase.shape == (1, audio.shape[1] // hop, n_fft // 2 + 1)
    back = front.synthesise(log_mel, phase)
    assert back.shape == audio.shape
    assert np.corrcoef(back[0], audio[0])[0, 1] > 0.95
    assert np.std(back) == pytest.approx(np.std(audio), rel=0.1)


def test_many_iterations_are_no_nearer(audio):
    log_mel, phase = front().analyse(audio)
    few, many = (
        distance_db(front().log_mel(front(count).synthesise(log_mel, phase)), log_mel)
        for count in (2, 32)
    )
    assert few < many


def test_without_a_phase_it_takes_as_many_as_it_needs(audio):
    log_mel = front().log_mel(audio)
    back = front(iterations=0).synthesise(log_mel, None)
    np.testing.assert_array_equal(back, front(iterations=2).synthesise(log_mel, None))
    assert distance_db(front().log_mel(back), log_mel) < 4.0
