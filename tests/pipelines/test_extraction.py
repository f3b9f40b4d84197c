import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from pipelines import conversion, extraction
from tests.pipelines import irmas_tree
from tf_mt.data import recordings


def test_writes_every_recording_of_a_split(scores_data, tmp_path):
    said = extraction.extract(scores_data, "test", tmp_path / "out")
    found = list(recordings.read(scores_data, "test"))
    assert said == f"{len(found)} recordings are in {tmp_path / 'out'}."
    for recording in found:
        name = recording.piece.replace("/", "_")
        path = tmp_path / "out" / recording.domain / f"{name}.wav"
        audio, rate = soundfile.read(path, dtype="float32")
        assert rate == 8000
        np.testing.assert_array_equal(audio, recording.audio)
    assert len(list(tmp_path.rglob("*.wav"))) == len(found)


def test_a_limit_holds_for_each_domain(scores_data, tmp_path):
    extraction.extract(scores_data, "train", tmp_path, limit=2)
    assert [len(list(folder.iterdir())) for folder in sorted(tmp_path.iterdir())] == [
        2,
        2,
        2,
    ]


def test_names_are_safe(tmp_path):
    folder = tmp_path / "source" / "Bläser [live]" / "more"
    folder.mkdir(parents=True)
    for file in range(3):
        soundfile.write(folder / f"take: {file}?.flac", np.full(100, 0.5), 16000)
    conversion.convert(
        "audio_folder", tmp_path / "data", settings={"source": str(tmp_path / "source")}
    )
    extraction.extract(tmp_path / "data", "train", tmp_path / "out")
    (path,) = (tmp_path / "out").rglob("*.wav")
    assert path.parent.name == "Bläser_live_"
    assert re.fullmatch(r"more_take_\d_\.wav", path.name)


def test_recordings_of_no_domain_have_a_folder_of_their_own(tmp_path):
    irmas_tree.write(tmp_path / "source")
    conversion.convert(
        "irmas", tmp_path / "data", settings={"source": str(tmp_path / "source")}
    )
    assert {r.domain for r in recordings.read(tmp_path / "data", "evaluation")} == {""}
    extraction.extract(tmp_path / "data", "evaluation", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["none"]
    assert len(list(tmp_path.rglob("out/none/*.wav"))) == len(irmas_tree.TESTING)


def test_the_script(scores_data, tmp_path):
    command = [sys.executable, "-m", "pipelines.extract", f"--data={scores_data}"]
    command += [f"--out={tmp_path}", "--limit=1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"3 recordings are in {tmp_path}.\n"
    failed = subprocess.run([*command, "--split=dev"], capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("error: split='dev' is not in")


def test_refuses_what_is_no_dataset(tmp_path):
    with pytest.raises(FileNotFoundError, match="no dataset there"):
        extraction.extract(tmp_path, "test", tmp_path)
