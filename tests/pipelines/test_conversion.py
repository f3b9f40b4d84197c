import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from pipelines import conversion
from tf_mt.audio import files
from tf_mt.data import builder, clips, index, recordings, storing

RATE_HZ = 16000


def write_tone(path, seconds=0.2, hz=440.0, rate_hz=RATE_HZ, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hz * time), rate_hz, **settings)


@pytest.fixture
def source(tmp_path):
    """Two domains of twelve and three files, one of them deeper down."""
    folder = tmp_path / "my recordings"
    for file in range(11):
        write_tone(folder / "Bläser [live]" / f"take {file}.wav", hz=300 + 20 * file)
    write_tone(folder / "Bläser [live]" / "more" / "take 0.flac")
    for suffix in ("wav", "flac", "ogg"):
        write_tone(folder / "cello" / f"one.{suffix}", seconds=0.3)
    (folder / ".hidden").mkdir()
    (folder / "readme.txt").write_text("not audio")
    return folder


def convert(source, data_dir, overwrite=False, **settings):
    return conversion.convert(
        "audio_folder",
        data_dir,
        settings={"source": str(source), **settings},
        overwrite=overwrite,
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def ids(data_dir, split):
    return {recording.recording for recording in recordings.read(data_dir, split)}


def test_audio_folder_holds_every_file_once(source, tmp_path):
    convert(source, tmp_path / "data")
    splits = [ids(tmp_path / "data", s) for s in ("train", "validation", "test")]
    assert sum(map(len, splits)) == 15
    assert set.union(*splits) == {
        *(f"Bläser [live]/take {file}.wav" for file in range(11)),
        "Bläser [live]/more/take 0.flac",
        "cello/one.wav",
        "cello/one.flac",
        "cello/one.ogg",
    }
    for split in splits:
        assert {name.split("/")[0] for name in split} == {"Bläser [live]", "cello"}


def test_files_keep_their_samples(source, tmp_path):
    convert(source, tmp_path / "data")
    for split in ("train", "validation", "test"):
        for recording in recordings.read(tmp_path / "data", split):
            if not recording.recording.endswith(".ogg"):
                wanted, _ = soundfile.read(
                    source / recording.recording, dtype="float32"
                )
                np.testing.assert_array_equal(recording.audio, wanted)


def test_stereo_at_another_rate_is_mixed_and_resampled(tmp_path):
    time = np.arange(44100) / 44100
    left = np.sin(2 * np.pi * 1000 * time)
    (tmp_path / "source" / "a").mkdir(parents=True)
    stereo = np.stack([left, 0 * left], axis=1)
    soundfile.write(tmp_path / "source" / "a" / "x.wav", stereo, 44100, "FLOAT")
    convert(tmp_path / "source", tmp_path / "data")
    (recording,) = recordings.read(tmp_path / "data", "train")
    assert recording.audio.shape == (16000,)
    wanted = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    np.testing.assert_allclose(recording.audio[500:-500], wanted[500:-500], atol=1e-3)


def test_tfds_reads_it(source, tmp_path):
    folder = convert(source, tmp_path / "data")
    examples = tfds.builder_from_directory(folder).as_dataset(split="train")
    (cello,) = [e for e in examples if e["recording"].numpy().startswith(b"cello")]
    assert cello["audio"].dtype == "int16"
    assert cello["audio"].shape == (round(0.3 * RATE_HZ),)
    assert cello["sample_rate"].numpy() == RATE_HZ
    assert cello["domain"].numpy() == 1
    loaded = tfds.load(
        "audio_folder", split="test", data_dir=tmp_path / "data", download=False
    )
    assert len(list(loaded)) == len(ids(tmp_path / "data", "test"))


def test_tfds_knows_where_it_comes_from(source, tmp_path):
    info = tfds.builder_from_directory(convert(source, tmp_path / "data")).info
    assert "recordings" in info.description
    assert info.metadata["settings"]["source"] == str(source)
    assert info.metadata["sample_rate_hz"] == RATE_HZ


def test_same_files_give_the_same_bytes(source, tmp_path):
    first = contents(convert(source, tmp_path / "one"))
    command = [sys.executable, "-m", "pipelines.convert", "--dataset=audio_folder"]
    command += [f"--source={source}", f"--data_dir={tmp_path / 'two'}"]
    subprocess.run(command, check=True, capture_output=True)
    second = contents(tmp_path / "two" / "audio_folder" / "1.0.0")
    assert first == second
    assert any(".tfrecord-" in name for name in first)


def test_says_what_was_made_and_what_to_do(source, tmp_path, capsys):
    folder = convert(source, tmp_path / "data")
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].split() == ["domain", "train", "validation", "test"]
    assert lines[3].split() == ["cello", "1", "0.3", "1", "0.3", "1", "0.3"]
    assert lines[-1].startswith("next: python -m tf_mt.train ")
    assert f"--data={folder}" in lines[-1]
    assert "100%" in captured.err


