"""Audio cut into windows and joined again is the same audio."""

import numpy as np
import pytest

from tf_mt.audio import windows

SIZES = [(10, 0), (10, 4), (10, 5), (7, 3), (2, 1), (1, 0)]


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
