import collections
import weakref

import numpy as np

from tf_mt.evaluation.metrics import pitch
from tf_mt.evaluation.protocol import analysis

RATE_HZ = 16_000


def tone(hz=440.0):
    return np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)


class Counted:
    """An analysis that knows how often it ran."""

    def __init__(self, value):
        self.value = value
        self.runs = 0

    def __call__(self, audio, sample_rate_hz):
        self.runs += 1
        return self.value, audio.sum(), sample_rate_hz


def test_an_analysis_finds_what_it_finds_in_the_audio():
    expected = pitch.track(tone(), RATE_HZ)
    found = analysis.Analysis(tone(), RATE_HZ).by(pitch.track)
    np.testing.assert_array_equal(found.pitch_hz, expected.pitch_hz)
    np.testing.assert_array_equal(found.sounding, expected.sounding)


def test_an_analysis_searches_a_recording_once():
    counted, recording = Counted("a"), analysis.Analysis(tone(), RATE_HZ)
    first = recording.by(counted)
    assert first == ("a", tone().sum(), RATE_HZ)
    assert recording.by(counted) is first
    assert counted.runs == 1


def test_analyses_and_recordings_are_told_apart():
    one, other = Counted("one"), Counted("other")
    low, high = analysis.Analysis(tone(220.5), RATE_HZ), analysis.Analysis(tone(), 8000)
    assert low.by(one) == ("one", tone(220.5).sum(), RATE_HZ)
    assert low.by(other) == ("other", tone(220.5).sum(), RATE_HZ)
    assert analysis.each(one, low, high, low) == [
        *(("one", tone(220.5).sum(), RATE_HZ), ("one", tone().sum(), 8000)),
        ("one", tone(220.5).sum(), RATE_HZ),
    ]
    assert (one.runs, other.runs) == (2, 1)


def test_nothing_found_is_found_once_too():
    calls = collections.Counter()
    recording = analysis.Analysis(tone(), RATE_HZ)

    def nothing(audio, sample_rate_hz):
        calls["nothing"] += 1

    assert analysis.each(nothing, recording, recording) == [None, None]
    assert calls["nothing"] == 1


def test_what_was_found_goes_with_the_recording():
    recording = analysis.Analysis(tone(), RATE_HZ)
    left = weakref.ref(recording.by(lambda audio, sample_rate_hz: audio + 1.0))
    assert left() is not None
    del recording
    assert left() is None