def test_one_long_recording_of_each_domain_fills_all_splits(tmp_path, capsys):
    for name, seconds in (("cello", 64.0), ("flute", 24.0)):
        write_tone(tmp_path / "source" / name / "whole.wav", seconds=seconds)
    convert(tmp_path / "source", tmp_path / "data")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        f"{name}: 1 recording, cut in time into train, validation and test with gaps "
        "of 2 s."
        for name in ("cello", "flute")
    ]
    assert lines[4].split() == ["cello", "1", "48.0", "1", "6.0", "1", "6.0"]
    assert lines[5].split() == ["flute", "1", "16.0", "1", "2.0", "1", "2.0"]
    assert lines[-1].startswith("next: python -m tf_mt.train ")
    for split in ("train", "validation", "test"):
        assert ids(tmp_path / "data", split) == {
            f"{name}/whole.wav@{split}" for name in ("cello", "flute")
        }
        clips.Clips(tmp_path / "data", split, 2 * RATE_HZ)
    (test, _) = recordings.read(tmp_path / "data", "test")
    whole, _ = soundfile.read(tmp_path / "source" / "cello" / "whole.wav")
    np.testing.assert_array_equal(test.audio, np.float32(whole[58 * RATE_HZ :]))


def test_what_is_too_short_to_be_cut_is_not_called_ready(tmp_path, capsys):
    write_tone(tmp_path / "source" / "cello" / "whole.wav", seconds=12)
    write_tone(tmp_path / "source" / "flute" / "whole.wav", seconds=8)
    convert(tmp_path / "source", tmp_path / "data")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == (
        "flute: 1 recording of less than 10 s, too short to be cut and all in train; "
        "none is left for validation and test; bring longer recordings, or 3 of them."
    )
    assert lines[-1] == (
        "not ready for training, which needs every domain in train and validation: "
        "flute has none in validation. Bring more or longer recordings."
    )


def test_a_domain_of_unreadable_files_is_refused(tmp_path):
    write_tone(tmp_path / "source" / "a" / "x.wav", seconds=12)
    (tmp_path / "source" / "b").mkdir()
    (tmp_path / "source" / "b" / "y.wav").write_bytes(b"not audio")
    with pytest.raises(ValueError, match="domain='b' has nothing to store: all of its"):
        convert(tmp_path / "source", tmp_path / "data", skip_bad_files=True)


def test_the_same_command_may_skip_bad_files_the_next_time(source, tmp_path, capsys):
    convert(source, tmp_path / "data")
    convert(source, tmp_path / "data", skip_bad_files=True)
    assert "is already made from this source" in capsys.readouterr().out


def test_after_a_failure_the_same_command_may_skip_bad_files(tmp_path, capsys):
    for file in range(199):
        write_tone(tmp_path / "source" / "a" / f"{file}.wav", seconds=0.01)
    convert(tmp_path / "source", tmp_path / "data")
    (tmp_path / "source" / "a" / "empty.wav").touch()
    with pytest.raises(ValueError, match=r"empty\.wav"):
        convert(tmp_path / "source", tmp_path / "data", overwrite=True)
    convert(tmp_path / "source", tmp_path / "data", True, skip_bad_files=True)
    assert "left out: path=" in capsys.readouterr().out


def test_leaves_alone_what_is_made(source, tmp_path, capsys):
    folder = convert(source, tmp_path / "data")
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    capsys.readouterr()
    convert(source, tmp_path / "data")
    assert "is already made from this source" in capsys.readouterr().out
    assert times == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_refuses_the_place_of_another_dataset(source, tmp_path):
    convert(source, tmp_path / "data")
    with pytest.raises(ValueError, match=r"sample_rate was 16000, not 8000.*overwrite"):
        convert(source, tmp_path / "data", sample_rate=8000)


