import mir_eval
import numpy as np
import pytest

from tf_mt.evaluation.metrics import notes, transcription

RATE_HZ = 16_000
SECONDS = 4.0
NOTE = [("onset_seconds", float), ("duration_seconds", float), ("pitch", int)]


def score(*chords, apart_seconds=0.5):
    """Groups of MIDI pitches, one after the other."""
    return np.array(
        [
            (apart_seconds * k, 0.9 * apart_seconds, pitch)
            for k, chord in enumerate(chords)
            for pitch in chord
        ],
        NOTE,
    )


ONE_VOICE = score([60], [64], [67], [67], [62], [72], [71], [55])
THREE_VOICES = score(
    *([48, 64, 67], [53, 65, 69], [55, 65, 71], [48, 64, 72]),
    *([57, 64, 72], [50, 66, 69], [55, 62, 71], [60, 64, 67]),
)


def synthesise(notes_played, rate_hz=RATE_HZ, slope=1.0, decay=2.0):
    """Harmonic tones; the n-th partial has amplitude 1 / n ** slope."""
    audio = np.zeros(int(SECONDS * rate_hz))
    for onset, duration, pitch in notes_played.tolist():
        time = np.arange(int(duration * rate_hz)) / rate_hz
        hz = 440.0 * 2 ** ((pitch - 69) / 12)
        wave = sum(
            np.sin(2 * np.pi * n * hz * time + n * n) / n**slope
            for n in range(1, 11)
            if n * hz < rate_hz / 2
        )
        wave *= np.exp(-decay * time) * np.minimum(1.0, time / 0.005)
        wave *= np.minimum(1.0, (duration - time) / 0.01)
        start = round(onset * rate_hz)
        audio[start : start + len(wave)] += 0.05 * wave
    return audio.astype(np.float32)


def moved(notes_played, semitones=0, seconds=0.0):
    other = notes_played.copy()
    other["pitch"] += semitones
    other["onset_seconds"] += seconds
    return other


def f_measure(audio, labelled, rate_hz):
    return notes.f_measure(labelled, transcription.transcribe(audio, rate_hz))


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100])
def test_one_voice_is_found(rate_hz):
    audio = synthesise(ONE_VOICE, rate_hz)
    assert f_measure(audio, ONE_VOICE, rate_hz) > 0.93


@pytest.mark.parametrize("slope", [0.7, 1.0, 1.5])
def test_three_voices_are_found(slope):
    audio = synthesise(THREE_VOICES, slope=slope)
    assert f_measure(audio, THREE_VOICES, RATE_HZ) > 0.8


def test_matching_is_that_of_mir_eval():
    audio = synthesise(THREE_VOICES)
    found = transcription.transcribe(audio, RATE_HZ)
    scored = [
        (
            np.stack([one["onset_seconds"], one["onset_seconds"] + 0.1], axis=1),
            mir_eval.util.midi_to_hz(one["pitch"]),
        )
        for one in (THREE_VOICES, found)
    ]
    _, _, expected, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *scored[0], *scored[1], offset_ratio=None
    )
    assert f_measure(audio, THREE_VOICES, RATE_HZ) == expected


def test_how_long_notes_last_does_not_matter():
    longer = ONE_VOICE.copy()
    longer["duration_seconds"] *= 3.0
    audio = synthesise(ONE_VOICE)
    assert f_measure(audio, longer, RATE_HZ) == f_measure(audio, ONE_VOICE, RATE_HZ)


@pytest.mark.parametrize("wrong", [moved(ONE_VOICE, 1), moved(ONE_VOICE, 0, 0.12)])
def test_wrong_pitches_and_times_are_wrong(wrong):
    assert f_measure(synthesise(ONE_VOICE), wrong, RATE_HZ) < 0.15


def test_half_of_the_notes_are_two_thirds():
    half = ONE_VOICE[::2]
    scored = f_measure(synthesise(half), ONE_VOICE, RATE_HZ)
    assert scored == pytest.approx(2 / 3, abs=0.06)


def test_nothing_to_play_and_nothing_played():
    silence = np.zeros(RATE_HZ, np.float32)
    first = ONE_VOICE[:1]
    assert np.isnan(f_measure(synthesise(ONE_VOICE), ONE_VOICE[:0], RATE_HZ))
    assert f_measure(silence, first, RATE_HZ) == 0.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (moved(ONE_VOICE, 0, 1.0), "must be at least 0 and below 4.0"),
        (moved(ONE_VOICE, 0, -0.1), "must be at least 0 and below 4.0"),
        (moved(ONE_VOICE, 70), "must be MIDI note numbers"),
    ],
)
def test_notes_of_something_else_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        notes.validate(wrong, 4.0)


def test_truth_beats_noisy_truth_beats_wrong_notes_and_noise():
    truth = synthesise(THREE_VOICES)
    noise = np.random.default_rng(0).normal(0.0, 0.03, len(truth)).astype(np.float32)
    clean, noisy, wrong, none = (
        f_measure(audio, THREE_VOICES, RATE_HZ)
        for audio in (truth, truth + noise, synthesise(moved(THREE_VOICES, 1)), noise)
    )
    assert clean >= noisy > max(wrong, none) + 0.2
