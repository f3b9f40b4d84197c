import mir_eval
import numpy as np
import pytest

from tf_mt.evaluation.metrics import onsets

RATE_HZ = 16_000
ONSETS_SECONDS = np.array([0.5, 0.8, 1.3, 1.45, 2.0, 2.7, 3.1])


def plucks(onsets_seconds, hz=440.0, rate_hz=RATE_HZ, partials=5):
    """Tones that begin at once and die away within half a second."""
    audio = np.zeros(4 * rate_hz)
    time = np.arange(rate_hz // 2) / rate_hz
    wave = sum(np.sin(2 * np.pi * n * hz * time) / n for n in range(1, partials + 1))
    for onset in onsets_seconds:
        start = round(onset * rate_hz)
        audio[start : start + len(time)] += 0.2 * wave * np.exp(-12.0 * time)
    return audio.astype(np.float32)


def f_measure(reference, estimate, rate_hz):
    found = (onsets.detect(audio, rate_hz) for audio in (reference, estimate))
    return onsets.f_measure(*found)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100])
def test_onsets_are_found_where_they_are(rate_hz):
    found = onsets.detect(plucks(ONSETS_SECONDS, rate_hz=rate_hz), rate_hz)
    assert len(found) == len(ONSETS_SECONDS)
    np.testing.assert_allclose(found, ONSETS_SECONDS, atol=0.035)


def test_equal_recordings_have_score_one():
    audio = plucks(ONSETS_SECONDS)
    assert f_measure(audio, audio, RATE_HZ) == 1.0


def test_pitch_timbre_and_level_do_not_matter():
    other = 0.3 * plucks(ONSETS_SECONDS, hz=311.0, partials=2)
    assert f_measure(plucks(ONSETS_SECONDS), other, RATE_HZ) > 0.9


@pytest.mark.parametrize(
    ("late_seconds", "score"), [(0.0, 1.0), (0.03, 1.0), (0.07, 0)]
)
def test_fifty_milliseconds_are_the_limit(late_seconds, score):
    late = plucks(ONSETS_SECONDS + late_seconds)
    assert f_measure(plucks(ONSETS_SECONDS), late, RATE_HZ) == score


def test_missing_onsets_cost_recall_and_more_cost_precision():
    truth = plucks(ONSETS_SECONDS)
    fewer = plucks(ONSETS_SECONDS[[0, 2, 4, 5, 6]])
    # Of 7 and 5 notes, 5 are the same.
    assert f_measure(truth, fewer, RATE_HZ) == pytest.approx(2 * 5 / 12)
    assert f_measure(fewer, truth, RATE_HZ) == pytest.approx(2 * 5 / 12)


def test_matching_is_that_of_mir_eval():
    truth, other = plucks(ONSETS_SECONDS), plucks(ONSETS_SECONDS[::2] + 0.02)
    expected, _, _ = mir_eval.onset.f_measure(
        onsets.detect(truth, RATE_HZ), onsets.detect(other, RATE_HZ), window=0.05
    )
    assert f_measure(truth, other, RATE_HZ) == expected


def test_without_onsets_there_is_no_rhythm():
    silence = np.zeros(4 * RATE_HZ, np.float32)
    assert np.isnan(f_measure(silence, plucks(ONSETS_SECONDS), RATE_HZ))
    assert f_measure(plucks(ONSETS_SECONDS), silence, RATE_HZ) == 0.0


def test_truth_beats_noisy_truth_beats_another_rhythm():
    truth = plucks(ONSETS_SECONDS)
    noise = np.random.default_rng(0).normal(0.0, 0.03, len(truth)).astype(np.float32)
    scores = [
        f_measure(truth, estimate, RATE_HZ)
        for estimate in (truth, truth + noise, plucks(ONSETS_SECONDS + 0.15), noise)
    ]
    assert scores[0] >= scores[1] > max(scores[2:]) + 0.2
