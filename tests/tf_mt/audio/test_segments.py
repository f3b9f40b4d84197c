"""Segments join as windows do, in a graph and for a batch at once."""

import numpy as np
import pytest
import tensorflow as tf

from tests.tf_mt import steadiness
from tf_mt.audio import segments, windows

RATE_HZ = 16_000
HOP, LEAD, OVERLAP, MOST_LAG = 2000, 500, 640, 150
SAMPLES = LEAD + HOP + OVERLAP // 2

PITCHES_HZ = (110.0, 220.0, 440.0, 880.0, 1760.0)
LEVELS = {"tone": (1.0,), "two": (1.0, 0.5), "three": (1.0, 0.6, 0.4)}


def joined(parts, most_lag=MOST_LAG):
    made = segments.join(tf.constant(parts), HOP, LEAD, OVERLAP, most_lag)
    assert made.dtype == tf.float32
    assert made.shape == (parts.shape[0], parts.shape[1] * HOP)
    return made.numpy()


def cut(audio):
    """Segments of recordings framed by zeros: `[batch, segments, SAMPLES]`."""
    padded = np.pad(audio, [(0, 0), (LEAD, OVERLAP)])
    starts = range(0, audio.shape[1], HOP)
    return np.stack([padded[:, at : at + SAMPLES] for at in starts], axis=1)


def steady(pitch_hz, levels, starts_seconds):
    """Segments of one steady sound with harmonics, each from a moment of its own."""
    time = np.arange(SAMPLES) / RATE_HZ + np.expand_dims(starts_seconds, -1)
    partials = [
        level * np.sin(2 * np.pi * (place + 1) * pitch_hz * time)
        for place, level in enumerate(levels)
    ]
    return np.sum(partials, axis=0).astype(np.float32)


def unrelated(pitch_hz, levels, batch=1, count=30, seed=0):
    random = np.random.default_rng(seed)
    return steady(pitch_hz, levels, random.uniform(0, 1 / pitch_hz, [batch, count]))


def mixed(batch, count, seed=0):
    """Tones in unrelated phase, of other pitches in every row, and a little noise."""
    random = np.random.default_rng(seed)
    rows = [
        unrelated(pitch_hz, [1.0, 0.5, 0.2], 1, count, seed)
        for pitch_hz in 110.0 * 2.0 ** random.uniform(0, 4, batch)
    ]
    noise = 0.05 * random.standard_normal([batch, count, SAMPLES])
    return (np.concatenate(rows) + noise).astype(np.float32)


def deviation_db(audio, pitch_hz):
    return steadiness.deviation_db(steadiness.levels_db(audio, pitch_hz, RATE_HZ))


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("pitch_hz", PITCHES_HZ)
def test_what_is_steady_stays_so_whatever_its_phase(pitch_hz, levels):
    parts = unrelated(pitch_hz, levels)
    assert deviation_db(joined(parts, most_lag=0)[0], pitch_hz) > 3.0
    assert deviation_db(joined(parts)[0], pitch_hz) < 0.5


