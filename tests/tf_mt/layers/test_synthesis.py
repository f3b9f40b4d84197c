import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import spectrogram, synthesis

RATE_HZ = 16_000
FRONT = spectrogram.LogMel(RATE_HZ, 1024, 256, 128, 40.0)


@pytest.fixture(scope="module")
def audio():
    """A glissando of three partials over 128 frames."""
    time = np.arange(128 * 256) / RATE_HZ
    phase = 2 * np.pi * (300.0 * time + 50.0 * time**2)
    partials = [np.sin(number * phase) / number for number in (1, 2, 3)]
    return tf.constant(0.3 * np.sum(partials, axis=0), tf.float32)[tf.newaxis]


def distance_db(one, other):
    return 50.0 * float(tf.reduce_mean(tf.abs(one - other)))


@pytest.mark.parametrize(
    "front",
    [
        FRONT,
        spectrogram.LogMel(RATE_HZ, 511, 128, 64, 40.0),
        spectrogram.LogMel(RATE_HZ, 2048, 256, 128, 40.0, 1000),
    ],
    ids=["four hops", "odd", "short window"],
)
def test_sound_survives_the_way_there_and_back(audio, front):
    log_mel, phase = front.analyse(audio)
    back = synthesis.GriffinLim(front, 2).synthesise(log_mel, phase)
    assert back.shape == audio.shape
    assert distance_db(front.log_mel(back), log_mel) < 2.5
    # In phase with the source, and as loud.
    assert np.corrcoef(back[0], audio[0])[0, 1] > 0.95
    assert np.std(back) == pytest.approx(np.std(audio), rel=0.1)


def test_many_iterations_are_no_nearer(audio):
    log_mel, phase = FRONT.analyse(audio)
    few, many = (
        distance_db(
            FRONT.log_mel(
                synthesis.GriffinLim(FRONT, iterations).synthesise(log_mel, phase)
            ),
            log_mel,
        )
        for iterations in (2, 32)
    )
    assert few < many


def test_without_a_phase_it_takes_as_many_as_it_needs(audio):
    log_mel = FRONT.log_mel(audio)
    back, other = (
        synthesis.GriffinLim(FRONT, iterations).synthesise(log_mel, None)
        for iterations in (0, 2)
    )
    np.testing.assert_array_equal(back, other)
    assert distance_db(FRONT.log_mel(back), log_mel) < 4.0


def test_pghi_needs_no_phase_and_few_iterations(audio):
    log_mel, phase = FRONT.analyse(audio)
    back = synthesis.Pghi(FRONT, 2).synthesise(log_mel, None)
    assert back.shape == audio.shape
    np.testing.assert_array_equal(
        back, synthesis.Pghi(FRONT, 2).synthesise(log_mel, phase)
    )
    blind = synthesis.GriffinLim(FRONT, 2).synthesise(log_mel, None)
    assert distance_db(FRONT.log_mel(back), log_mel) < distance_db(
        FRONT.log_mel(blind), log_mel
    )
    assert np.std(back) == pytest.approx(np.std(audio), rel=0.1)