def test_overwrites_when_told_to(source, tmp_path):
    convert(source, tmp_path / "data")
    shutil.rmtree(source / "cello")
    convert(source, tmp_path / "data", overwrite=True, sample_rate=8000)
    dataset = index.open_dataset(tmp_path / "data")
    assert dataset.info.features["domain"].names == ["Bläser [live]"]
    assert dataset.info.metadata["sample_rate_hz"] == 8000


def test_what_was_to_be_overwritten_stays_if_that_fails(source, tmp_path):
    before = contents(convert(source, tmp_path / "data"))
    (source / "cello" / "broken.wav").write_bytes(b"RIFF nothing more")
    with pytest.raises(ValueError, match="broken"):
        convert(source, tmp_path / "data", overwrite=True)
    assert contents(tmp_path / "data" / "audio_folder" / "1.0.0") == before
    assert not list(tmp_path.rglob("incomplete.*"))


def test_a_bad_file_stops_it_with_name_and_reason(source, tmp_path):
    (source / "cello" / "broken.wav").write_bytes(b"RIFF nothing more")
    with pytest.raises(ValueError, match=r"broken\.wav'.*cannot be read as audio"):
        convert(source, tmp_path / "data")
    with pytest.raises(FileNotFoundError):
        index.open_dataset(tmp_path / "data")


@pytest.mark.parametrize("good", [3, 199])
def test_few_bad_files_can_be_left_out(tmp_path, capsys, good):
    for file in range(good):
        write_tone(tmp_path / "source" / "a" / f"{file}.wav", seconds=0.01)
    (tmp_path / "source" / "a" / "empty.wav").touch()
    convert(tmp_path / "source", tmp_path / "data", skip_bad_files=True)
    assert "left out: path=" in (out := capsys.readouterr().out)
    assert "empty.wav" in out
    found = [ids(tmp_path / "data", s) for s in ("train", "validation", "test")]
    assert len(set.union(*found)) == good


def test_most_files_cannot(tmp_path):
    for file in range(2):
        write_tone(tmp_path / "source" / "a" / f"{file}.wav", seconds=0.01)
    for file in range(3):
        (tmp_path / "source" / "a" / f"bad {file}.wav").write_bytes(b"not audio")
    words = "3 of 5 cannot be read, which is more than half"
    with pytest.raises(ValueError, match=words) as error:
        convert(tmp_path / "source", tmp_path / "data", skip_bad_files=True)
    for file in range(3):
        assert str(error.value).count(f"bad {file}.wav") == 1
    with pytest.raises(FileNotFoundError):
        index.open_dataset(tmp_path / "data")


def test_a_file_that_is_damaged_late_is_left_out_whole(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 40 * RATE_HZ)
    for file in range(199):
        write_tone(tmp_path / "source" / "a" / f"{file}.wav", seconds=0.01)
    damaged = tmp_path / "source" / "a" / "damaged.wav"
    soundfile.write(damaged, noise, RATE_HZ, "FLOAT")
    data = bytearray(damaged.read_bytes())
    data[-4:] = np.float32(np.nan).tobytes()
    damaged.write_bytes(data)
    convert(tmp_path / "source", tmp_path / "data", skip_bad_files=True)
    for split in ("train", "validation", "test"):
        assert "a/damaged.wav" not in ids(tmp_path / "data", split)


def test_silent_recordings_are_left_out_and_named(source, tmp_path, capsys):
    soundfile.write(source / "cello" / "rest.wav", np.zeros(RATE_HZ), RATE_HZ)
    convert(source, tmp_path / "data")
    assert "left out: 'cello/rest.wav' is silent." in capsys.readouterr().out
    found = [ids(tmp_path / "data", s) for s in ("train", "validation", "test")]
    assert "cello/rest.wav" not in set.union(*found)


def test_silent_recordings_take_no_place_in_a_split(tmp_path):
    for file in range(3):
        write_tone(tmp_path / "source" / "a" / f"{file}.wav")
    convert(tmp_path / "source", tmp_path / "one")
    for file in range(30):
        soundfile.write(
            tmp_path / "source" / "a" / f"rest {file}.wav", np.zeros(100), RATE_HZ
        )
    convert(tmp_path / "source", tmp_path / "two")
    for split in ("train", "validation", "test"):
        assert len(ids(tmp_path / "two", split)) == 1
        assert ids(tmp_path / "two", split) == ids(tmp_path / "one", split)


