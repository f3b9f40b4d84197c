"""Audio cut into windows and joined again is the same audio."""

import numpy as np
import pytest

from tf_mt.audio import windows

SIZES = [(10, 0), (10, 4), (10, 5), (7, 3), (2, 1), (1, 0)]

RATE_HZ = 16_000
WINDOW, OVERLAP = 4096, 1024
HOP, MOST_LAG = WINDOW - OVERLAP, OVERLAP // 4

PITCHES_HZ = (110.0, 220.0, 440.0, 880.0, 1760.0)
LEVELS = {"tone": (1.0,), "two": (1.0, 0.5), "three": (1.0, 0.6, 0.4)}


def cut(audio, block_samples):
    return [
        audio[at : at + block_samples] for at in range(0, len(audio), block_samples)
    ]


@pytest.mark.parametrize(("window_samples", "overlap_samples"), SIZES)
@pytest.mark.parametrize("block_samples", [1, 3, 100])
def test_joining_what_was_split_changes_nothing(
    window_samples, overlap_samples, block_samples
):
    for samples in range(1, 45):
        audio = np.random.default_rng(samples).standard_normal(samples, np.float32)
        both = windows.Windows(window_samples, overlap_samples)
        parts = list(both.split(cut(audio, block_samples)))
        assert {part.shape for part in parts} == {(window_samples,)}
        np.testing.assert_array_equal(np.concatenate(list(both.join(parts))), audio)


@pytest.mark.parametrize(("window_samples", "overlap_samples"), SIZES)
def test_every_sample_lies_away_from_the_edges_of_a_window(
    window_samples, overlap_samples
):
    margin = overlap_samples // 2
    for samples in range(1, 45):
        numbered = np.arange(1, samples + 1, dtype=np.float32)
        parts = windows.Windows(window_samples, overlap_samples).split([numbered])
        inside = [part[margin : window_samples - margin] for part in parts]
        assert set(numbered) <= set(np.concatenate(inside))


def test_a_seam_is_a_raised_cosine():
    both = windows.Windows(window_samples=100, overlap_samples=40)
    parts = list(both.split([np.zeros(100, np.float32)]))
    assert len(parts) == 2
    joined = np.concatenate(list(both.join([np.zeros(100), np.ones(100)])))
    angle = 0.5 * np.pi * (np.arange(40) + 0.5) / 40
    # The first window begins 20 samples before the audio, the second 60 after that.
    expected = np.concatenate([np.zeros(40), np.sin(angle) ** 2, np.ones(20)])
    np.testing.assert_allclose(joined, expected, atol=1e-6)


def test_windows_are_made_and_joined_as_they_are_needed():
    drawn = []

    def endless():
        while True:
            drawn.append(1)
            yield np.zeros(10, np.float32)

    both = windows.Windows(window_samples=100, overlap_samples=20)
    joined = both.join(both.split(endless()))
    for _ in range(50):
        assert len(next(joined)) <= 100
    assert len(drawn) * 10 < 51 * 80 + 100


def test_what_is_final_is_given_with_its_window():
    audio = np.arange(1000, dtype=np.float32)
    both = windows.Windows(window_samples=100, overlap_samples=20)
    given = 0
    for number, window in enumerate(both.split(audio[:, np.newaxis])):
        given += len(both.add(window))
        # The first window begins 10 samples before the audio.
        assert given == min(80 * (number + 1) - 10, 1000)
    assert len(both.rest()) == 1000 - given


def test_nothing_gives_nothing():
    both = windows.Windows(window_samples=10, overlap_samples=4)
    assert list(both.join(both.split([]))) == []


@pytest.mark.parametrize(
    ("window_samples", "overlap_samples"), [(10, 6), (10, -1), (0, 0)]
)
def test_an_overlap_that_does_not_fit_is_refused(window_samples, overlap_samples):
    with pytest.raises(
        ValueError,
        match=f"overlap_samples={overlap_samples} must be between 0 and half of "
        f"window_samples={window_samples}",
    ):
        windows.Windows(window_samples, overlap_samples)


def steady(pitch_hz, levels, starts_seconds):
    """Windows of one steady sound with harmonics, each from a moment of its own."""
    time = np.arange(WINDOW) / RATE_HZ + np.reshape(starts_seconds, [-1, 1])
    partials = [
        level * np.sin(2 * np.pi * (place + 1) * pitch_hz * time)
        for place, level in enumerate(levels)
    ]
    return np.sum(partials, axis=0).astype(np.float32)


def unrelated(pitch_hz, levels, count=30):
    random = np.random.default_rng(0)
    return steady(pitch_hz, levels, random.uniform(0, 1 / pitch_hz, count))


def joined(parts, samples=None):
    """Joins windows as if they had been made from those of a recording."""
    samples = len(parts) * HOP if samples is None else samples
    both = windows.Windows(WINDOW, OVERLAP)
    assert len(list(both.split([np.zeros(samples, np.float32)]))) == len(parts)
    audio = np.concatenate(list(both.join(parts)))
    assert audio.shape == (samples,)
    return audio


