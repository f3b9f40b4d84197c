import numpy as np
import pyloudnorm
import pytest

from tf_mt.evaluation.metrics import loudness

RATE_HZ = 16_000


def noise(seed=0, seconds=3.0, rate_hz=RATE_HZ):
    random = np.random.default_rng(seed)
    return random.normal(0.0, 0.1, round(seconds * rate_hz)).astype(np.float32)


def sine(pitch_hz, rate_hz=RATE_HZ, seconds=5.0):
    return np.sin(2 * np.pi * pitch_hz * np.arange(seconds * rate_hz) / rate_hz)


def swell(audio, gain_db):
    """Changes the level, in decibels at equal distances."""
    places = np.linspace(0.0, 1.0, len(audio))
    gains_db = np.interp(places, np.linspace(0.0, 1.0, len(gain_db)), gain_db)
    return audio * 10.0 ** (gains_db / 20.0)


@pytest.mark.parametrize(
    "rate_hz, expected_lufs",
    [(48_000, -3.01), (44_100, -3.01), (16_000, -2.97)],
)
def test_a_full_scale_sine(rate_hz, expected_lufs):
    found = loudness.integrated_lufs(sine(997.0, rate_hz), rate_hz)
    assert found == pytest.approx(expected_lufs, abs=0.005)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100, 48_000])
def test_pyloudnorm_agrees(rate_hz):
    """With rests and soft notes, so that both gates matter."""
    gains_db = [0.0, -30.0, -14.0, 6.0, -90.0, -12.0, -20.0]
    audio = swell(noise(seconds=6.0, rate_hz=rate_hz), gains_db).astype(np.float64)
    meter = pyloudnorm.Meter(rate_hz, filter_class="DeMan")
    expected = meter.integrated_loudness(audio)
    assert loudness.integrated_lufs(audio, rate_hz) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("gain_db", [-20.0, -3.0, 12.0])
def test_a_gain_is_its_loudness(gain_db):
    louder = noise() * 10.0 ** (gain_db / 20.0)
    change = loudness.integrated_lufs(louder, RATE_HZ) - loudness.integrated_lufs(
        noise(), RATE_HZ
    )
    assert change == pytest.approx(gain_db, abs=1e-4)


def test_rests_do_not_count():
    rests = np.concatenate([np.tile(noise(), 3), np.zeros(20 * RATE_HZ)])
    found = loudness.integrated_lufs(rests, RATE_HZ)
    # Of the 90 blocks that count, three reach into the rest.
    assert found == pytest.approx(loudness.integrated_lufs(noise(), RATE_HZ), abs=0.15)


def test_a_short_recording_is_one_block():
    audio = sine(997.0, seconds=0.2)
    assert loudness.integrated_lufs(audio, RATE_HZ) == pytest.approx(-2.97, abs=0.1)
    both = loudness.integrated_lufs(np.append(audio, np.zeros(3199)), RATE_HZ)
    assert both == pytest.approx(-2.97 - 3.01, abs=0.1)


def test_silence_has_no_loudness():
    for audio in (np.zeros(RATE_HZ), np.zeros(9), 1e-4 * noise()):
        assert loudness.integrated_lufs(audio, RATE_HZ) == -np.inf
        assert loudness.silent(audio, RATE_HZ)
    assert not loudness.silent(noise(), RATE_HZ)


@pytest.mark.parametrize("target_lufs", [-23.0, -14.0])
def test_all_are_brought_to_one_loudness(target_lufs):
    for audio in (noise(), 0.01 * noise() + 0.3, sine(440.0)):
        found = loudness.normalised(audio, RATE_HZ, target_lufs)
        assert found.dtype == np.float32
        assert found.mean() == pytest.approx(0.0, abs=1e-6)
        assert loudness.integrated_lufs(found, RATE_HZ) == pytest.approx(
            target_lufs, abs=1e-3
        )


def test_nothing_is_limited():
    audio = 1e-3 * noise()
    audio[100] = 0.5
    found = loudness.normalised(audio, RATE_HZ)
    assert found.max() > 1.0
    scaled = (audio - audio.mean()) / (audio - audio.mean()).max() * found.max()
    np.testing.assert_allclose(found, scaled, atol=1e-5)


