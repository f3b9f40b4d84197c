import librosa
import numpy as np
import pyloudnorm
import pytest

from tf_mt.evaluation.metrics import frechet, mfcc

RATE_HZ = 16_000
FLUTE = [1.0, 0.5, 0.2]
CLARINET = [1.0, 0.0, 0.7, 0.0, 0.5, 0.0, 0.4]


def noise(seed=0, samples=2 * RATE_HZ):
    return np.random.default_rng(seed).normal(0.0, 0.1, samples).astype(np.float32)


def harmonic_tone(amplitudes, seed=0, pitch_hz=220.0):
    """A tone with these partials, and some breath."""
    phase = 2 * np.pi * pitch_hz * np.arange(2 * RATE_HZ) / RATE_HZ
    tone = sum(0.2 * a * np.sin(n * phase) for n, a in enumerate(amplitudes, 1))
    return tone + 1e-2 * noise(seed)


def librosas(audio, rate_hz):
    """Coefficients with librosa's defaults at the loudness that pyloudnorm finds."""
    audio = audio.astype(np.float64) - audio.mean()
    meter = pyloudnorm.Meter(rate_hz, filter_class="DeMan")
    gain_db = -23.0 - meter.integrated_loudness(audio)
    return librosa.feature.mfcc(y=audio * 10 ** (gain_db / 20), sr=rate_hz)


def distance(reference, estimate, rate_hz):
    return mfcc.distance(*(mfcc.means(a, rate_hz) for a in (reference, estimate)))


def transfer_ratio(source, style, estimate, rate_hz):
    means = (mfcc.means(audio, rate_hz) for audio in (source, style, estimate))
    return mfcc.transfer_ratio(*means)


def test_equal_recordings_are_at_no_distance():
    assert distance(noise(), noise(), RATE_HZ) == 0.0


def test_level_and_offset_do_not_matter():
    audio = harmonic_tone(FLUTE)
    assert distance(audio, 0.01 * audio + 0.2, RATE_HZ) < 0.05


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100])
def test_librosa_and_pyloudnorm_agree(rate_hz):
    one, other = harmonic_tone(FLUTE), 0.1 * noise(1)
    means = [librosas(audio, rate_hz).mean(axis=1) for audio in (one, other)]
    expected = np.linalg.norm(means[0] - means[1])
    assert expected > 10.0
    assert distance(one, other, rate_hz) == pytest.approx(expected, rel=1e-4)
    assert distance(other, one, rate_hz) == pytest.approx(expected, rel=1e-4)


def test_what_sounds_nearer_is_nearer():
    truth = harmonic_tone(FLUTE)
    distances = [
        distance(truth, estimate, RATE_HZ)
        for estimate in (
            truth,
            truth + 3e-3 * noise(1),
            harmonic_tone(CLARINET, 2),
            noise(3),
        )
    ]
    assert distances == sorted(distances)


def test_the_ratio_has_its_ends():
    source, style = harmonic_tone(FLUTE), harmonic_tone(CLARINET)
    assert transfer_ratio(source, style, source, RATE_HZ) == 0.0
    assert transfer_ratio(source, style, style, RATE_HZ) == 1.0


def test_the_ratio_is_of_distances():
    sounds = harmonic_tone(FLUTE), harmonic_tone(CLARINET), noise(1)
    from_source, from_style = (distance(one, sounds[2], RATE_HZ) for one in sounds[:2])
    found = transfer_ratio(*sounds, RATE_HZ)
    assert found == pytest.approx(from_source / (from_source + from_style))


def test_the_criterion_is_the_nearer_instrument():
    source, style = harmonic_tone(FLUTE, 0), harmonic_tone(CLARINET, 1)
    ratios = [
        transfer_ratio(source, style, estimate, RATE_HZ)
        for estimate in (
            harmonic_tone(FLUTE, 2),
            harmonic_tone([1.0, 0.45, 0.25, 0.0, 0.1], 3),
            harmonic_tone([1.0, 0.05, 0.65, 0.0, 0.45, 0.0, 0.35], 4),
            harmonic_tone(CLARINET, 5),
        )
    ]
    assert ratios == sorted(ratios)
    assert ratios[1] < 0.5 < ratios[2]


def test_silence_has_no_timbre():
    silence, audio = np.zeros(2 * RATE_HZ), noise()
    assert np.isnan(distance(silence, audio, RATE_HZ))
    assert np.isnan(distance(audio, 1e-5 * audio, RATE_HZ))
    for sounds in np.where(np.eye(3, dtype=bool)[:, :, None], silence, audio):
        assert np.isnan(transfer_ratio(*sounds, RATE_HZ))


def test_between_equal_sounds_there_is_no_ratio():
    assert np.isnan(transfer_ratio(noise(), noise(), noise(), RATE_HZ))


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_statistics_are_of_windows_of_a_second(rate_hz):
    audio = noise(samples=5 * rate_hz) * np.linspace(0.1, 1.0, 5 * rate_hz)
    frames = librosas(audio, rate_hz)
    per_window = rate_hz // 512
    found = mfcc.statistics(audio, rate_hz)
    assert found.shape == (5, mfcc.STATISTICS)
    assert found.dtype == np.float32
    for number, window in enumerate(found):
        part = frames[:, number * per_window :][:, :per_window]
        np.testing.assert_allclose(window[:20], part.mean(axis=1), atol=1e-2)
        np.testing.assert_allclose(window[20:], part.std(axis=1), atol=1e-2)


def test_statistics_of_what_is_short_or_silent():
    assert mfcc.statistics(noise(samples=8000), RATE_HZ).shape == (1, 40)
    found = mfcc.statistics(np.zeros(3 * RATE_HZ), RATE_HZ)
    assert np.isfinite(found).all()
    assert (found[:, 20:] == 0.0).all()


def test_statistics_tell_instruments_apart():
    def embedded(amplitudes, seeds, noise_gain=0.0):
        return np.concatenate(
            [
                mfcc.statistics(
                    harmonic_tone(amplitudes, seed, 220.0 * 2 ** (seed % 12 / 12))
                    + noise_gain * noise(seed + 100),
                    RATE_HZ,
                )
                for seed in seeds
            ]
        )

    truth = embedded(FLUTE, range(12))
    distances = [
        frechet.distance(truth, estimate)
        for estimate in (
            embedded(FLUTE, range(12, 24)),
            embedded(FLUTE, range(12, 24), 5e-3),
            embedded(CLARINET, range(12, 24)),
            embedded([0.0], range(12, 24), 1.0),
        )
    ]
    assert distances == sorted(distances)


def test_statistics_of_nothing_are_refused():
    with pytest.raises(ValueError, match="must be one equal, positive length"):
        mfcc.statistics(np.zeros(0), RATE_HZ)
