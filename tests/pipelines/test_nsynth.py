import json
import pathlib
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from pipelines import conversion
from pipelines.nsynth import notes, nsynth_dataset_builder
from tests.pipelines import nsynth_tree
from tf_mt.data import index, recordings

SPLITS = {"train": "train", "valid": "validation", "test": "test"}
BASS = "bass_synthetic_033-022-050"


def convert(source, data_dir, config=None, **settings):
    settings = {"source": str(source), **settings}
    return conversion.convert("nsynth", data_dir, config=config, settings=settings)


def plan(source, config="full", **settings):
    """The plan for a source, and what was remarked."""
    made = nsynth_dataset_builder.Builder(
        data_dir=source / "data",
        config=config,
        settings=nsynth_dataset_builder.Settings(**settings),
    )
    return made.plan(source), made.remarks


def ids(planned):
    """The ids of the recordings of each split."""
    return {
        split: {recording.recording for recording in found}
        for split, found in planned.recordings.items()
    }


def read(planned, name):
    """The samples of a recording."""
    (recording,) = [
        recording
        for found in planned.recordings.values()
        for recording in found
        if recording.recording == name
    ]
    return np.concatenate(list(planned.audio(recording)))


def only(*names):
    """A train split of some notes."""
    return {"train": names}


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """The published forms, each in a folder with an odd name, as sources."""
    folder = tmp_path_factory.mktemp("nsynth") / "my NSynth [Größe, 25 GB]"
    return {
        "json": nsynth_tree.write_json_wav(folder / "json"),
        "tfrecord": nsynth_tree.write_tfrecord(folder / "tfrecord"),
    }


@pytest.fixture(scope="module")
def made(forms, tmp_path_factory):
    """The datasets that are made of the two forms."""
    return {
        form: convert(source, tmp_path_factory.mktemp(form))
        for form, source in forms.items()
    }


@pytest.fixture
def small(tmp_path):
    """A tree of its own for each test."""
    return nsynth_tree.write_json_wav(
        tmp_path / "small", only(*nsynth_tree.SPLITS["train"])
    )


def test_both_forms_give_the_same_bytes(made):
    shards = {
        form: {path.name: path.read_bytes() for path in folder.glob("*.tfrecord-*")}
        for form, folder in made.items()
    }
    assert len(shards["json"]) == 3
    assert shards["json"] == shards["tfrecord"]


def test_published_splits_are_kept(made):
    for published, split in SPLITS.items():
        found = {r.recording for r in recordings.read(made["json"], split)}
        wanted = {
            name
            for name in nsynth_tree.SPLITS[published]
            if not name.startswith("synth_lead")
        }
        assert found == wanted


def test_notes_keep_their_samples(made):
    for split in SPLITS.values():
        for recording in recordings.read(made["tfrecord"], split):
            np.testing.assert_array_equal(
                np.round(32768 * recording.audio), nsynth_tree.pcm(recording.recording)
            )


def test_every_label_is_that_of_the_publication(made):
    dataset = tfds.builder_from_directory(made["json"])
    features = dataset.info.features
    for example in tfds.as_numpy(dataset.as_dataset(split="train")):
        name = example["recording"].decode()
        wanted = nsynth_tree.values(name)
        for label in ("note", "instrument", "pitch", "velocity"):
            assert example[label] == wanted[label]
        assert example["note_str"].decode() == wanted["note_str"] == name
        assert example["instrument_str"].decode() == wanted["instrument_str"]
        for label in ("instrument_family", "instrument_source"):
            assert example[label] == wanted[label]
            assert features[label].int2str(example[label]) == wanted[f"{label}_str"]
        qualities = features["qualities"].feature
        assert [qualities.int2str(q) for q in example["qualities"]] == wanted[
            "qualities_str"
        ]
        assert (
            features["domain"].int2str(example["domain"])
            == (wanted["instrument_family_str"])
        )


def test_the_number_of_a_note_is_not_its_pitch(made):
    examples = tfds.builder_from_directory(made["json"]).as_dataset(split="test")
    pitches = {e["pitch"].numpy() for e in examples}
    assert pitches == {36, 60}
    assert all(e["note"].numpy() >= 1000 for e in examples)


