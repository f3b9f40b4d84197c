"""Channels that cancel, and samples beyond full scale; closed forms."""

import tracemalloc

import numpy as np
import pytest
import soundfile

from tf_mt.audio import files, mixing

RATE_HZ = 8000


def tone(hz=440.0, seconds=1.0):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def read(path, *channels, encoding="FLOAT"):
    soundfile.write(path, np.stack(channels, axis=1), RATE_HZ, encoding)
    return files.read(path, RATE_HZ)


@pytest.mark.parametrize("encoding", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize("dc", [0.0, 0.2])
def test_the_louder_of_two_channels_that_cancel_is_taken(tmp_path, encoding, dc):
    left, right = 0.5 * tone() + dc, -0.55 * tone() + dc
    audio = read(tmp_path / "a.wav", left, right, encoding=encoding)
    np.testing.assert_allclose(audio, right, atol=4e-5)


@pytest.mark.parametrize(
    "channels",
    [
        (0.5 * tone(), 0 * tone()),
        (0.5 * tone(), 0.5 * tone()),
        (0.5 * tone(), -0.25 * tone()),
        (0.5 * tone(440), 0.5 * tone(441)),
        (0 * tone(), 0 * tone(), 0 * tone(), 0 * tone(), 0.5 * tone(), 0 * tone()),
        (0.25 + 0.1 * tone(), -0.25 + 0.1 * tone()),
    ],
    ids=["one is silent", "same", "partly", "independent", "one of six", "DC"],
)
def test_other_channels_are_averaged(tmp_path, channels):
    audio = read(tmp_path / "a.wav", *channels)
    np.testing.assert_allclose(audio, np.mean(channels, axis=0), atol=1e-6)


def test_the_whole_file_decides(tmp_path):
    # Its first minute alone would be taken for a recording of inverted polarity.
    same = np.concatenate([-0.1 * tone(seconds=60), 0.5 * tone(seconds=60)])
    other = np.concatenate([0.1 * tone(seconds=60), 0.5 * tone(seconds=60)])
    audio = read(tmp_path / "a.flac", same, other, encoding="PCM_16")
    np.testing.assert_allclose(audio, (same + other) / 2, atol=4e-5)


@pytest.mark.parametrize("peak", [0.5, 1.0, 1.45])
def test_peaks_a_little_beyond_full_scale_are_left_alone(tmp_path, peak):
    audio = read(tmp_path / "a.wav", peak * tone())
    np.testing.assert_allclose(audio, peak * tone(), atol=1e-6)


@pytest.mark.parametrize("peak", [1.55, 4.0, 32768.0])
def test_peaks_far_beyond_full_scale_are_scaled_to_it(tmp_path, peak):
    audio = read(tmp_path / "a.wav", peak * tone(1000), peak * tone(1000))
    np.testing.assert_allclose(audio, tone(1000), atol=1e-6)
    blocks = list(files.blocks(tmp_path / "a.wav", RATE_HZ, 1000))
    np.testing.assert_array_equal(np.concatenate(blocks), audio)


def test_what_is_far_beyond_any_scale_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.wav.*not finite, or huge"):
        read(tmp_path / "a.wav", 1e30 * tone())


def test_a_file_that_is_replaced_is_surveyed_again(tmp_path):
    path = tmp_path / "a.wav"
    assert np.abs(read(path, 0.5 * tone(), -0.5 * tone())).max() > 0.49
    assert np.abs(read(path, 0.5 * tone(), -0.5 * tone(), tone())).max() < 0.4


def test_a_survey_needs_no_more_memory_for_a_longer_file(tmp_path):
    def peak_bytes(samples):
        path = tmp_path / f"{samples}.wav"
        soundfile.write(path, np.zeros((samples, 2)), RATE_HZ, "FLOAT")
        tracemalloc.start()
        for _ in files.blocks(path, RATE_HZ, 4000):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_bytes(100_000)
    assert peak_bytes(2_000_000) < 1.1 * peak_bytes(500_000)


def test_integers_of_one_channel_are_not_decoded_twice(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", tone(), RATE_HZ)
    monkeypatch.setattr(mixing, "_surveyed", lambda *_: pytest.fail("was decoded"))
    assert len(files.read(tmp_path / "a.wav", RATE_HZ)) == RATE_HZ


@pytest.mark.parametrize(
    ("audio", "sounds"),
    [
        (np.zeros(9000), False),
        (np.full(9000, 2.0**-18), False),
        (np.append(np.zeros(200_000), 0.1), True),
        (np.stack([0.3 * tone(), -0.3 * tone()], axis=1), True),
    ],
)
def test_whether_a_file_has_sound(tmp_path, audio, sounds):
    soundfile.write(tmp_path / "a.wav", audio, RATE_HZ, "FLOAT")
    assert files.has_sound(tmp_path / "a.wav") is sounds