def test_what_lies_in_the_folder_of_no_domain_is_told(source, tmp_path, capsys):
    write_tone(source / "loose.wav")
    (source / "elsewhere").symlink_to(tmp_path / "not mounted")
    with pytest.raises(ValueError, match=r"elsewhere' lies beside the folders of the"):
        convert(source, tmp_path / "data")
    convert(source, tmp_path / "data", skip_bad_files=True)
    said = capsys.readouterr().out
    assert said.count("loose.wav' lies beside the folders of the domains; move") == 1
    assert said.count("elsewhere' lies beside") == 1


def test_names_that_are_not_utf_8_are_kept_as_far_as_they_can_be(source, tmp_path):
    name = os.fsdecode(b"caf\xe9.wav")
    shutil.copy(source / "cello" / "one.wav", source / "cello" / name)
    convert(source, tmp_path / "data")
    found = [ids(tmp_path / "data", s) for s in ("train", "validation", "test")]
    assert "cello/caf\N{REPLACEMENT CHARACTER}.wav" in set.union(*found)


def test_files_that_systems_made_are_no_recordings(source, tmp_path):
    for name in ("cello/._one.wav", "__MACOSX/cello/one.wav", "cello/.DS_Store"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"no audio")
    folder = convert(source, tmp_path / "data")
    assert index.open_dataset(folder).info.features["domain"].names == [
        "Bläser [live]",
        "cello",
    ]


@pytest.mark.parametrize("wanted", ["as it is", "scaled", "one channel"])
def test_levels_and_channels_are_those_that_translation_reads(tmp_path, wanted):
    tone = 0.5 * np.sin(0.17 * np.arange(8000))
    audio = {
        "as it is": 2.9 * tone,
        "scaled": 8 * tone,
        "one channel": np.stack([tone, -tone], axis=1),
    }[wanted]
    path = tmp_path / "source" / "a" / "x.wav"
    path.parent.mkdir(parents=True)
    soundfile.write(path, audio, RATE_HZ, "FLOAT")
    convert(tmp_path / "source", tmp_path / "data")
    (recording,) = recordings.read(tmp_path / "data", "train")
    read = np.clip(files.read(path, RATE_HZ), -1, 32767 / 32768)
    np.testing.assert_allclose(recording.audio, read, atol=2.0**-15)
    assert np.abs(recording.audio).max() > 0.49


def test_a_source_of_silence_is_refused(tmp_path):
    (tmp_path / "source" / "a").mkdir(parents=True)
    soundfile.write(tmp_path / "source" / "a" / "rest.wav", np.zeros(100), RATE_HZ)
    with pytest.raises(
        ValueError, match="domain='a' has nothing to store: all of its 1"
    ):
        convert(tmp_path / "source", tmp_path / "data")


def test_a_target_that_cannot_be_written_is_named(source):
    # Nobody makes folders in there.
    with pytest.raises(OSError, match=r"data_dir: /proc/data/.* cannot be written"):
        convert(source, "/proc/data")


@pytest.mark.parametrize("room_bytes", [1000, 100_000])
def test_a_full_target_is_said_in_one_line_and_leaves_nothing(tmp_path, room_bytes):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 200 * RATE_HZ)
    for file in range(3):
        path = tmp_path / "source" / "a" / f"{file}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise, RATE_HZ)
    failed = subprocess.run(
        [
            *(sys.executable, "-m", "pipelines.convert", "--dataset=audio_folder"),
            *(f"--source={tmp_path / 'source'}", f"--data_dir={tmp_path / 'data'}"),
        ],
        capture_output=True,
        text=True,
        # No file may grow beyond that, as on a disk that is full.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes,) * 2),
    )
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("error: ")
    assert "cannot be written" in failed.stderr.splitlines()[-1]
    assert "Traceback" not in failed.stderr
    with pytest.raises(FileNotFoundError):
        index.open_dataset(tmp_path / "data")


def test_one_process_at_a_time_makes_a_dataset(source, tmp_path):
    folder = tmp_path / "data" / "audio_folder"
    folder.mkdir(parents=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="is being made by another process; wait"):
            convert(source, tmp_path / "data")
    convert(source, tmp_path / "data")