def test_of_two_forms_the_folder_is_read(tmp_path):
    nsynth_tree.write_json_wav(tmp_path, only(BASS))
    nsynth_tree.write_tfrecord(tmp_path, nsynth_tree.SPLITS)
    planned, _ = plan(tmp_path)
    assert ids(planned)["train"] == {BASS}
    assert isinstance(planned.recordings["train"][0].origin, pathlib.Path)


def test_any_of_the_splits_will_do(tmp_path):
    source = nsynth_tree.write_tfrecord(tmp_path, {"test": nsynth_tree.SPLITS["test"]})
    planned, remarks = plan(source)
    assert list(planned.recordings) == ["test"]
    assert remarks[0] == (
        f"There is no split 'train': neither {source}/nsynth-train nor "
        "nsynth-train.tfrecord is there."
    )
    assert any("'validation'" in remark for remark in remarks)
    folder = convert(source, tmp_path / "data")
    assert list(index.open_dataset(folder).info.splits) == ["test"]


def test_says_which_folder_was_meant(forms, tmp_path):
    source = forms["json"]
    for wrong in (source / "nsynth-train", source / "nsynth-train" / "audio"):
        with pytest.raises(ValueError, match="did you mean") as error:
            plan(wrong)
        assert f"{str(source)!r}?" in str(error.value)
    with pytest.raises(ValueError, match="did you mean") as error:
        plan(source.parent)
    assert str(source) in str(error.value)
    with pytest.raises(ValueError, match="does not hold nsynth-train, nsynth-valid or"):
        plan(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        plan(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("domain_by", "domains", "left_out"),
    [
        ("family", ["bass", "keyboard"], "synth_lead (none in validation, test)"),
        ("source", ["acoustic", "electronic"], "synthetic (none in test)"),
        ("family_source", ["keyboard_acoustic"], "bass_synthetic (none in test)"),
    ],
)
def test_a_domain_has_notes_in_every_split(forms, domain_by, domains, left_out):
    planned, remarks = plan(forms["json"], domain_by=domain_by)
    assert planned.domains == domains
    assert left_out in remarks[-1]
    for found in planned.recordings.values():
        assert {recording.domain for recording in found} == set(domains)


def test_instruments_are_split_anew(tmp_path):
    splits = {
        split: [
            f"{instrument}-{pitch:03d}-{velocity:03d}"
            for pitch in range(40, 50)
            for velocity in (25, 127)
        ]
        for split, instrument in (
            ("train", "bass_synthetic_033"),
            ("valid", "bass_synthetic_098"),
        )
    }
    splits["test"] = [f"bass_electronic_{number:03d}-036-100" for number in range(15)]
    planned, remarks = plan(
        nsynth_tree.write_tfrecord(tmp_path, splits), domain_by="instrument"
    )
    assert planned.domains == ["bass_synthetic_033", "bass_synthetic_098"]
    assert "split into 80, 10 and 10 % by a hash" in remarks[0]
    assert "bass_electronic_000 (none in validation, test)" in remarks[1]
    assert remarks[1].endswith("and 3 more.")
    counts = {split: len(found) for split, found in planned.recordings.items()}
    assert sum(counts.values()) == 40
    assert counts["train"] >= 25
    for found in planned.recordings.values():
        assert {recording.domain for recording in found} == set(planned.domains)


def test_configurations_are_families_and_their_sources(forms):
    made = nsynth_dataset_builder.Builder
    assert len(made.BUILDER_CONFIGS) == 1 + 11 + 33
    planned, _ = plan(forms["json"], config="keyboard_acoustic")
    assert ids(planned) == {
        "train": {"keyboard_acoustic_004-060-025", "keyboard_acoustic_004-061-025"},
        "validation": {"keyboard_acoustic_059-060-100"},
        "test": {"keyboard_acoustic_012-060-127"},
    }
    planned, _ = plan(forms["tfrecord"], config="bass")
    assert planned.domains == ["bass"]
    assert sum(map(len, ids(planned).values())) == 4


def test_pitches_are_chosen_with_their_ends(forms):
    planned, _ = plan(forms["json"], min_pitch=60, max_pitch=60)
    assert planned.domains == ["keyboard"]
    assert ids(planned)["train"] == {"keyboard_acoustic_004-060-025"}


def test_refuses_a_choice_that_leaves_nothing(forms):
    with pytest.raises(
        ValueError,
        match=r"config='synth_lead' .*no domain that has notes in every split: "
        r"synth_lead \(none in validation, test\)\. Choose",
    ):
        plan(forms["json"], config="synth_lead")
    with pytest.raises(ValueError, match=r"max_pitch=10 .*there are no such notes at"):
        plan(forms["json"], max_pitch=10)


def test_refuses_settings_that_cannot_be(forms):
    with pytest.raises(ValueError, match="domain_by='familly' is not known; did you"):
        plan(forms["json"], domain_by="familly")
    for bounds in ({"min_pitch": -1}, {"max_pitch": 128}, {"min_pitch": 128}):
        with pytest.raises(ValueError, match="must be MIDI pitches from 0 to 127"):
            plan(forms["json"], **bounds)


def test_both_forms_are_resampled_alike(forms):
    name = "keyboard_acoustic_004-060-025"
    for rate_hz in (8000, 22050, 44100):
        json_wav, tfrecord = (
            read(plan(source, sample_rate=rate_hz)[0], name)
            for source in forms.values()
        )
        assert json_wav.shape == (notes.SECONDS * rate_hz,)
        np.testing.assert_allclose(json_wav, tfrecord, atol=1e-6)


def test_a_plan_can_be_pickled(forms):
    for source in forms.values():
        planned, _ = plan(source)
        again = pickle.loads(pickle.dumps(planned))
        assert again.recordings == planned.recordings
        np.testing.assert_array_equal(read(again, BASS), read(planned, BASS))


def test_labels_are_a_mapping_of_their_names():
    note = notes.parse(nsynth_tree.values(BASS))
    assert dict(**note)["pitch"] == note["pitch"] == 22
    assert list(note) == list(notes.PUBLISHED)
    assert len(note) == 9
    assert note.get("family") is None


def test_notes_without_wav_files_are_left_out_and_counted(small):
    for name in (BASS, "keyboard_acoustic_004-060-025"):
        (small / "nsynth-train" / "audio" / f"{name}.wav").unlink()
    planned, remarks = plan(small)
    assert len(ids(planned)["train"]) == 4
    assert re.fullmatch(
        r"left out: 2 of the 6 notes in .*examples\.json have no file in audio, such "
        rf"as '{BASS}\.wav'\.",
        remarks[0],
    )


def test_one_archive_is_enough(tmp_path, capsys):
    source = nsynth_tree.write_tfrecord(tmp_path, {"test": nsynth_tree.SPLITS["test"]})
    folder = convert(source, tmp_path / "data")
    assert set(tfds.builder_from_directory(folder).info.splits) == {"test"}
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "licence: CC BY 4.0"
    assert lines[-1] == (
        "not ready for training, which needs every domain in train and validation: "
        "bass has none in train and validation; keyboard has none in train and "
        "validation. Bring more or longer recordings."
    )


def test_notes_of_which_no_domain_has_some_in_every_split_are_kept(tmp_path):
    splits = {"train": [BASS], "test": ["keyboard_acoustic_012-060-127"]}
    source = nsynth_tree.write_tfrecord(tmp_path, splits)
    planned, remarks = plan(source, config=None)
    assert planned.domains == ["bass", "keyboard"]
    assert remarks[-1] == (
        "no domain has notes in every split: bass (none in test), keyboard (none in "
        "train)."
    )
    with pytest.raises(
        ValueError, match=r"config='bass' .*no domain that has notes in"
    ):
        plan(source, config="bass")


def test_wav_files_of_no_note_are_passed_over(small):
    audio = small / "nsynth-train" / "audio"
    for name in ("b.wav", "a.flac", ".hidden"):
        (audio / name).touch()
    planned, remarks = plan(small)
    assert len(ids(planned)["train"]) == 6
    assert (
        f"left out: 2 of the files in {audio}, such as 'a.flac', are of" in remarks[0]
    )


@pytest.mark.parametrize(
    ("samples", "reason"),
    [(63999, "has 3.9999 seconds, but every note has 4"), (0, "it has no samples")],
)
def test_a_wav_file_of_another_length_is_refused(small, samples, reason):
    path = small / "nsynth-train" / "audio" / f"{BASS}.wav"
    soundfile.write(path, np.ones(samples, np.int16), nsynth_tree.RATE_HZ)
    with pytest.raises(ValueError, match=rf"{BASS}\.wav'.*{reason}"):
        read(plan(small)[0], BASS)


def test_a_wav_file_that_is_cut_short_is_refused(small):
    path = small / "nsynth-train" / "audio" / f"{BASS}.wav"
    for size in (0, 20, 1000, 127000):
        path.write_bytes(path.read_bytes()[:size] if size else b"")
        with pytest.raises(ValueError, match=rf"{BASS}\.wav'"):
            read(plan(small)[0], BASS)
        soundfile.write(path, nsynth_tree.pcm(BASS), nsynth_tree.RATE_HZ)


def test_silence_is_left_out_and_said(small, tmp_path, capsys):
    path = small / "nsynth-train" / "audio" / f"{BASS}.wav"
    soundfile.write(path, np.zeros(64000, np.int16), nsynth_tree.RATE_HZ)
    folder = convert(small, tmp_path / "data")
    assert f"left out: '{BASS}' is silent." in capsys.readouterr().out
    assert BASS not in {r.recording for r in recordings.read(folder, "train")}


@pytest.mark.parametrize("gone", ["examples.json", "audio"])
def test_refuses_a_split_of_which_half_is_there(small, gone):
    path = small / "nsynth-train" / gone
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(FileNotFoundError, match=r"nsynth-train' does not hold both"):
        plan(small)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ('{"a": {"note": 1', "Expecting"),
        ("[]", "not an object of notes"),
        ("3", "not an object of notes"),
        (json.dumps(nsynth_tree.values(BASS)), "not an object of notes"),
        ('{"a": 3}', "note None has no 'note'"),
        (json.dumps({"a": nsynth_tree.values(BASS)}), f"note '{BASS}' is listed as 'a"),
    ],
)
def test_refuses_what_is_not_a_list_of_notes(small, text, reason):
    (small / "nsynth-train" / "examples.json").write_text(text)
    with pytest.raises(
        ValueError, match=rf"examples\.json' cannot be read \(.*{reason}"
    ):
        plan(small)


