import numpy as np
import pytest
from scipy import signal

from tf_mt.evaluation.metrics import ncc

RATE_HZ = 16_000


def melody(pitches, seconds=0.25, partials=5):
    """Tones one after the other; each partial has half the amplitude of the last."""
    hz = np.repeat(440.0 * 2 ** ((np.array(pitches) - 69) / 12), seconds * RATE_HZ)
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    waves = [np.sin(n * phase) / 2**n for n in range(1, partials + 1)]
    return (0.2 * sum(waves)).astype(np.float32)


@pytest.fixture
def tune():
    return melody([60, 64, 67, 62, 72, 69, 65, 60])


def similarity(reference, estimate, rate_hz):
    contours = (ncc.contour(audio, rate_hz) for audio in (reference, estimate))
    return ncc.correlation(*contours)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100])
def test_equal_recordings_have_similarity_one(tune, rate_hz):
    assert similarity(tune, tune, rate_hz) == pytest.approx(1.0)


def test_a_sine_has_its_pitch():
    time = np.arange(RATE_HZ) / RATE_HZ
    found_hz = ncc.contour(np.sin(2 * np.pi * 500.0 * time), RATE_HZ)
    np.testing.assert_allclose(found_hz[3:-3], 500.0, rtol=1e-3)


def test_the_highest_partial_counts_not_the_fundamental():
    time = np.arange(RATE_HZ) / RATE_HZ
    low, high = (np.sin(2 * np.pi * hz * time) for hz in (300.0, 1500.0))
    found_hz = ncc.contour(low + 0.2 * high, RATE_HZ)
    np.testing.assert_allclose(found_hz[3:-3], 1500.0, rtol=2e-3)
    found_hz = ncc.contour(low + 0.05 * high, RATE_HZ)
    np.testing.assert_allclose(found_hz[3:-3], 300.0, rtol=2e-3)


def test_contours_are_scored_as_scipy_would():
    """The same by other means: a polynomial's ends, a filter, a correlation by FFT."""
    rng = np.random.default_rng(0)
    window = signal.windows.hann(20, sym=True)

    def standardised(values):
        padded = np.concatenate(
            [
                2 * values[0] - values[10:0:-1],
                values,
                2 * values[-1] - values[-2:-11:-1],
            ]
        )
        smooth = signal.fftconvolve(padded, window / window.sum())[
            19 : 19 + len(values)
        ]
        return (smooth - smooth.mean()) / smooth.std()

    for frames in (22, 87, 216):
        one, other = rng.uniform(150.0, 4000.0, (2, frames))
        products = signal.correlate(
            standardised(one), standardised(other), "same", "fft"
        )
        assert ncc.correlation(one, other) == pytest.approx(products.max() / frames)


@pytest.mark.parametrize(
    ("frames", "mean", "deviation"),
    [(22, 0.487, 0.237), (44, 0.437, 0.182), (87, 0.400, 0.125), (216, 0.337, 0.079)],
)
def test_independent_contours_score_by_chance(frames, mean, deviation):
    rng = np.random.default_rng(0)
    scores = [
        ncc.correlation(*rng.uniform(150.0, 4000.0, (2, frames))) for _ in range(1000)
    ]
    assert np.mean(scores) == pytest.approx(mean, abs=0.025)
    assert np.std(scores) == pytest.approx(deviation, abs=0.02)


def test_independent_walks_score_higher():
    rng = np.random.default_rng(0)
    scores = [
        ncc.correlation(*np.cumsum(rng.normal(size=(2, 87)), axis=1))
        for _ in range(1000)
    ]
    assert np.mean(scores) == pytest.approx(0.529, abs=0.03)


def test_shifts_and_scales_of_pitch_do_not_matter():
    contour = np.random.default_rng(0).uniform(150.0, 4000.0, 87)
    assert ncc.correlation(contour, 100.0 + 0.5 * contour) == pytest.approx(1.0)


@pytest.mark.parametrize("frames", [1, 5, 87])
def test_constant_contours_have_no_score(frames):
    constant = np.full(frames, 440.1)
    other = np.arange(frames, dtype=float)
    assert np.isnan(ncc.correlation(constant, other))
    assert np.isnan(ncc.correlation(other, constant))


def test_silence_has_no_score(tune):
    assert np.isnan(similarity(tune, np.zeros_like(tune), RATE_HZ))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="must be equal"):
        ncc.correlation(np.zeros(3), np.zeros(4))


def test_truth_beats_noisy_truth_beats_noise(tune):
    noise = np.random.default_rng(0).normal(0.0, 0.02, len(tune)).astype(np.float32)
    scores = [
        similarity(tune, estimate, RATE_HZ) for estimate in (tune, tune + noise, noise)
    ]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3
