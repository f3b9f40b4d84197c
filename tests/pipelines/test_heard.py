import collections
import contextlib
import io
import json
import pathlib

import numpy as np
import pytest

from pipelines import conversion, extraction, inspection
from pipelines.scores import heard, instruments, performance, soundfont
from pipelines.scores.notes import NOTE
from tests import conftest, midi_file
from tf_mt.data import chunk, clips, domains, index, recordings

DOMAINS = conftest.DOMAINS
PLAYING = ("clarinet", "oboe")


def read(data, split):
    return list(recordings.read(data, split))


def convert(folder, config="paired", pitches=(64, 76), **settings):
    """Makes a dataset of a few melodies within pitches."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        melody = [(480 * n, 450, int(rng.integers(*pitches))) for n in range(6)]
        midi_file.write(folder / "midi" / f"{seed}.mid", melody)
    settings = {"domains": DOMAINS, "sample_rate": 8000, **settings}
    source = {"source": str(folder / "midi")}
    return conversion.convert("scores", folder / "data", config, source | settings)


def test_they_play_training_pieces_as_the_domains_do(heard_data):
    pieces = collections.defaultdict(dict)
    for recording in read(heard_data, "train"):
        assert recording.recording == f"{recording.piece}/{recording.domain}"
        pieces[recording.piece][recording.domain] = recording.audio
    for played in pieces.values():
        assert played.keys() == {*DOMAINS, *PLAYING}
        assert len({len(audio) for audio in played.values()}) == 1
        assert len({audio.tobytes() for audio in played.values()}) == len(played)


def test_their_notes_are_those_of_the_domains(heard_data):
    train = recordings.Recordings(heard_data, "train")
    notes = collections.defaultdict(dict)
    for entry in train.entries:
        notes[entry.piece][entry.domain] = train.notes(entry)
    for played in notes.values():
        for field in ("onset_seconds", "pitch"):
            np.testing.assert_array_equal(
                played["oboe"][field], played["violin"][field]
            )


@pytest.mark.parametrize("split", ["validation", "test"])
def test_they_play_nothing_else(heard_data, split):
    assert {recording.domain for recording in read(heard_data, split)} == set(DOMAINS)


def test_models_are_not_translated_to_them(heard_data):
    assert clips.read_info(heard_data).domains == DOMAINS
    assert recordings.Recordings(heard_data, "train").info.domains == DOMAINS
    stored = domains.read(index.open_dataset(heard_data))
    # The tuba has the pitches of none of the pieces.
    assert stored == domains.Domains(DOMAINS, PLAYING)


def test_what_the_domains_play_is_the_same_without_them(tmp_path):
    plain = convert(tmp_path / "plain")
    with_heard = convert(tmp_path / "heard", heard_domains=("oboe",))
    for split in chunk.SPLITS:
        ours = {r.recording: r.audio.tobytes() for r in read(with_heard, split)}
        for recording in read(plain, split):
            assert ours[recording.recording] == recording.audio.tobytes()


def test_a_dataset_without_them_says_nothing_of_them(paired_data):
    folder = pathlib.Path(index.open_dataset(paired_data).data_dir)
    assert "heard" not in (folder / "metadata.json").read_text()
    assert domains.read(index.open_dataset(paired_data)).heard == ()


def test_it_is_made_once_for_the_same_instruments(tmp_path, capsys):
    data = convert(tmp_path, heard_domains=("oboe", "clarinet"))
    table = capsys.readouterr().out.splitlines()
    (row,) = [line.split() for line in table if "heard only" in line]
    train = len(read(data, "train")) // 5
    assert row[:4] == ["2", "heard", "only", str(2 * train)]
    assert row[4:] and row[5:] == ["0", "0.0"] * 2
    assert table[-1].startswith("next: ")
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    convert(tmp_path, heard_domains=("oboe", "clarinet"))
    assert "already made" in capsys.readouterr().out
    for other, said in (((), "None"), (("oboe",), r"\['oboe'\]")):
        sentence = rf"heard_domains was \['oboe', 'clarinet'\], not {said}"
        with pytest.raises(ValueError, match=sentence):
            convert(tmp_path, heard_domains=other)
    command = {"overwrite": True}
    settings = json.loads((data / "metadata.json").read_text())["settings"]
    conversion.convert("scores", tmp_path / "data", "paired", settings, **command)
    assert before == {path.name: path.read_bytes() for path in data.iterdir()}


def test_those_without_a_piece_are_named(tmp_path, capsys):
    convert(tmp_path, heard_domains=("oboe", "tuba", "contrabass"))
    said = capsys.readouterr().out
    assert "heard_domains: tuba, contrabass have all pitches of no training" in said


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"heard_domains": ("obo",)}, "heard_domains='obo' is not known; did you mean"),
        ({"heard_domains": ("flute",)}, "heard_domains='flute' must not be one of the"),
        ({"heard_domains": ("tuba",)}, "heard_domains='tuba': one of them must have "),
        (
            {"heard_domains": ("all",), "config": "unpaired"},
            "heard_domains='all': all domains must play .*; give --config=paired",
        ),
    ],
)
def test_what_cannot_be_heard_is_refused(tmp_path, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        convert(tmp_path, **settings)


def test_all_are_those_that_are_there_with_a_clear_pitch():
    font = soundfont.Soundfont(soundfont.default_path(), 8000)
    known = list(instruments.RANGES)

    def plays(name):
        return bool(font.zones(name))

    found = heard.chosen(heard.ALL, DOMAINS, known, plays)
    missing = {*DOMAINS, *instruments.UNCLEAR}
    assert set(found) == set(known) - missing
    assert len(found) + len(missing) == 112
    assert heard.chosen(heard.ALL, [], ["oboe", "tuba"], "oboe".__eq__) == ["oboe"]
    assert heard.chosen(["whistle", "oboe"], [], known, plays) == ["whistle", "oboe"]


def source(piece, pitches):
    notes = np.zeros(len(pitches), NOTE)
    notes["onset"], notes["duration"], notes["pitch"] = range(len(pitches)), 1, pitches
    played = performance.Performance("violin", notes)
    return chunk.Source("violin", f"{piece}/violin", played, piece)


def test_a_few_play_each_piece_and_each_has_its_turn():
    ranges = {f"wide {n}": instruments.Range(0, 127) for n in range(9)}
    ranges["low"] = instruments.Range(0, 60)
    pieces = [source(f"{n}", [50, 60 + n % 2]) for n in range(36)]
    found = heard.recordings(pieces, ranges, seed=0)
    played = collections.Counter(recording.piece for recording in found)
    assert set(played.values()) == {heard.PLAYING}
    turns = collections.Counter(recording.domain for recording in found)
    assert turns.keys() == ranges.keys()
    assert max(turns.values()) - min(turns.values()) <= 2
    assert all(r.origin.notes["pitch"][1] == 60 for r in found if r.domain == "low")
    names = [recording.domain for recording in found]
    assert names == sorted(names)
    again, other = (heard.recordings(pieces, ranges, seed) for seed in (0, 1))
    assert [r.recording for r in again] == [r.recording for r in found]
    assert [r.recording for r in other] != [r.recording for r in found]


def test_a_piece_that_none_can_play_has_none():
    assert (
        heard.recordings([source("a", [90])], {"low": instruments.Range(0, 60)}, 0)
        == []
    )


def test_inspection_tells_of_them(heard_data, tmp_path):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        inspection.inspect(heard_data, tmp_path / "page.png")
    lines = said.getvalue().splitlines()
    rows = [line for line in lines if "(heard only)" in line]
    assert [row.split()[:2] for row in rows] == [["train", name] for name in PLAYING]
    assert not [line for line in lines if line.startswith("warning")]


def test_they_are_extracted_under_their_names(heard_data, tmp_path):
    extraction.extract(heard_data, "train", tmp_path, limit=1)
    assert {path.name for path in tmp_path.iterdir()} == {*DOMAINS, *PLAYING}
