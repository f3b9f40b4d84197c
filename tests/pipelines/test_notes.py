import numpy as np
import pytest

from pipelines.scores import notes
from tests import midi_file
from tf_mt.data import chunk


def part(*pitches):
    found = np.zeros(len(pitches), notes.NOTE)
    found["onset"] = np.arange(len(pitches))
    found["duration"] = 1.0
    found["pitch"] = pitches
    return found


def pieces(parts, voices="separate", bends=()):
    return notes.pieces("s", notes.Score(parts, bends), voices)


def test_midi_files_are_found_at_any_depth(tmp_path):
    for name in ("b.mid", "deeper/a.MIDI", "deeper/deeper/a.mid"):
        midi_file.write(tmp_path / name)
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
    found = pieces([part(60, 62), part(), part(48, 50, 52)])
    assert [piece.name for piece in found] == ["s/0", "s/1"]
    assert [len(piece.notes) for piece in found] == [2, 3]


def test_parts_together_are_one_piece_by_onset():
    (piece,) = pieces([part(60, 62), part(48, 50)], voices="together")
    assert piece.name == "s/all"
    np.testing.assert_array_equal(piece.notes["pitch"], [48, 60, 50, 62])


def test_both_are_each_part_and_all_of_them():
    found = pieces([part(60, 62), part(), part(48, 52)], voices="both")
    assert [piece.name for piece in found] == ["s/0", "s/1", "s/all"]
    assert [len(piece.notes) for piece in found] == [2, 2, 4]
    (alone,) = pieces([part(60, 62)], voices="both")
    assert alone.name == "s/0"


def test_a_part_that_doubles_another_at_the_octave_is_left_out():
    found = pieces([part(60, 62), part(48, 50), part(60, 64)])
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


def test_files_of_one_stem_are_all_there(tmp_path):
    names = ["a.mid", "a.midi", "a.midi.mid", "b.RMI", "deeper/b.kar", "deeper/c.smf"]
    for name in [*names, "__MACOSX/a.mid", "._a.mid"]:
        midi_file.write(tmp_path / name)
    (tmp_path / "folder.mid").mkdir()
    found = notes.midi_files(tmp_path, limit=0)
    ids = ["a.mid", "a.midi", "a.midi.mid", "b", "deeper/b", "deeper/c"]
    assert {name: str(p.relative_to(tmp_path)) for name, p in found.items()} == dict(
        zip(ids, names, strict=True)
    )


def test_a_long_rest_of_a_part_is_cut_unless_all_parts_are_one_piece():
    one, other = part(60, 62), part(*range(48, 78))
    one["onset"] = 1, 25
    alone, _ = pieces([one, other])
    assert alone.notes["onset"].tolist() == [1, 2 + notes.LONGEST_REST_SECONDS]
    (both,) = pieces([one, other], voices="together")
    assert both.notes["onset"].max() == 29
    assert one["onset"].tolist() == [1, 25]


def test_a_piece_has_the_bends_of_its_notes():
    bends = tuple(np.array([[0.0, semitones]]) for semitones in (1.0, 2.0, 3.0))
    one, other = part(60, 62, 64), part(60, 65, 67)
    one["bend"], other["bend"] = (3, 0, 3), (0, 1, 2)
    found = pieces([one, other], bends=bends)
    assert [piece.notes["bend"].tolist() for piece in found] == [[1, 0, 1], [0, 1, 2]]
    assert [piece.bends for piece in found] == [bends[2:], bends[:2]]