def test_refuses_a_list_of_notes_in_another_encoding(small):
    path = small / "nsynth-train" / "examples.json"
    path.write_bytes(path.read_text().replace("bass", "baß").encode("latin-1"))
    with pytest.raises(ValueError, match=r"examples\.json' cannot be read \('utf-8'"):
        plan(small)


@pytest.mark.parametrize("label", notes.PUBLISHED)
def test_refuses_a_note_without_a_label(small, label):
    described = nsynth_tree.values(BASS)
    del described[label]
    nsynth_tree.write_json(small, "train", {BASS: described})
    with pytest.raises(ValueError, match=f"has no '{label}'"):
        plan(small)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pitch": 128},
        {"pitch": "60"},
        {"note": None},
        {"instrument_family": 11},
        {"instrument_source": -1},
        {"qualities": [1] * 9},
        {"qualities": [[1]] * 10},
        {"note_str": 7},
    ],
)
def test_refuses_a_label_that_cannot_be(small, wrong):
    nsynth_tree.write_json(
        small, "train", {BASS: {**nsynth_tree.values(BASS), **wrong}}
    )
    with pytest.raises(ValueError, match=f"cannot have {next(iter(wrong))}="):
        plan(small)


def test_refuses_a_note_that_is_listed_twice(small):
    path = small / "nsynth-train" / "examples.json"
    entry = json.dumps(nsynth_tree.values(BASS))
    path.write_text(f'{{"{BASS}": {entry}, "{BASS}": {entry}}}')
    with pytest.raises(ValueError, match=f"note '{BASS}' is listed twice"):
        plan(small)


