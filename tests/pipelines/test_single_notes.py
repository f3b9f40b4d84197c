import os
import pathlib

import numpy as np
import pytest
import soundfile

from pipelines.scores import instruments, single_notes, tones

RATE_HZ = 16000


def refuse(error):
    raise error


def write(folder, name, pitch, level=0.5, seconds=1.0, silence_seconds=0.2):
    """Writes a note with harmonics, after some silence."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    hz = 440 * 2 ** ((pitch - 69) / 12)
    partials = [np.sin(2 * np.pi * k * hz * time) / k for k in (1, 2, 3)]
    audio = level * np.sum(partials, axis=0) / np.max(np.abs(np.sum(partials, axis=0)))
    audio = np.concatenate([np.zeros(int(silence_seconds * RATE_HZ)), audio])
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / name, audio, RATE_HZ)


def fundamental(audio):
    """The pitch of a tone: its lowest strong partial."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    strong = np.flatnonzero(spectrum > 0.3 * spectrum.max())
    peak = strong[0] + np.argmax(spectrum[strong[0] :][:200])
    return 69 + 12 * np.log2(peak * RATE_HZ / size / 440)


def load(folder):
    return single_notes.SingleNotes(folder, RATE_HZ, refuse)


@pytest.mark.parametrize(
    ("name", "instrument", "pitch", "velocity"),
    [
        ("cello_As2_15_forte_arco-normal.mp3", "cello", 46, 96),
        ("french-horn_C4_very-long_mezzo-piano_normal.mp3", "french-horn", 60, 68),
        ("string_acoustic_012-060-100.wav", "string_acoustic_012", 60, 100),
    ],
)
def test_names_say_what_is_played(name, instrument, pitch, velocity):
    note = single_notes.parse(pathlib.Path(name))
    assert (note.instrument, note.pitch, note.velocity) == (instrument, pitch, velocity)


@pytest.mark.parametrize(
    "name",
    [
        "cello.wav",
        "cello_H2_15_forte_normal.mp3",
        "cello_A2_very-long_cresc-decresc_normal.mp3",
        "cello_A2_phrase_forte_normal.mp3",
        "cello_A2_15_loud_normal.mp3",
    ],
)
def test_other_names_are_passed_over(name):
    assert single_notes.parse(pathlib.Path(name)) is None


def test_the_nearest_note_is_played_at_the_pitch_asked_for(tmp_path):
    for note, pitch in (("C4", 60), ("E4", 64), ("C5", 72)):
        write(tmp_path, f"oboe/oboe_{note}_1_forte_normal.wav", pitch)
    notes = load(tmp_path)
    assert notes.ranges == {"oboe": instruments.Range(60, 64)}
    for pitch in range(60, 65):
        audio = notes.tone("oboe", pitch, 90).audio
        assert fundamental(audio) == pytest.approx(pitch, abs=0.05)
        # A note that is played higher is shorter.
        nearest = 60 if pitch <= 62 else 64
        length = RATE_HZ * 2 ** ((nearest - pitch) / 12)
        assert len(audio) == pytest.approx(length, rel=0.01)


