"""The pitch of frames, by tones whose pitch is known and by librosa."""

import librosa
import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import yin

RATE_HZ = 16_000
FRAME = 2048


def tone(pitch_hz, harmonics, samples=FRAME):
    time = np.arange(samples) / RATE_HZ
    parts = [np.sin(2 * np.pi * pitch_hz * n * time + n) / n for n in harmonics]
    return (0.1 * np.sum(parts, axis=0)).astype(np.float32)


def pitch_of(frames):
    return yin.track(tf.constant(frames), RATE_HZ, 60.0, 2100.0)[0].numpy()


@pytest.mark.parametrize("harmonics", [(1,), (1, 2, 3, 4, 5), (2, 3, 4)])
def test_tones_have_their_pitch(harmonics):
    pitches_hz = np.geomspace(70.0, 1500.0, 25)
    found = pitch_of(np.stack([tone(hz, harmonics) for hz in pitches_hz]))
    cents = 1200 * np.abs(np.log2(found / pitches_hz))
    assert cents.max() < 10.0


def test_it_is_what_librosa_finds():
    random = np.random.default_rng(0)
    frames = np.stack([tone(hz, (1, 2, 3)) for hz in (90.0, 200.0, 450.0, 900.0)])
    frames += 0.01 * random.standard_normal(frames.shape).astype(np.float32)
    expected = [
        librosa.yin(
            frame,
            fmin=60.0,
            fmax=2000.0,
            sr=RATE_HZ,
            frame_length=FRAME,
            trough_threshold=yin.THRESHOLD,
            center=False,
        )[0]
        for frame in frames
    ]
    np.testing.assert_allclose(pitch_of(frames), expected, rtol=5e-3)


def test_any_leading_axes_will_do_and_silence_has_some_pitch():
    frames = np.zeros((2, 3, FRAME), np.float32)
    frames[1, 2] = tone(220.0, (1, 2))
    found = pitch_of(frames)
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx(220.0, rel=1e-3)
    assert ((found >= 60.0) & (found <= 2100.0)).all()


def test_short_frames_are_refused():
    with pytest.raises(ValueError, match="samples=400 must be 536 or more"):
        yin.track(tf.zeros([1, 400]), RATE_HZ, 60.0, 2000.0)


def test_tones_are_periodic_and_noise_and_chords_are_not():
    noise = np.random.default_rng(0).standard_normal(FRAME).astype(np.float32)
    chord = tone(220.0, (1, 2, 3)) + tone(311.0, (1, 2, 3))
    frames = np.stack([tone(220.0, (1, 2, 3)), chord, noise])
    _, shares = yin.track(tf.constant(frames), RATE_HZ, 60.0, 2100.0)
    periodic, mixed, random = shares.numpy()
    assert periodic < 0.01
    assert mixed > 0.1
    assert random > 0.6