@pytest.mark.parametrize("domain_by", ["family", "instrument"])
def test_refuses_a_note_of_two_splits(small, domain_by):
    nsynth_tree.write_tfrecord(small, {"test": [BASS]})
    with pytest.raises(
        ValueError, match=f"'{BASS}' twice, in nsynth-train and nsynth-t"
    ):
        plan(small, domain_by=domain_by)


def test_refuses_a_tfrecord_file_that_is_cut_short(tmp_path):
    nsynth_tree.write_tfrecord(tmp_path, only(*nsynth_tree.SPLITS["train"]))
    path = tmp_path / "nsynth-train.tfrecord"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(
        ValueError, match=r"train\.tfrecord': the record at byte \d+ goe"
    ):
        plan(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"train\.tfrecord': the file is empty"):
        plan(tmp_path)
    path.write_bytes(b"not what it is called, but long enough to pass for one")
    with pytest.raises(ValueError, match=r"cut short, or is no TFRecord file"):
        plan(tmp_path)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"audio": None}, "has no feature 'audio'"),
        ({"sample_rate": None}, f"note '{BASS}' has no 'sample_rate'"),
        ({"pitch": None}, f"note '{BASS}' has no 'pitch'"),
        ({"pitch": [60, 61]}, f"note '{BASS}' has no 'pitch'"),
        ({"note_str": None}, "note None has no 'note_str'"),
        ({"qualities": None}, r"cannot have qualities=\[\]"),
    ],
)
def test_refuses_a_record_that_is_not_a_note(tmp_path, other, reason):
    good = nsynth_tree.example("keyboard_acoustic_004-060-025")
    bad = nsynth_tree.example(BASS, **other)
    nsynth_tree.write_records(tmp_path, "train", [good, bad])
    with pytest.raises(
        ValueError, match=rf"record at byte \d+ cannot be .*\(.*{reason}"
    ):
        plan(tmp_path)
    planned, _ = plan(tmp_path, skip_bad_files=True)
    assert ids(planned)["train"] == {"keyboard_acoustic_004-060-025"}


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (np.ones(63999), "it has 63999 samples at 16000 Hz, but a note has 4 seconds"),
        (np.ones(0), "it has 0 samples at 16000 Hz"),
        ([1, 2, 3], "not a list of floats"),
        (np.full(64000, np.nan), "it has samples that are not finite"),
    ],
)
def test_refuses_audio_that_is_not_of_a_note(tmp_path, audio, reason):
    bad = nsynth_tree.example(BASS, audio=audio)
    nsynth_tree.write_records(tmp_path, "train", [bad])
    with pytest.raises(ValueError, match=rf"the audio of note '{BASS}' .*{reason}"):
        read(plan(tmp_path)[0], BASS)


def test_tfds_builds_and_loads_it(forms, tmp_path):
    package = pathlib.Path(nsynth_dataset_builder.__file__).parent
    # The command itself, `tfds`, does not start where Apache Beam is not installed.
    tfds_build = (
        "import sys\n"
        "from tensorflow_datasets.scripts.cli import build, cli_utils\n"
        "parser = cli_utils.make_flags_parser(build.Args, description='')\n"
        "parser(sys.argv).execute()"
    )
    subprocess.run(
        [
            *(sys.executable, "-c", tfds_build, "--config=keyboard"),
            *(f"--manual_dir={forms['json']}", f"--data_dir={tmp_path}"),
        ],
        cwd=package,
        check=True,
        capture_output=True,
    )
    loaded = tfds.load(
        "nsynth/keyboard", split="test", data_dir=tmp_path, download=False
    )
    (example,) = tfds.as_numpy(loaded)
    assert example["recording"] == b"keyboard_acoustic_012-060-127"
