"""Recordings at another rate sound the same."""

import numpy as np
import pytest

from tf_mt.embedders import resampling


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_a_tone_stays_a_tone(rate_hz):
    tone = np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    resampled = resampling.resample(tone, rate_hz, 16_000)
    assert resampled.dtype == np.float32
    assert resampled.shape == (16_000,)
    np.testing.assert_allclose(resampled[200:-200], expected[200:-200], atol=1e-3)


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.zeros((2, 3)), r"audio.shape=\(2, 3\) must be one positive length"),
        (np.zeros(0), r"audio.shape=\(0,\) must be one"),
        (np.array([0.0, np.nan]), "audio must be finite"),
    ],
)
def test_what_is_no_recording_is_refused(audio, words):
    with pytest.raises(ValueError, match=words):
        resampling.resample(audio, 16_000, 8000)