def cross_faded(parts, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(windows, "MOST_LAG_SAMPLES", 0)
        return joined(parts)


def deviation_db(audio, pitch_hz):
    """How far the level of 20 ms moves, taken over whole periods next to that."""
    span = round(RATE_HZ * round(0.02 * pitch_hz) / pitch_hz)
    spans = audio[: len(audio) // span * span].reshape(-1, span)
    level_db = 10.0 * np.log10(np.mean(spans**2, axis=1))
    return np.abs(level_db - np.median(level_db)).max()


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("pitch_hz", PITCHES_HZ)
def test_what_is_steady_stays_so_whatever_its_phase(pitch_hz, levels, monkeypatch):
    parts = unrelated(pitch_hz, levels)
    assert deviation_db(cross_faded(parts, monkeypatch), pitch_hz) > 3.0
    assert deviation_db(joined(parts), pitch_hz) < 0.5


@pytest.mark.parametrize("pitch_hz", PITCHES_HZ)
def test_harmonics_in_phases_of_their_own_fit_as_well_as_they_can(
    pitch_hz, monkeypatch
):
    random = np.random.default_rng(0)
    starts = random.uniform(0, 1 / pitch_hz, (2, 30))
    parts = steady(pitch_hz, [1], starts[0]) + steady(2 * pitch_hz, [0.5], starts[1])
    # At worst the second is inverted where the first fits, and they correlate by 0.6;
    # at half of a fade the power is then lower by a factor of (1 + 0.6) / 2.
    worst_db = -10.0 * np.log10(0.8 - windows.CORRELATION_MARGIN / 2)
    assert deviation_db(cross_faded(parts, monkeypatch), pitch_hz) > 4.0
    assert deviation_db(joined(parts), pitch_hz) < worst_db + 0.1


@pytest.mark.parametrize("pitch_hz", PITCHES_HZ)
def test_lags_do_not_add_up(pitch_hz):
    # Every window goes on 0.3 of a period later than would fit.
    parts = 0.1 * steady(pitch_hz, [1.0], 0.3 / pitch_hz * np.arange(100))
    clicks = HOP // 2 + HOP * np.arange(100)
    parts[:, OVERLAP // 2 + HOP // 2] = 1.0
    audio = joined(parts)
    late = np.argmax(audio.reshape(100, HOP), axis=1) + HOP * np.arange(100) - clicks
    assert late.min() < late.max()
    # Of all lags that fit, the one nearest to 0 is taken. A period of few samples may
    # fit only several times over.
    assert np.abs(late).max() <= max(0.5 * RATE_HZ / pitch_hz + 1, 25)


@pytest.mark.parametrize("pitch_hz", PITCHES_HZ)
@pytest.mark.parametrize("noise", [0.0, 1e-4, 1.0])
def test_music_that_was_split_is_joined_unchanged(pitch_hz, noise):
    random = np.random.default_rng(0)
    samples = 20 * HOP + 100
    time = np.arange(samples) / RATE_HZ
    sound = np.sin(2 * np.pi * pitch_hz * time) * np.exp(-4.0 * (time % 0.5))
    audio = (sound + noise * random.standard_normal(samples)).astype(np.float32)
    audio[5 * HOP : 9 * HOP] = 0.0
    parts = list(windows.Windows(WINDOW, OVERLAP).split([audio]))
    np.testing.assert_array_equal(joined(parts, samples), audio)


def test_silence_joins():
    np.testing.assert_array_equal(joined(np.zeros([5, WINDOW])), np.zeros(5 * HOP))
    parts = unrelated(220.0, [1.0], 5)
    parts[2] = 0.0
    audio = joined(parts)
    silent = slice(2 * HOP + OVERLAP // 2, 3 * HOP - OVERLAP // 2)
    np.testing.assert_array_equal(audio[silent], 0.0)
    assert np.all(np.isfinite(audio))


@pytest.mark.parametrize("samples", [1, 100, HOP])
def test_one_window_is_not_moved(samples):
    (part,) = parts = unrelated(220.0, [1.0], 1)
    audio = joined(parts, samples)
    np.testing.assert_array_equal(audio, part[OVERLAP // 2 :][:samples])


@pytest.mark.parametrize("samples", [4 * HOP + 1, 5 * HOP - 1, 5 * HOP])
def test_the_last_window_has_what_its_lag_asks_for(samples):
    for seed in range(20):
        random = np.random.default_rng(seed)
        parts = steady(40.0, [1.0], random.uniform(0, 1 / 40.0, 5))
        # Neighbouring samples differ by little if none is from somewhere else.
        assert np.abs(np.diff(joined(parts, samples))).max() < 0.03


@pytest.mark.parametrize("lag", [-MOST_LAG, -3, 0, 1, MOST_LAG])
def test_a_lag_is_found(lag):
    sound = np.random.default_rng(0).standard_normal(2 * OVERLAP)
    earlier = sound[OVERLAP // 2 :][:OVERLAP]
    later = 0.01 * sound[OVERLAP // 2 - lag :][:OVERLAP]
    assert windows.best_lag(earlier, later, MOST_LAG) == lag


def test_a_lag_that_gains_little_is_not_taken():
    time = np.arange(OVERLAP)
    for angle, lag in [(0.15, 0), (0.25, 1), (-0.15, 0), (-0.25, -1)]:
        earlier = np.sin(2 * np.pi * time / 64 + angle)
        found = windows.best_lag(earlier, np.sin(2 * np.pi * time / 64), MOST_LAG)
        # The cosine of an angle of 0.2 is 0.98.
        assert found == lag


def test_rounding_errors_are_not_taken_for_sound():
    earlier = np.sin(2 * np.pi * np.arange(OVERLAP) / 64)
    later = np.zeros(OVERLAP)
    # Only the first lag meets this, and there it meets a zero of `earlier`.
    later[0] = 1000.0
    assert windows.best_lag(earlier, later, MOST_LAG) == 0


def test_the_lag_is_bounded_whatever_the_overlap(monkeypatch):
    asked = []
    monkeypatch.setattr(windows, "best_lag", lambda *args: asked.append(args[-1]) or 0)
    for overlap in (8, 400, 40_000):
        both = windows.Windows(2 * overlap, overlap)
        list(both.join(both.split([np.zeros(2 * overlap, np.float32)])))
    assert sorted(set(asked)) == [2, 100, windows.MOST_LAG_SAMPLES]
