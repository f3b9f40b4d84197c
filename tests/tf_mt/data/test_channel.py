import numpy as np
import pytest
import tensorflow as tf

from tf_mt.data import channel

RATE_HZ = 16_000
SAMPLES = 16_000
SEED = tf.constant([1, 2], tf.int64)


def through(clips, seed=SEED, **settings):
    clips = tf.constant(clips, tf.float32)
    return channel.through(channel.Channel(**settings), clips, RATE_HZ, seed).numpy()


def impulses(count):
    clips = np.zeros((count, SAMPLES), np.float32)
    clips[:, 0] = 1.0
    return clips


def noise(count):
    return np.random.default_rng(0).normal(0.0, 0.1, (count, SAMPLES))


def spectrum_db(clips):
    return 20 * np.log10(np.abs(np.fft.rfft(clips)) + 1e-9)


def rms(clips):
    return np.sqrt(np.mean(np.square(clips), axis=-1))


def test_nothing_is_done_by_default():
    assert not channel.Channel().changes
    clips = noise(2)
    np.testing.assert_allclose(through(clips), clips, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"equaliser_db": 12.0},
        {"room_seconds": 0.5},
        {"coloured_noise_db": -10.0},
        {"clipping_db": 12.0},
        {"band_hz": 3000.0},
    ],
)
def test_each_changes_clips_and_leaves_their_power(settings):
    clips = noise(4)
    heard = through(clips, **settings)
    assert channel.Channel(**settings).changes
    assert np.all(np.max(np.abs(heard - clips), axis=-1) > 1e-4)
    np.testing.assert_allclose(rms(heard), rms(clips), rtol=1e-4)


def test_an_equaliser_is_smooth_and_within_its_range():
    gains_db = spectrum_db(through(impulses(50), equaliser_db=6.0))
    # The power of an impulse is kept, which moves its whole spectrum.
    assert 6.0 < np.ptp(gains_db[:, 50:], axis=-1).max() < 12.2
    steps_db = np.abs(np.diff(gains_db[:, 200:], axis=-1))
    assert steps_db.max() < 0.1


def test_a_room_decays_by_60_db_in_its_time():
    longest_seconds = 0.4
    responses = through(impulses(40), room_seconds=longest_seconds)
    rest = np.cumsum(responses[:, ::-1] ** 2, axis=-1)[:, ::-1]  # Schroeder 1965
    rest_db = 10 * np.log10(rest / rest[:, 1:2] + 1e-12)
    times = [np.argmax(one < -30.0) * 2 / RATE_HZ for one in rest_db]
    assert 0.05 < min(times) < 0.12
    assert 0.33 < max(times) < longest_seconds * 1.05


def test_noise_has_colours_and_reaches_its_level():
    clips = np.zeros((60, SAMPLES), np.float32)
    clips[:, ::100] = 1.0
    heard = through(clips, coloured_noise_db=-20.0)
    scale = np.sum(heard * clips, axis=-1) / np.sum(clips**2, axis=-1)
    added = heard / scale[:, np.newaxis] - clips
    level_db = 20 * np.log10(rms(added) / rms(clips))
    assert -21.0 < level_db.max() < -19.0
    assert level_db.min() < -30.0
    power = np.abs(np.fft.rfft(added))[:, 100:7900] ** 2
    octaves = np.log2(np.arange(100, 7900))
    slopes = [np.polyfit(octaves, 10 * np.log10(one), 1)[0] for one in power]
    assert -6.5 < min(slopes) < -5.0  # brown: 6 dB an octave
    assert -1.0 < max(slopes) < 0.5  # white


def test_clipping_cuts_peaks_off():
    heard = through(noise(30), clipping_db=12.0)
    crest_db = 20 * np.log10(np.max(np.abs(heard), axis=-1) / rms(heard))
    before_db = 20 * np.log10(np.max(np.abs(noise(30)), axis=-1) / rms(noise(30)))
    assert np.all(crest_db < before_db + 1e-3)
    assert np.max(before_db - crest_db) > 6.0


def test_a_low_pass_leaves_what_is_below_its_lowest_cut_off():
    clips = np.roll(impulses(30), SAMPLES // 2, axis=1)
    gains_db = spectrum_db(through(clips, band_hz=2000.0))
    gains_db -= gains_db[:, 1:2]
    assert np.abs(gains_db[:, :1500]).max() < 0.5
    cut_offs_hz = [np.argmax(one < -3.0) for one in gains_db if one.min() < -3.0]
    assert 1950 < min(cut_offs_hz) < 2600
    assert max(cut_offs_hz) > 6000


def test_the_end_of_a_clip_does_not_come_round_to_its_beginning():
    clips = np.zeros((5, SAMPLES), np.float32)
    clips[:, -1000:] = noise(5)[:, :1000]
    heard = through(clips, room_seconds=1.0)
    assert np.abs(heard[:, : SAMPLES - 1000]).max() < 1e-4


def test_silence_stays_silent():
    settings = {"equaliser_db": 6.0, "coloured_noise_db": -20.0, "clipping_db": 6.0}
    heard = through(np.zeros((2, SAMPLES)), room_seconds=0.3, **settings)
    np.testing.assert_allclose(heard, 0.0, atol=1e-6)


def test_clips_and_seeds_differ():
    clips = np.tile(noise(1), (2, 1))
    settings = {"equaliser_db": 6.0, "room_seconds": 0.3}
    heard = through(clips, **settings)
    other = through(clips, tf.constant([1, 3], tf.int64), **settings)
    assert np.abs(heard[0] - heard[1]).max() > 0.01
    assert np.abs(heard - other).max() > 0.01
    np.testing.assert_array_equal(heard, through(clips, **settings))
