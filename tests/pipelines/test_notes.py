import numpy as np
import pytest
import symusic

from pipelines.scores import notes
from tf_mt.data import chunk


def part(*pitches):
    found = np.zeros(len(pitches), notes.NOTE)
    found["onset"] = np.arange(len(pitches))
    found["duration"] = 1.0
    found["pitch"] = pitches
    return found


def write_midi(path, drums=False):
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, qpm=60))
    for pitch in (60, 48):
        track = symusic.Track(program=0)
        track.notes.append(symusic.Note(480, 240, pitch, 70))
        track.notes.append(symusic.Note(0, 480, pitch + 4, 90))
        score.tracks.append(track)
    if drums:
        track = symusic.Track(is_drum=True)
        track.notes.append(symusic.Note(0, 480, 35, 90))
        score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    score.dump_midi(path)


def test_midi_is_read_in_seconds_without_drums(tmp_path):
    write_midi(tmp_path / "x.mid", drums=True)
    parts = notes.read_midi(tmp_path / "x.mid")
    assert len(parts) == 2
    high = np.sort(parts[0], order="onset")
    np.testing.assert_allclose(high["onset"], [0, 1])
    np.testing.assert_allclose(high["duration"], [1, 0.5])
    np.testing.assert_array_equal(high["pitch"], [64, 60])
    np.testing.assert_array_equal(high["velocity"], [90, 70])


def test_what_is_not_midi_is_refused_by_name(tmp_path):
    (tmp_path / "x.mid").write_bytes(b"not MIDI at all")
    with pytest.raises(ValueError, match=r"x\.mid'.*cannot be read as MIDI"):
        notes.read_midi(tmp_path / "x.mid")


def test_midi_files_are_found_at_any_depth(tmp_path):
    for name in ("b.mid", "deeper/a.MIDI", "deeper/deeper/a.mid"):
        write_midi(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    found = notes.midi_files(tmp_path, limit=0)
    assert list(found) == ["b", "deeper/a", "deeper/deeper/a"]
    few = notes.midi_files(tmp_path, limit=2)
    assert len(few) == 2
    assert few.items() <= found.items()


def test_a_limit_favours_no_split(tmp_path):
    for number in range(300):
        (tmp_path / f"{number}.mid").touch()
    few = notes.midi_files(tmp_path, limit=100)
    in_train = sum(chunk.split(score) == "train" for score in few)
    assert in_train == pytest.approx(80, abs=10)


def test_a_folder_without_midi_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no MIDI file there .*\.mid"):
        notes.midi_files(tmp_path, limit=0)


def test_each_part_is_a_piece():
    found = notes.pieces("s", [part(60, 62), part(), part(48, 50, 52)], together=False)
    assert [piece.name for piece in found] == ["s/0", "s/1"]
    assert [len(piece.notes) for piece in found] == [2, 3]


def test_parts_together_are_one_piece_by_onset():
    (piece,) = notes.pieces("s", [part(60, 62), part(48, 50)], together=True)
    assert piece.name == "s/all"
    np.testing.assert_array_equal(piece.notes["pitch"], [48, 60, 50, 62])


def test_a_part_that_doubles_another_at_the_octave_is_left_out():
    found = notes.pieces(
        "s", [part(60, 62), part(48, 50), part(60, 64)], together=False
    )
    assert [piece.name for piece in found] == ["s/0", "s/2"]


def test_the_corpus_is_refused_what_it_does_not_have(tmp_path):
    with pytest.raises(
        ValueError, match="corpus='bac' is not known; did you mean 'bach"
    ):
        notes.read_corpus("bac", 0, tmp_path)


@pytest.mark.slow
def test_a_chorale_of_the_corpus_has_its_four_voices_and_is_kept(tmp_path, monkeypatch):
    scores = notes.read_corpus("bach", 2, tmp_path)
    assert len(scores) == 2
    for parts in scores.values():
        assert len(parts) >= 4
        for found in parts:
            assert found.dtype == notes.NOTE
            assert np.all(found["duration"] > 0)
            assert np.all((found["pitch"] > 30) & (found["pitch"] < 90))
    monkeypatch.delattr(notes, "_parse_all")
    again = notes.read_corpus("bach", 2, tmp_path)
    assert again.keys() == scores.keys()
    for score, parts in scores.items():
        for one, other in zip(parts, again[score], strict=True):
            np.testing.assert_array_equal(one, other)
