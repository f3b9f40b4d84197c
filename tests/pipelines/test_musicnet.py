import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from pipelines import conversion
from pipelines.musicnet import metadata, musicnet_dataset_builder, notes
from tests.pipelines import musicnet_tree
from tf_mt.data import chunk, recordings

UMT = [
    "Beethoven Accompanied Violin",
    "Bach Solo Cello",
    "Bach Solo Piano",
    "Beethoven Solo Piano",
    "Beethoven String Quartet",
    "Cambini Wind Quintet",
]
CELLO = "Cello=ensemble:Solo Cello"
PIANO = "Piano=ensemble:Solo Piano"
CELLOS = musicnet_tree.RECORDINGS["Bach", "Solo Cello"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A tree that is only read, and the dataset made of it."""
    folder = tmp_path_factory.mktemp("musicnet")
    source = musicnet_tree.write(folder / "musicnet")
    return source, convert(source, folder / "data")


@pytest.fixture
def source(tmp_path):
    return musicnet_tree.write(tmp_path / "musicnet")


def convert(source, data_dir, config=None, **settings):
    return conversion.convert(
        "musicnet", data_dir, config, settings={"source": str(source), **settings}
    )


def plan(source, data_dir, config=None, **settings):
    """What the dataset would hold; nothing is made."""
    builder = musicnet_dataset_builder.Builder
    return builder(
        data_dir=data_dir,
        config=config or builder.default_config(settings),
        settings=builder.SETTINGS(source=str(source), **settings),
    ).plan(pathlib.Path(source))


def ids(plan):
    """The recordings of each domain."""
    found = {domain: set() for domain in plan.domains}
    for recording in [r for split in plan.recordings.values() for r in split]:
        found[recording.domain].add(int(recording.recording.partition("@")[0]))
    return found


def examples(data_dir):
    builder = tfds.builder_from_directory(data_dir)
    found = [
        example
        for split in builder.info.splits
        for example in builder.as_dataset(split=split).as_numpy_iterator()
    ]
    return sorted(found, key=lambda e: (e["recording"], e["offset"]))


def test_umt_has_every_recording_of_its_six_domains_once(made):
    _, data = made
    splits = {
        split: [(r.domain, int(r.recording)) for r in recordings.read(data, split)]
        for split in ("train", "validation", "test")
    }
    found = [pair for split in splits.values() for pair in split]
    assert set(found) == {
        (f"{composer} {ensemble}", recording)
        for (composer, ensemble), all_of_it in musicnet_tree.RECORDINGS.items()
        if f"{composer} {ensemble}" in UMT
        for recording in all_of_it
    }
    assert len(found) == 24
    for split in splits.values():
        assert {domain for domain, _ in split} == set(UMT)
    names = tfds.builder_from_directory(data).info.features["domain"].names
    assert names == UMT


def test_recordings_are_split_by_their_ids_and_not_as_published(made):
    source, data = made
    wanted = chunk.split_domain([str(recording) for recording in CELLOS])
    for split in ("train", "validation", "test"):
        found = {
            r.recording
            for r in recordings.read(data, split)
            if r.domain == "Bach Solo Cello"
        }
        assert found == {name for name in wanted if wanted[name] == split}
    assert musicnet_tree.wav(source, 2298).parent.name == "test_data"


def test_a_recording_has_what_the_table_says_of_it(made):
    source, data = made
    (example,) = [e for e in examples(data) if e["recording"] == b"2343"]
    texts = {
        column: example[column].decode()
        for column in musicnet_tree.COLUMNS
        if column in example
    }
    assert texts == {
        "composer": "Beethoven",
        "composition": "WTK I, No. 3: Prelude",
        "movement": "2. Andante, ma moderato",
        "ensemble": "Solo Piano",
        "source": "Neal O\u2019Doan",
        "transcriber": "suzumidi",
        "catalog_name": "BWV848",
    }
    assert example["sample_rate"] == 16000
    assert example["audio"].shape == (4800,)
    hz = np.argmax(np.abs(np.fft.rfft(example["audio"]))) / 0.3
    tone, rate = soundfile.read(musicnet_tree.wav(source, 2343))
    wanted_hz = np.argmax(np.abs(np.fft.rfft(tone))) * rate / len(tone)
    assert hz == pytest.approx(wanted_hz)


def test_notes_are_sorted_and_in_seconds(made):
    _, data = made
    for example in examples(data):
        found = example["notes"]
        np.testing.assert_array_equal(found["pitch"], [53, 48, 60])
        np.testing.assert_array_equal(found["program"], [42, 0, 42])
        np.testing.assert_array_equal(found["begun"], [False] * 3)
        np.testing.assert_allclose(
            found["onset_seconds"], np.array([0, 4410, 4410]) / 44100, rtol=1e-6
        )
        np.testing.assert_allclose(
            found["duration_seconds"], np.array([8000, 7590, 6615]) / 44100, rtol=1e-6
        )


def test_each_chunk_has_the_notes_that_sound_in_it(source, tmp_path):
    musicnet_tree.write_tone(musicnet_tree.wav(source, 2217), 45.0)  # Three chunks.
    second = musicnet_tree.RATE_HZ
    musicnet_tree.write_labels(
        musicnet_tree.labels(source, 2217),
        [
            (14 * second, 32 * second, 43, 60),  # In all three.
            (13 * second, 15 * second, 43, 61),  # Ends with the first.
            (14 * second, 16 * second, 43, 59),
            (44 * second, 50 * second, 43, 62),  # Ends after the recording.
        ],
    )
    data = convert(source, tmp_path / "data", domain=[CELLO])
    first, second, third = [
        {name: list(values) for name, values in example["notes"].items()}
        for example in examples(data)
        if example["recording"] == b"2217"
    ]
    assert first == {
        "pitch": [61, 59, 60],
        "onset_seconds": [13, 14, 14],
        "duration_seconds": [2, 1, 1],
        "program": [42, 42, 42],
        "begun": [False, False, False],
    }
    assert second == {
        "pitch": [59, 60],
        "onset_seconds": [0, 0],
        "duration_seconds": [1, 15],
        "program": [42, 42],
        "begun": [True, True],
    }
    assert third == {
        "pitch": [60, 62],
        "onset_seconds": [0, 14],
        "duration_seconds": [2, 1],
        "program": [42, 42],
        "begun": [True, False],
    }


def test_the_other_configurations(made, tmp_path):
    source, _ = made
    of = musicnet_tree.RECORDINGS
    assert ids(plan(source, tmp_path, "cpc")) == {
        "Solo Cello": set(CELLOS),
        "Solo Violin": set(of["Bach", "Solo Violin"]),
        "Beethoven Solo Piano": set(of["Beethoven", "Solo Piano"]),
    }
    composers = ("Bach", "Beethoven", "Schubert")
    assert ids(plan(source, tmp_path, "lord")) == {
        "Solo Cello": set(CELLOS),
        "Solo Piano": {r for c in composers for r in of[c, "Solo Piano"]},
        "Solo Violin": set(of["Bach", "Solo Violin"]),
        "Wind Quintet": set(of["Cambini", "Wind Quintet"]),
    }


def test_own_domains(source, tmp_path):
    musicnet_tree.write_tone(musicnet_tree.wav(source, 2155), 12)
    given = [
        "Bach's piano=ensemble:Solo Piano, composer:Bach",
        "one=id:2155,composition:WTK I, No. 3: Prelude",
    ]
    data = convert(source, tmp_path / "data", domain=given)
    assert data == tmp_path / "data" / "musicnet" / "custom" / "1.0.0"
    names = tfds.builder_from_directory(data).info.features["domain"].names
    assert names == ["Bach's piano", "one"]
    assert ids(plan(source, tmp_path, domain=tuple(given))) == {
        "Bach's piano": set(musicnet_tree.RECORDINGS["Bach", "Solo Piano"]),
        "one": {2155},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["Solo Cello"], r"domain='Solo Cello' must be NAME=column:value.*such as"),
        (["=ensemble:Solo Cello"], "domain='=ensemble:Solo Cello' must be NAME="),
        (["a="], "domain='a=' must be NAME="),
        (["a=Solo Cello"], "domain='a=Solo Cello' must be NAME="),
        (["a=ensemble:"], "domain='a=ensemble:' must be NAME="),
        (["a=composer:Bach,composer:Haydn"], "each column once"),
        ([CELLO, CELLO], "'Cello' is there twice; rename one"),
        (
            ["a=ensembel:Solo Cello"],
            "domain='a': column='ensembel' is not known; did you mean 'ensemble'",
        ),
        (
            ["a=ensemble:Solo Cellos"],
            "domain='a': ensemble='Solo Cellos' is not known; did you mean 'Solo Cel",
        ),
        (
            ["a=ensemble:Solo Cello,composer:Cambini"],
            "domain='a' has no recordings: none has ensemble 'Solo Cello' and composer",
        ),
        ([CELLO, "b=composer:Bach"], "recording='2217' is in the domains 'Cello' and"),
    ],
)
def test_refuses_own_domains_that_make_no_sense(made, tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        plan(made[0], tmp_path, domain=tuple(given))


def test_own_domains_and_the_configuration_custom_go_together(made, tmp_path):
    with pytest.raises(ValueError, match="config='custom' needs domain: NAME="):
        convert(made[0], tmp_path, "custom")
    with pytest.raises(ValueError, match="config='umt' has domains of its own; leave"):
        convert(made[0], tmp_path, "umt", domain=[CELLO])


def test_finds_the_tree_and_its_table(source, tmp_path):
    wanted = ids(plan(source, tmp_path / "data"))
    outer = tmp_path / "Müsik [alt] 100%"
    outer.mkdir()
    # As Zenodo's two files are unpacked, and then as the copy on Kaggle is.
    (source / "musicnet_metadata.csv").rename(outer / "musicnet_metadata.csv")
    for place in (outer / "musicnet", outer / "musicnet" / "musicnet"):
        source.rename(tmp_path / "moved")
        place.parent.mkdir(exist_ok=True)
        source = (tmp_path / "moved").rename(place)
        (source.parent / "musicnet.npz").write_bytes(b"PK")
        for named in (outer, source.parent, source):
            assert ids(plan(named, tmp_path / "data")) == wanted


def test_files_of_others_do_no_harm(source, tmp_path):
    # What the loader of the authors, and systems, leave there.
    (source / "train_data" / "2217.npy").write_bytes(b"not audio")
    (source / "train_labels" / "train_tree.pckl").write_bytes(b"not notes")
    (source / "train_data" / "._2217.wav").write_bytes(b"not audio")
    assert ids(plan(source, tmp_path))["Bach Solo Cello"] == set(CELLOS)


def test_says_which_folder_was_meant(source, tmp_path):
    for named in (source / "train_data", source / "test_labels"):
        with pytest.raises(ValueError, match="train_data and train_labels") as error:
            plan(named, tmp_path)
        assert f"did you mean '{source}'?" in str(error.value)
    source.rename(tmp_path / "set")
    with pytest.raises(ValueError, match=r"did you mean '.*/set'"):
        plan(tmp_path, tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        plan(tmp_path / "above", tmp_path)


def test_refuses_the_pickle(tmp_path):
    (tmp_path / "old").mkdir()
    pickle_path = tmp_path / "old" / "musicnet.npz"
    pickle_path.write_bytes(b"PK")
    for named in (pickle_path, tmp_path / "old"):
        with pytest.raises(ValueError, match=r"musicnet\.npz' is a pickle.*run any co"):
            plan(named, tmp_path)
    with pytest.raises(ValueError, match=r"musicnet\.tar\.gz.*zenodo.*5120004"):
        plan(pickle_path, tmp_path)


def test_refuses_a_tree_without_its_table(source, tmp_path):
    (source / "musicnet_metadata.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"no musicnet_metadata\.csv there or"):
        plan(source, tmp_path)


def test_refuses_a_table_that_is_not_the_published_one(tmp_path):
    path = tmp_path / "musicnet_metadata.csv"
    rows = musicnet_tree.table()
    musicnet_tree.write_metadata(path, [*rows, rows[3]])
    with pytest.raises(ValueError, match=r"line 32: id='2628' is there twice; remove"):
        metadata.read(path)
    path.write_text("id,composer\n1727,Schubert\n")
    with pytest.raises(ValueError, match=r"no column 'composition'; it has to be"):
        metadata.read(path)
    musicnet_tree.write_metadata(path, [rows[0], rows[1][:5]])
    with pytest.raises(ValueError, match="line 3: it does not have 9 columns"):
        metadata.read(path)
    musicnet_tree.write_metadata(path, [])
    with pytest.raises(ValueError, match="lists no recordings"):
        metadata.read(path)
    path.write_bytes(",".join(musicnet_tree.COLUMNS).encode() + b"\n\xff\xfe")
    with pytest.raises(ValueError, match="cannot be read as CSV"):
        metadata.read(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="no column 'id'"):
        metadata.read(path)


def test_refuses_a_recording_that_the_table_does_not_have(source, tmp_path):
    musicnet_tree.write_tone(source / "train_data" / "9999.wav", 0.1)
    with pytest.raises(ValueError, match=r"9999\.wav'.*metadata\.csv has no row for"):
        plan(source, tmp_path)


def test_some_recordings_of_the_table_are_enough(source, tmp_path, capsys):
    """Of one domain one long recording, of one three, of the others nothing."""
    for (composer, ensemble), recorded in musicnet_tree.RECORDINGS.items():
        kept = {"Bach Solo Cello": 1, "Bach Solo Piano": 3}.get(
            f"{composer} {ensemble}", 0
        )
        for recording in recorded[kept:]:
            musicnet_tree.wav(source, recording).unlink()
    musicnet_tree.write_tone(musicnet_tree.wav(source, 2217), 12)
    musicnet_tree.write_labels(
        musicnet_tree.labels(source, 2217), [(0, 8 * 44100, 43, 48)]
    )
    folder = convert(source, tmp_path / "data")
    lines = capsys.readouterr().out.splitlines()
    assert (
        "Bach Solo Cello: the source has 1 of the 4 recordings that "
        "musicnet_metadata.csv lists." in lines
    )
    assert (
        "Bach Solo Cello: 1 recording, cut in time into train, validation and test "
        "with gaps of 2 s." in lines
    )
    assert (
        "Cambini Wind Quintet: the source has 0 of the 4 recordings that "
        "musicnet_metadata.csv lists." in lines
    )
    assert lines[-1].startswith("next: ")
    names = tfds.builder_from_directory(folder).info.features["domain"].names
    assert names == ["Bach Solo Cello", "Bach Solo Piano"]
    # The parts are 4, 2 and 2 s; the note is held for two seconds of the second one.
    for split, seconds in (("train", [4.0]), ("validation", [2.0]), ("test", [])):
        stored = recordings.Recordings(folder, split)
        (entry,) = [e for e in stored.entries if e.domain == "Bach Solo Cello"]
        found = stored.notes(entry)["duration_seconds"]
        assert found.tolist() == pytest.approx(seconds, abs=1e-4)


def test_a_source_with_nothing_that_is_wanted_is_refused(source, tmp_path):
    for recorded in musicnet_tree.RECORDINGS.values():
        for recording in recorded:
            musicnet_tree.wav(source, recording).unlink()
    with pytest.raises(ValueError, match="has no recordings of Beethoven Accompanied"):
        convert(source, tmp_path / "data")


def test_refuses_a_domain_that_was_asked_for_and_cannot_fill_its_splits(
    source, tmp_path
):
    for recording in CELLOS[2:]:
        musicnet_tree.wav(source, recording).unlink()
    assert ids(plan(source, tmp_path, domain=(PIANO,)))["Piano"]
    for asked in ({"config": "umt"}, {"domain": (CELLO,)}):
        with pytest.raises(
            ValueError, match=r"Cello' cannot fill its splits: .*: 2 recordings of less"
        ):
            plan(source, tmp_path, **asked)


def test_refuses_a_recording_without_its_notes(source, tmp_path):
    musicnet_tree.labels(source, 2298).unlink()
    with pytest.raises(FileNotFoundError, match=r"test_labels/2298\.csv': no such fi"):
        plan(source, tmp_path)


def test_refuses_a_recording_that_is_there_twice(source, tmp_path):
    other = source / "test_data" / "2217.wav"
    other.write_bytes(musicnet_tree.wav(source, 2217).read_bytes())
    with pytest.raises(
        ValueError, match=r"recording='2217' is there twice, as .* and "
    ):
        plan(source, tmp_path)


@pytest.mark.parametrize("suffix", [".mp3", ".FLAC"])
def test_refuses_a_recording_of_another_format(source, tmp_path, suffix):
    path = musicnet_tree.wav(source, 2217)
    path.rename(path.with_suffix(suffix))
    with pytest.raises(ValueError, match=rf"{suffix}'.* WAV files; put 2217\.wav the"):
        plan(source, tmp_path)


def test_refuses_a_domain_that_was_asked_for_and_is_not_there(source, tmp_path):
    for recording in CELLOS:
        musicnet_tree.wav(source, recording).unlink()
    with pytest.raises(
        ValueError, match=r"domain='Cello' cannot fill .*: no recordings"
    ):
        plan(source, tmp_path, domain=(CELLO,))


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path):
    path.write_bytes(b"")


def other(path):
    path.write_bytes(b"not audio")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"cut short; 1000 bytes of its samples are missing"),
        (empty, r"cannot be read as audio"),
        (other, r"cannot be read as audio"),
    ],
)
def test_refuses_damaged_audio(source, tmp_path, damage, message):
    damage(musicnet_tree.wav(source, 2217))
    with pytest.raises(ValueError, match=rf"2217\.wav'.*{message}"):
        convert(source, tmp_path / "data", domain=[CELLO])


def test_a_silent_recording_is_left_out(source, tmp_path, capsys):
    path = musicnet_tree.wav(source, 2217)
    soundfile.write(path, np.zeros(4410), 44100, "FLOAT")
    data = convert(source, tmp_path / "data", domain=[CELLO])
    assert "left out: '2217' is silent" in capsys.readouterr().out
    found = {int(example["recording"]) for example in examples(data)}
    assert found == set(CELLOS) - {2217}


def test_refuses_the_notes_of_another_recording(source, tmp_path):
    musicnet_tree.write_labels(
        musicnet_tree.labels(source, 2217), [(0, 441, 43, 60), (13230, 13231, 43, 60)]
    )
    with pytest.raises(ValueError, match=r"2217\.csv': a note begins at 0\.300 sec"):
        convert(source, tmp_path / "data", domain=[CELLO])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,9,43,60,0.0,1.0,Quarter", "start_time='x' is not a whole number"),
        ("0,9,43,6.5,0.0,1.0,Quarter", "note='6.5' is not a whole number"),
        ("0,9,43,60", "it has 4 columns, not 7"),
        ("9,0,43,60,0.0,1.0,Quarter", "start_time=9, end_time=0 are not those of a n"),
        ("-9,9,43,60,0.0,1.0,Quarter", "start_time=-9, end_time=9 are not those"),
        (f"0,{10**20},43,60,0.0,1.0,Quarter", r".*end_time=1000.*are not those"),
        ("0,9,0,60,0.0,1.0,Quarter", "instrument=0 is not from 1 to 128"),
        ("0,9,129,60,0.0,1.0,Quarter", "instrument=129 is not from 1 to 128"),
        ("0,9,43,128,0.0,1.0,Quarter", "note=128 is not from 0 to 127"),
        ("0,9,43,-1,0.0,1.0,Quarter", "note=-1 is not from 0 to 127"),
        ("\udcff\udcfe", "it has 1 columns, not 7"),
        ('"' + 200_000 * "x", "field larger than field limit"),
    ],
)
def test_refuses_a_row_that_is_not_a_note(tmp_path, row, message):
    path = tmp_path / "2217.csv"
    musicnet_tree.write_labels(path, musicnet_tree.NOTES)
    path.write_bytes(path.read_bytes() + row.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=rf"2217\.csv', line 5: {message}.*get the fi"):
        notes.read(path)


def test_refuses_a_file_that_is_not_of_notes(tmp_path):
    path = tmp_path / "2217.csv"
    for text in ("", "0,9,43,60,0.0,1.0,Quarter\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match="line 1: the columns have to be start_ti"):
            notes.read(path)


def test_bad_notes_stop_a_conversion(source, tmp_path):
    musicnet_tree.labels(source, 2217).write_text("not notes")
    plan(source, tmp_path)  # No notes are read yet.
    with pytest.raises(ValueError, match=r"2217\.csv', line 1"):
        convert(source, tmp_path / "data", domain=[CELLO])


def test_workers_can_be_sent_what_reads_a_recording(made, tmp_path):
    found = plan(made[0], tmp_path)
    recording, audio, timed_labels = pickle.loads(
        pickle.dumps((found.recordings["train"][0], found.audio, found.timed_labels))
    )
    samples = sum(len(block) for block in audio(recording))
    assert samples == 4800
    assert len(timed_labels(recording, samples)(0, samples)["notes"]["pitch"]) == 3


def test_tfds_build_makes_it_and_load_reads_it(made, tmp_path):
    source, data = made
    # The command itself, `tfds`, does not start where Apache Beam is not installed.
    tfds_build = (
        "import sys\n"
        "from tensorflow_datasets.scripts.cli import build, cli_utils\n"
        "parser = cli_utils.make_flags_parser(build.Args, description='')\n"
        "parser(sys.argv).execute()"
    )
    subprocess.run(
        [
            *(sys.executable, "-c", tfds_build, "--config=umt"),
            *(f"--manual_dir={source}", f"--data_dir={tmp_path}"),
        ],
        cwd=pathlib.Path(conversion.__file__).parent / "musicnet",
        check=True,
        capture_output=True,
    )
    loaded, info = tfds.load(
        "musicnet/umt", split="all", data_dir=tmp_path, download=False, with_info=True
    )
    assert len(list(loaded)) == len(examples(data)) == 24
    assert "Thickstun" in info.citation
    assert "330 recordings" in info.description
    assert info.homepage == "https://zenodo.org/records/5120004"
