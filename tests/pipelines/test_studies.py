import numpy as np
import pytest

from pipelines.scores import notes, studies


def sounding(part):
    """The most notes of a part that sound at once."""
    order = np.argsort(part["onset"])
    onset = part["onset"][order]
    end = (part["onset"] + part["duration"])[order]
    return max(np.sum((onset <= time) & (end > time + 1e-6)) for time in onset)


@pytest.mark.parametrize("seed", range(3))
def test_one_voice_at_a_time(seed):
    for name, score in studies.studies(24, seed, several_voices=False).items():
        (part,) = score.parts
        assert part.dtype == notes.NOTE
        assert sounding(part) == 1, name
        end = part["onset"] + part["duration"]
        assert np.all(np.diff(part["onset"]) > 0)
        assert np.all(end[:-1] <= part["onset"][1:] + 1e-6)


def test_several_where_they_may():
    found = studies.studies(24, 0, several_voices=True)
    most = {sounding(score.parts[0]) for score in found.values()}
    assert {1, 2} <= most
    assert 4 <= max(most) <= 6


def test_lengths_and_pitches_suit_instruments():
    for score in studies.studies(60, 0, several_voices=True).values():
        (part,) = score.parts
        assert 15.0 < np.max(part["onset"] + part["duration"]) < 45.0
        assert np.all(part["duration"] > 0.03)
        assert np.ptp(part["pitch"]) <= 29
        assert np.all((part["pitch"] > 36) & (part["pitch"] < 97))


def test_they_have_what_chorales_have_not():
    parts = [s.parts[0] for s in studies.studies(60, 0, several_voices=False).values()]
    spans = [np.ptp(part["pitch"]) for part in parts]
    assert max(spans) >= 24
    fastest = min(np.min(np.diff(part["onset"])) for part in parts)
    assert fastest < 0.12
    leaps = max(np.max(np.abs(np.diff(part["pitch"]))) for part in parts)
    assert leaps >= 12


def test_seeds_differ_and_repeat():
    def flat(seed):
        found = studies.studies(6, seed, several_voices=False)
        return {name: score.parts[0].tobytes() for name, score in found.items()}

    assert flat(0) == flat(0)
    assert all(flat(0)[name] != flat(1)[name] for name in flat(0))


def test_more_studies_begin_with_the_same_ones():
    few, many = (studies.studies(n, 0, several_voices=False) for n in (5, 12))
    for name, score in few.items():
        np.testing.assert_array_equal(score.parts[0], many[name].parts[0])