def test_silence_before_a_note_is_removed(tmp_path):
    write(tmp_path, "oboe/oboe_C4_1_forte_normal.wav", 60, silence_seconds=0.5)
    audio = load(tmp_path).tone("oboe", 60, 90).audio
    assert len(audio) == pytest.approx(RATE_HZ, abs=0.01 * RATE_HZ)
    assert np.max(np.abs(audio[: RATE_HZ // 50])) > 0.1


def test_notes_out_of_tune_are_tuned(tmp_path):
    write(tmp_path, "oboe/oboe_A4_1_forte_normal.wav", 69.4)
    audio = load(tmp_path).tone("oboe", 69, 90).audio
    assert fundamental(audio) == pytest.approx(69, abs=0.05)


def test_names_an_octave_too_high_are_corrected(tmp_path):
    for length in ("05", "1", "15"):
        write(tmp_path, f"trombone/trombone_A3_{length}_forte_normal.wav", 45)
    notes = load(tmp_path)
    assert notes.ranges == {"trombone": instruments.Range(45, 45)}
    audio = notes.tone("trombone", 45, 90).audio
    assert fundamental(audio) == pytest.approx(45, abs=0.05)


def test_the_nearest_dynamics_are_played_at_one_level(tmp_path):
    write(tmp_path, "oboe/oboe_A4_1_pianissimo_normal.wav", 69, level=0.1)
    loud = "oboe/oboe_A4_05_fortissimo_normal.wav"
    write(tmp_path, loud, 69, level=0.8, seconds=0.5)
    notes = load(tmp_path)
    for velocity, seconds in ((30, 1.0), (70, 1.0), (80, 0.5)):
        audio = notes.tone("oboe", 69, velocity).audio
        assert len(audio) == pytest.approx(seconds * RATE_HZ, rel=0.05)
        level = tones.note_level(audio, RATE_HZ)
        assert level == pytest.approx(tones.LEVEL, rel=1e-3)


def test_a_silent_note_stays_silent(tmp_path):
    write(tmp_path, "oboe/oboe_A4_1_forte_normal.wav", 69)
    notes = load(tmp_path)
    write(tmp_path, "oboe/oboe_A4_1_forte_normal.wav", 69, level=0.0)
    assert not np.any(notes.tone("oboe", 69, 90).audio)


def test_the_longest_of_equal_notes_is_played(tmp_path):
    for name, seconds in (("025", 0.25), ("15", 1.5), ("1", 1.0)):
        write(tmp_path, f"oboe/oboe_A4_{name}_forte_normal.wav", 69, seconds=seconds)
    audio = load(tmp_path).tone("oboe", 69, 90).audio
    assert len(audio) == pytest.approx(1.5 * RATE_HZ, rel=0.01)


def test_names_of_nsynth_in_one_folder(tmp_path):
    for instrument in ("flute_acoustic_001", "reed_acoustic_002"):
        for pitch in (60, 62):
            write(tmp_path, f"{instrument}-{pitch:03d}-100.wav", pitch)
    notes = load(tmp_path)
    assert list(notes.ranges) == ["flute_acoustic_001", "reed_acoustic_002"]
    audio = notes.tone("reed_acoustic_002", 61, 100).audio
    assert fundamental(audio) == pytest.approx(61, abs=0.05)


def test_what_cannot_be_read_is_left_out_with_its_name(tmp_path):
    write(tmp_path, "oboe/oboe_A4_1_forte_normal.wav", 69)
    (tmp_path / "oboe" / "oboe_B4_1_forte_normal.wav").touch()
    with pytest.raises(ValueError, match=r"oboe_B4_1_forte_normal\.wav'.*cannot be"):
        load(tmp_path)
    errors = []
    notes = single_notes.SingleNotes(tmp_path, RATE_HZ, errors.append)
    assert len(errors) == 1
    assert notes.ranges == {"oboe": instruments.Range(69, 69)}


def test_a_folder_without_notes_is_refused(tmp_path):
    write(tmp_path, "song.wav", 60)
    with pytest.raises(ValueError, match="no file there has the name of a note, such"):
        load(tmp_path)


def test_recordings_of_real_notes_are_in_tune():
    recordings = pathlib.Path(
        os.environ.get(
            "TF_MT_RECORDINGS",
            pathlib.Path(__file__).parents[2] / ".." / "shared" / "data",
        )
    )
    folder = recordings / "philharmonia"
    if not folder.is_dir():
        pytest.skip(f"no recordings of real notes in {folder}")
    librosa = pytest.importorskip("librosa")
    notes = single_notes.SingleNotes(folder, RATE_HZ, lambda error: None)
    off = []
    for instrument in ("trombone", "saxophone", "cello"):
        playable = notes.ranges[instrument]
        for pitch in range(playable.low, playable.high + 1, 4):
            audio = notes.tone(instrument, pitch, 90).audio[RATE_HZ // 20 :]
            wanted_hz = 440 * 2 ** ((pitch - 69) / 12)
            hz = librosa.yin(
                np.pad(audio, (0, max(0, 2048 - len(audio)))),
                fmin=wanted_hz / 2.2,
                fmax=wanted_hz * 1.5,
                sr=RATE_HZ,
            )
            off.append(abs(12 * np.log2(np.median(hz) / wanted_hz)))
    assert np.mean(np.array(off) < 0.3) > 0.9