def test_the_bytes_do_not_depend_on_cores_or_on_memory(source, tmp_path, monkeypatch):
    first = contents(convert(source, tmp_path / "one"))
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    monkeypatch.setattr(builder, "_SHUFFLED_BYTES", 1000)
    monkeypatch.setattr(storing, "_SPOOLED_BYTES", 1000)
    assert contents(convert(source, tmp_path / "two")) == first


def test_refuses_names_it_does_not_know(source, tmp_path):
    with pytest.raises(
        ValueError, match="dataset='score' is not known; did you mean 's"
    ):
        conversion.convert("score", tmp_path)
    with pytest.raises(ValueError, match=r"config='pairs' is not known.*'paired'"):
        conversion.convert("scores", tmp_path, config="pairs")
    with pytest.raises(ValueError, match="audio_folder has no setting 'corpus'; leave"):
        convert(source, tmp_path, corpus="bach")


def test_says_that_a_source_is_needed_and_what_it_holds(tmp_path):
    with pytest.raises(ValueError, match=r"source is not given; .* A folder with a f"):
        conversion.convert("audio_folder", tmp_path)
    with pytest.raises(ValueError, match=r"source is not given; .* Unpack musicnet\."):
        conversion.convert("musicnet", tmp_path)


def test_refuses_a_source_without_folders_or_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"source=.*no such folder"):
        convert(tmp_path / "nowhere", tmp_path / "data")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no folders; put the recordings of each"):
        convert(tmp_path / "empty", tmp_path / "data")
    (tmp_path / "empty" / "cello").mkdir()
    with pytest.raises(FileNotFoundError, match="cello': no audio file there"):
        convert(tmp_path / "empty", tmp_path / "data")


def test_the_script_says_mistakes_in_one_line(tmp_path):
    command = [sys.executable, "-m", "pipelines.convert", "--dataset=audiofolder"]
    failed = subprocess.run(
        [*command, f"--data_dir={tmp_path}"], capture_output=True, text=True
    )
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.splitlines()[-1] == (
        "error: dataset='audiofolder' is not known; did you mean 'audio_folder'? "
        "known: audio_folder, irmas, musicnet, nsynth, scores."
    )


def test_tfds_build_makes_it(source, tmp_path):
    package = pathlib.Path(conversion.__file__).parent / "audio_folder"
    # The command itself, `tfds`, does not start where Apache Beam is not installed.
    tfds_build = (
        "import sys\n"
        "from tensorflow_datasets.scripts.cli import build, cli_utils\n"
        "parser = cli_utils.make_flags_parser(build.Args, description='')\n"
        "parser(sys.argv).execute()"
    )
    subprocess.run(
        [
            *(sys.executable, "-c", tfds_build),
            *(f"--manual_dir={source}", f"--data_dir={tmp_path / 'data'}"),
        ],
        cwd=package,
        check=True,
        capture_output=True,
    )
    assert len(ids(tmp_path / "data", "train")) == len(
        ids(convert(source, tmp_path / "ours"), "train")
    )


@pytest.mark.slow
def test_killed_it_leaves_nothing_that_loads_and_finishes_when_run_again(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 60 * 44100)
    for domain in ("a", "b"):
        for file in range(40):
            path = tmp_path / "source" / domain / f"{file}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.roll(noise, file), 44100)
    data = tmp_path / "data"
    command = [sys.executable, "-m", "pipelines.convert", "--dataset=audio_folder"]
    command += [f"--source={tmp_path / 'source'}", f"--data_dir={data}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, bufsize=0)
    said = ""
    while "20/80" not in said and "%" not in said.rpartition("|")[0]:
        said += os.read(process.stderr.fileno(), 4096).decode()
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert list(data.rglob("incomplete.*")), "it was over before it was killed"
    with pytest.raises(FileNotFoundError):
        index.open_dataset(data)

    subprocess.run(command, check=True, capture_output=True)
    dataset = index.open_dataset(data)
    count = sum(len(ids(data, split)) for split in dataset.info.splits)
    assert count == 80
    assert not list(data.rglob("incomplete.*"))
    settings = json.loads(
        (pathlib.Path(dataset.data_dir) / "metadata.json").read_text()
    )
    assert settings["settings"]["source"] == str(tmp_path / "source")
