import librosa
import numpy as np
import pytest

from tf_mt.evaluation.metrics import chroma, pitch

RATE_HZ = 16_000


def chords(*pitches, rate_hz=RATE_HZ, seconds=0.5, partials=4):
    """Groups of MIDI pitches one after the other."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    played = [
        sum(
            np.sin(2 * np.pi * n * 440.0 * 2 ** ((pitch - 69) / 12) * time) / n
            for pitch in chord
            for n in range(1, partials + 1)
        )
        for chord in pitches
    ]
    return (0.05 * np.concatenate(played)).astype(np.float32)


CADENCE = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67))
# A tritone away.
FAR = tuple(tuple(pitch + 6 for pitch in chord) for chord in CADENCE)


def similarity(reference, estimate, rate_hz):
    both = reference, estimate
    return chroma.similarity(
        *(chroma.chromagram(audio, rate_hz) for audio in both),
        np.logical_and(*(pitch.sounding(audio, rate_hz) for audio in both)),
    )


@pytest.mark.parametrize("note", range(60, 72))
def test_a_tone_has_its_class(note):
    found = chroma.chromagram(chords((note,), partials=1), RATE_HZ)
    assert found.shape == (12, 1 + RATE_HZ // 2 // 512)
    assert (found.argmax(axis=0) == note % 12).all()
    assert (found.max(axis=0) == 1.0).all()
    assert np.delete(found, note % 12, axis=0)[:, 8].max() < 0.5


@pytest.mark.parametrize(("rate_hz", "octaves"), [(8000, 6), (16_000, 7), (48_000, 7)])
def test_chromagrams_are_those_of_librosa(rate_hz, octaves):
    rng = np.random.default_rng(0)
    audio = chords(*CADENCE, rate_hz=rate_hz, seconds=1.5)
    audio += rng.normal(0.0, 0.003, len(audio)).astype(np.float32)
    found = chroma.chromagram(audio, rate_hz)
    expected = librosa.feature.chroma_cqt(
        y=audio,
        sr=rate_hz,
        hop_length=rate_hz * 32 // 1000,
        n_octaves=octaves,
        tuning=0.0,
    )
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_silence_has_no_classes():
    silence = np.zeros(RATE_HZ, np.float32)
    assert not chroma.chromagram(silence, RATE_HZ).any()
    assert np.isnan(similarity(silence, chords((60,), (60,)), RATE_HZ))
    assert np.isnan(similarity(chords((60,), (60,)), silence, RATE_HZ))


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 22_050, 44_100])
def test_equal_recordings_have_similarity_one(rate_hz):
    audio = chords(*CADENCE, rate_hz=rate_hz)
    assert similarity(audio, audio, rate_hz) == pytest.approx(1.0)


def test_octaves_timbre_and_level_matter_little():
    low = chords(*CADENCE)
    high = chords(*[[pitch + 12 for pitch in chord] for chord in CADENCE])
    assert similarity(low, 0.1 * high, RATE_HZ) > 0.93
    assert similarity(low, chords(*CADENCE, partials=1), RATE_HZ) > 0.93


def test_far_tones_share_nothing():
    low, high = chords((60,), partials=1), chords((66,), partials=1)
    assert similarity(low, high, RATE_HZ) < 0.35


def test_frames_where_one_rests_do_not_count():
    rest = np.zeros(RATE_HZ, np.float32)
    tone, other = chords((60,), (60,)), chords((61,), (61,))
    both = similarity(
        np.concatenate([tone, other]), np.concatenate([tone, rest]), RATE_HZ
    )
    assert both > 0.9


def test_truth_beats_noisy_truth_beats_wrong_notes():
    truth = chords(*CADENCE)
    noise = np.random.default_rng(0).normal(0.0, 0.1, len(truth)).astype(np.float32)
    scores = [
        similarity(truth, estimate, RATE_HZ)
        for estimate in (truth, truth + noise, noise, chords(*FAR))
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] - scores[2] > 0.05
