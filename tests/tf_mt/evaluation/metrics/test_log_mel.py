import librosa
import numpy as np
import pytest

from tf_mt.evaluation.metrics import log_mel

RATE_HZ = 16_000
FRAME = np.arange(2 * RATE_HZ) / RATE_HZ


def noise(seed=0, samples=2 * RATE_HZ):
    return np.random.default_rng(seed).normal(0.0, 0.1, samples).astype(np.float32)


def tones(*pitches_hz):
    return np.sum([0.2 * np.sin(2 * np.pi * hz * FRAME) for hz in pitches_hz], axis=0)


def test_equal_recordings_are_at_no_distance():
    assert log_mel.distance(noise(), noise(), RATE_HZ) == 0.0


@pytest.mark.parametrize("gain_db", [-12.0, -0.5, 3.0, 20.0])
def test_a_gain_is_its_distance(gain_db):
    """Of noise all bands are above the floor, before and after."""
    audio = noise()
    assert log_mel.spectrogram(audio, RATE_HZ).min() > log_mel.FLOOR_DB + 12.0
    louder = audio * 10.0 ** (gain_db / 20.0)
    found = log_mel.distance(audio, louder, RATE_HZ)
    assert found == pytest.approx(abs(gain_db), abs=1e-4)


def test_what_is_below_the_floor_is_all_alike():
    assert log_mel.distance(1e-9 * noise(0), np.zeros(2 * RATE_HZ), RATE_HZ) == 0.0


def test_silence_is_as_far_as_the_spectrum_is_above_the_floor():
    audio = noise()
    above_db = log_mel.spectrogram(audio, RATE_HZ) - log_mel.FLOOR_DB
    found = log_mel.distance(audio, np.zeros_like(audio), RATE_HZ)
    assert found == pytest.approx(above_db.mean(), rel=1e-5)


def test_it_is_symmetric():
    one, other = noise(0), tones(440.0)
    assert log_mel.distance(one, other, RATE_HZ) == pytest.approx(
        log_mel.distance(other, one, RATE_HZ)
    )


def test_what_sounds_nearer_is_nearer():
    truth = tones(440.0, 880.0)
    distances = [
        log_mel.distance(truth, estimate, RATE_HZ)
        for estimate in (
            truth + 1e-4 * noise(),
            truth + 1e-3 * noise(),
            tones(440.0, 880.0, 1320.0) + 1e-3 * noise(),
            tones(622.0, 1244.0) + 1e-3 * noise(),
            noise(),
        )
    ]
    assert distances == sorted(distances)
    assert distances[0] > 0.0


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100])
def test_it_is_librosas_mel_spectrogram_of_magnitudes(rate_hz):
    audio = noise(samples=rate_hz)
    n_fft, hop = log_mel.sizes(rate_hz)
    assert hop / rate_hz == pytest.approx(0.016, rel=0.01)
    assert n_fft == 4 * hop
    magnitudes = librosa.feature.melspectrogram(
        y=audio, sr=rate_hz, n_fft=n_fft, hop_length=hop, power=1.0, n_mels=128, fmin=40
    )
    expected = librosa.amplitude_to_db(magnitudes, ref=1.0, amin=1e-4, top_db=None)
    np.testing.assert_allclose(log_mel.spectrogram(audio, rate_hz), expected, atol=1e-4)


def test_a_full_scale_sine_reaches_about_twenty_db():
    pitch_hz = 16 * RATE_HZ / 1024  # In the middle of a bin.
    audio = np.sin(2 * np.pi * pitch_hz * FRAME)
    assert log_mel.spectrogram(audio, RATE_HZ).max() == pytest.approx(20.0, abs=3.0)


def test_a_tone_is_in_its_band():
    spectrogram = log_mel.spectrogram(tones(1000.0), RATE_HZ)
    centres_hz = librosa.mel_frequencies(130, fmin=40, fmax=RATE_HZ / 2)[1:-1]
    loudest = centres_hz[spectrogram[:, 10:-10].argmax(axis=0)]
    np.testing.assert_allclose(loudest, 1000.0, rtol=0.02)


@pytest.mark.parametrize(
    "reference, estimate, words",
    [
        (np.zeros(9), np.zeros(8), r"reference.shape=\(9,\) and estimate.shape=\(8,\)"),
        (np.zeros((1, 9)), np.zeros((1, 9)), "must be one equal, positive length"),
        (np.zeros(0), np.zeros(0), "must be one equal, positive length"),
        (np.zeros(9), np.full(9, np.nan), "reference and estimate must be finite"),
        (np.full(9, np.inf), np.zeros(9), "reference and estimate must be finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(reference, estimate, words):
    with pytest.raises(ValueError, match=words):
        log_mel.distance(reference, estimate, RATE_HZ)