def test_silence_stays_silent():
    for level in (0.0, 0.7, 1e-7):
        found = loudness.normalised(np.full(RATE_HZ, level), RATE_HZ)
        assert not found.any()
        assert found.dtype == np.float32


def test_equal_recordings_correlate():
    audio = swell(noise(), [0.0, -20.0, 3.0])
    assert loudness.correlation(audio, audio, RATE_HZ) == pytest.approx(1.0)


def test_loudness_as_a_whole_and_timbre_do_not_matter():
    gains_db = [0.0, -20.0, 3.0, -15.0]
    other = swell(0.2 * sine(440.0, seconds=3.0), gains_db)
    found = loudness.correlation(swell(noise(), gains_db), other, RATE_HZ)
    assert found > 0.99


def test_opposite_dynamics_correlate_negatively():
    gains_db = np.array([0.0, -20.0, 3.0])
    found = loudness.correlation(
        swell(noise(), gains_db), swell(noise(1), -gains_db), RATE_HZ
    )
    assert found < -0.99


def test_it_is_the_correlation_of_frame_levels():
    """At 8 kHz, frames of 512 samples every 128, in a plain loop."""
    rate_hz = 8000
    meter = pyloudnorm.Meter(rate_hz, filter_class="DeMan")
    sounds = [
        swell(noise(0, 1.0, rate_hz), [-60.0, 0.0, -30.0]).astype(np.float64),
        swell(noise(1, 1.0, rate_hz), [-20.0, 0.0, -60.0]).astype(np.float64),
    ]
    levels_db = []
    for audio in sounds:
        for stage in meter._filters.values():
            audio = stage.apply_filter(audio)
        frames = [audio[i : i + 512] for i in range(0, 8000 - 511, 128)]
        frames_db = [10 * np.log10(np.mean(frame**2) + 1e-8) for frame in frames]
        levels_db.append(np.array(frames_db))
    sounding = levels_db[0] >= levels_db[0].max() - 40.0
    assert 0.2 < sounding.mean() < 0.9
    expected = np.corrcoef(*(one[sounding] for one in levels_db))[0, 1]
    found = loudness.correlation(*sounds, rate_hz)
    assert found == pytest.approx(expected, abs=1e-6)


def test_what_is_played_in_rests_does_not_count():
    rest = np.zeros(RATE_HZ)
    reference = np.concatenate([swell(noise(), [0.0, -20.0, 3.0]), rest])
    estimate = reference.copy()
    estimate[-len(rest) + 1024 :] = noise(1, 1.0)[1024:]
    assert loudness.correlation(reference, estimate, RATE_HZ) > 0.99
    assert loudness.correlation(estimate, reference, RATE_HZ) < 0.9


def test_what_follows_the_dynamics_better_is_better():
    gains_db = np.array([0.0, -20.0, 3.0, -12.0, 0.0, -25.0])
    truth = swell(noise(), gains_db)
    found = [
        loudness.correlation(truth, estimate, RATE_HZ)
        for estimate in (
            truth,
            truth + 0.05 * noise(1),
            truth + 0.3 * noise(2),
            noise(3),
        )
    ]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("seconds", [0.01, 3.0])
def test_a_constant_level_has_no_correlation(seconds):
    steady = 0.1 * sine(440.0, seconds=seconds)
    changing = swell(noise(seconds=seconds), [0.0, -20.0, 3.0])
    for pair in [
        (np.zeros_like(steady), changing),
        (steady[-8000:], changing[-8000:]),
        (changing, steady),
        (changing, np.zeros_like(steady)),
    ]:
        assert np.isnan(loudness.correlation(*pair, RATE_HZ))


def test_what_cannot_be_measured_is_refused():
    for audio in (np.zeros(0), np.zeros((2, 9)), np.full(9, np.nan)):
        with pytest.raises(ValueError, match="must be"):
            loudness.integrated_lufs(audio, RATE_HZ)
        with pytest.raises(ValueError, match="must be"):
            loudness.normalised(audio, RATE_HZ)
        with pytest.raises(ValueError, match="must be"):
            loudness.correlation(audio, audio, RATE_HZ)
    with pytest.raises(ValueError, match="must be one equal, positive length"):
        loudness.correlation(np.ones(9), np.ones(8), RATE_HZ)
