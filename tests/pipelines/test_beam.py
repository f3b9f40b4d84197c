"""Datasets made by Apache Beam's workers, held against those made by threads."""

import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from pipelines import conversion
from tests.pipelines import irmas_tree, musicnet_tree, nsynth_tree
from tf_mt.data import index

RATE_HZ = 16000
TREES = {
    "musicnet": musicnet_tree.write,
    "nsynth": nsynth_tree.write_json_wav,
    "irmas": irmas_tree.write,
}


@pytest.fixture
def source(tmp_path):
    """Two domains, one of them with a recording of several chunks."""
    rng = np.random.default_rng(0)
    for file in range(12):
        path = tmp_path / "my source" / ("Bläser" if file % 2 else "cello")
        path.mkdir(parents=True, exist_ok=True)
        seconds = 50 if file == 2 else 0.5
        noise = rng.uniform(-0.5, 0.5, round(seconds * RATE_HZ))
        soundfile.write(path / f"take {file}.wav", noise, RATE_HZ)
    return tmp_path / "my source"


def convert(source, data_dir, beam_options=None, dataset="audio_folder", **settings):
    return conversion.convert(
        dataset,
        data_dir,
        settings={"source": str(source), **settings},
        beam_options=beam_options,
    )


def examples(data_dir):
    """All that is stored, by split."""
    dataset = index.open_dataset(data_dir)
    return {
        split: sorted(
            example.numpy()
            for path in index.shards(dataset, split)
            for example in tf.data.TFRecordDataset(str(path))
        )
        for split in dataset.info.splits
    }


def test_says_that_beam_is_not_installed(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    monkeypatch.delitem(sys.modules, "tf_mt.data.distributed", raising=False)
    with pytest.raises(
        ValueError, match=r"needs Apache Beam; pip install 'tf_mt\[beam"
    ):
        convert(source, tmp_path / "data", "--runner=DirectRunner")


class TestOnBeam:
    """What needs Beam itself."""

    @pytest.fixture(autouse=True)
    def _beam(self):
        pytest.importorskip("apache_beam", reason="Apache Beam is not installed")

    @pytest.mark.parametrize(
        "options",
        [
            "--runner=DirectRunner",
            "--runner=DirectRunner --direct_num_workers=2 "
            "--direct_running_mode=multi_processing",
        ],
    )
    def test_gives_the_same_examples(self, source, tmp_path, options):
        convert(source, tmp_path / "one")
        convert(source, tmp_path / "two", options)
        assert examples(tmp_path / "one") == examples(tmp_path / "two")
        assert conversion.table(tmp_path / "one") == conversion.table(tmp_path / "two")

    @pytest.mark.parametrize("dataset", TREES)
    def test_gives_the_same_examples_of_public_datasets(self, dataset, tmp_path):
        source = tmp_path / "the source"
        TREES[dataset](source)
        convert(source, tmp_path / "one", dataset=dataset)
        convert(source, tmp_path / "two", "--runner=DirectRunner", dataset=dataset)
        assert examples(tmp_path / "one") == examples(tmp_path / "two")

    def test_tells_the_bad_files_and_publishes_nothing(self, source, tmp_path):
        for name in ("broken 1.wav", "broken 2.wav"):
            (source / "cello" / name).write_bytes(b"not audio")
        with pytest.raises(ValueError, match=r"broken \d\.wav'.*cannot be read"):
            convert(source, tmp_path / "data", "--runner=DirectRunner")
        with pytest.raises(FileNotFoundError):
            index.open_dataset(tmp_path / "data")

    def test_leaves_out_few_bad_and_silent_files(self, tmp_path, capsys):
        folder = tmp_path / "source" / "a"
        folder.mkdir(parents=True)
        for file in range(150):
            soundfile.write(folder / f"{file}.wav", np.full(100, 0.5), RATE_HZ)
        (folder / "broken.wav").write_bytes(b"not audio")
        soundfile.write(folder / "silent.wav", np.zeros(100), RATE_HZ)
        made = convert(
            tmp_path / "source",
            tmp_path / "data",
            "--runner=DirectRunner",
            skip_bad_files=True,
        )
        said = capsys.readouterr().out
        assert "left out: path=" in said
        assert "left out: 'a/silent.wav' is silent." in said
        assert sum(map(len, examples(tmp_path / "data").values())) == 150
        assert not list(made.glob("left_out*"))

    @pytest.mark.parametrize("options", ["Flink", "--runer=FlinkRunner"])
    def test_refuses_options_without_a_runner(self, source, tmp_path, options):
        with pytest.raises(ValueError, match=f"beam_options='{options}' must name a r"):
            convert(source, tmp_path / "data", options)