@pytest.mark.parametrize("pitch_hz", PITCHES_HZ)
def test_lags_do_not_add_up(pitch_hz):
    # Every segment goes on 0.3 of a period later than would fit.
    parts = 0.1 * steady(pitch_hz, [1.0], 0.3 / pitch_hz * np.arange(100)[np.newaxis])
    parts[..., LEAD + HOP // 2] = 1.0
    late = np.argmax(joined(parts).reshape(100, HOP), axis=1) - HOP // 2
    assert late.min() < late.max()
    # Of all lags that fit, the one nearest to 0 is taken. A period of few samples may
    # fit only several times over.
    assert np.abs(late).max() <= max(0.5 * RATE_HZ / pitch_hz + 1, 25)


@pytest.mark.parametrize("most_lag", [0, MOST_LAG])
@pytest.mark.parametrize("noise", [0.0, 1e-4, 1.0])
def test_music_that_was_cut_is_joined_unchanged(most_lag, noise):
    random = np.random.default_rng(0)
    time = np.arange(20 * HOP) / RATE_HZ
    sound = np.sin(2 * np.pi * np.array([[110.0], [440.0]]) * time)
    sound *= np.exp(-4.0 * (time % 0.5))
    audio = (sound + noise * random.standard_normal(sound.shape)).astype(np.float32)
    audio[:, 5 * HOP : 9 * HOP] = 0.0
    np.testing.assert_array_equal(joined(cut(audio), most_lag), audio)


def test_silence_joins():
    silence = np.zeros([2, 5, SAMPLES], np.float32)
    np.testing.assert_array_equal(joined(silence), np.zeros([2, 5 * HOP]))
    parts = unrelated(220.0, [1.0], count=5)
    parts[:, 2] = 0.0
    audio = joined(parts)
    silent = slice(2 * HOP + OVERLAP // 2, 3 * HOP - OVERLAP // 2)
    np.testing.assert_array_equal(audio[:, silent], 0.0)
    assert np.all(np.isfinite(audio))


def test_one_segment_is_not_moved():
    parts = unrelated(220.0, [1.0], batch=3, count=1)
    np.testing.assert_array_equal(joined(parts), parts[:, 0, LEAD : LEAD + HOP])


def test_rows_do_not_see_each_other():
    parts = mixed(batch=5, count=8)
    together = joined(parts)
    for row, audio in zip(parts, together, strict=True):
        np.testing.assert_allclose(joined(row[np.newaxis])[0], audio, atol=1e-6)


def test_what_lies_beyond_the_overlap_is_not_used():
    parts = mixed(batch=2, count=8)
    longer = np.pad(parts, [(0, 0), (0, 0), (0, 77)], constant_values=9.0)
    longer[..., : LEAD - OVERLAP // 2] = 9.0
    np.testing.assert_array_equal(joined(longer), joined(parts))


def test_without_an_overlap_segments_stand_end_to_end():
    parts = mixed(batch=2, count=3)
    made = segments.join(tf.constant(parts), HOP, LEAD, 0, 0)
    np.testing.assert_array_equal(made, parts[..., LEAD:][..., :HOP].reshape(2, -1))


@pytest.mark.parametrize("hop", [2000, 641])
@pytest.mark.parametrize("overlap", [640, 641])
def test_windows_of_a_stream_are_joined_alike(hop, overlap):
    for seed in range(5):
        both = windows.Windows(hop + overlap, overlap)
        parts = mixed(batch=1, count=12, seed=seed)[..., : hop + overlap]
        assert len(list(both.split([np.zeros(12 * hop, np.float32)]))) == 12
        expected = np.concatenate(list(both.join(parts[0])))
        made = segments.join(
            tf.constant(parts), hop, overlap // 2, overlap, overlap // 4
        )
        np.testing.assert_allclose(made[0], expected, atol=1e-5)


@pytest.mark.parametrize("overlap", [640, 641])
def test_the_lags_are_those_of_windows(overlap):
    parts = mixed(batch=30, count=4)[..., :overlap]
    random = np.random.default_rng(1)
    parts[0] = 0.0
    parts[1, ::2] *= 1e-4
    parts[2] = random.standard_normal(parts[2].shape)
    parts[3, 1:, 5:] = parts[3, :-1, :-5]
    pairs = np.concatenate([parts[:, k : k + 2] for k in range(3)])
    lags = segments.lags(tf.constant(pairs), overlap, MOST_LAG)
    assert lags.dtype == tf.int32
    for (first, second), (earlier, later) in zip(lags.numpy(), pairs, strict=True):
        assert first == 0
        assert second == windows.best_lag(earlier, later, MOST_LAG)
    assert len(set(lags.numpy()[:, 1])) > 20


def test_one_graph_serves_every_batch_and_number_of_segments():
    spec = tf.TensorSpec([None, None, None], tf.float32)

    @tf.function(input_signature=[spec])
    def join(parts):
        return segments.join(parts, HOP, LEAD, OVERLAP, MOST_LAG)

    for batch, count in [(1, 1), (2, 5), (3, 130)]:
        parts = mixed(batch, count)
        np.testing.assert_allclose(join(parts), joined(parts), atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError):
        join(parts[..., :-1])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((100, 19, 40, 10), "lead_samples=19 must be 20 or more"),
        ((100, 50, 40, 20), "most_lag_samples=20 must be less than half of overlap"),
        ((100, 50, 40, -1), "most_lag_samples=-1 must be less than half of overlap"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        segments.join(tf.zeros([1, 3, 180]), *sizes)


def test_segments_that_are_too_short_are_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="lead, hop and half"):
        segments.join(tf.zeros([1, 3, 180]), 100, 61, 40, 10)


def test_the_hop_may_be_known_to_the_graph_alone():
    parts = mixed(2, 5)
    join = tf.function(segments.join)
    made = join(parts, tf.constant(HOP), LEAD, OVERLAP, MOST_LAG)
    np.testing.assert_array_equal(made, join(parts, HOP, LEAD, OVERLAP, MOST_LAG))
