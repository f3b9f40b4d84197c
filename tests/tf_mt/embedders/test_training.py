"""The network learns to tell domains apart, whatever the level."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from pipelines import conversion
from tf_mt.embedders import classifier, cnn, embedder, training

RATE_HZ = 8000


def tone(harmonics, random):
    """Four seconds of notes at random pitches and a level that says nothing."""
    notes = []
    for hz in 110.0 * 2 ** random.uniform(0, 3, 8):
        time = np.arange(RATE_HZ // 2) / RATE_HZ
        partials = [
            np.sin(2 * np.pi * k * hz * time) / k
            for k in harmonics
            if k * hz < RATE_HZ / 2
        ]
        notes.append(sum(partials) * np.exp(-3.0 * time))
    audio = np.concatenate(notes)
    return audio / np.abs(audio).max() * random.uniform(0.02, 0.9)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two domains, told apart by their overtones alone."""
    folder = tmp_path_factory.mktemp("tones")
    random = np.random.default_rng(0)
    for domain, harmonics in {"pure": (1,), "rich": range(1, 20)}.items():
        (folder / "source" / domain).mkdir(parents=True)
        for number in range(30):
            path = folder / "source" / domain / f"{number:02d}.wav"
            soundfile.write(path, tone(harmonics, random), RATE_HZ)
    conversion.convert(
        "audio_folder",
        folder / "data",
        settings={"source": str(folder / "source"), "sample_rate": RATE_HZ},
    )
    return folder / "data"


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedder") / "cnn"
    return folder, training.train(data, folder, steps=50, seed=0)


def test_it_tells_the_domains_apart(trained):
    folder, result = trained
    assert result.about.test_accuracy > 0.8
    assert result.n == training.TEST_BATCHES * training.BATCH_SIZE
    np.testing.assert_allclose(result.confusion.sum(axis=1), 1.0)
    kept = json.loads((folder / "embedder.json").read_text())
    assert kept["domains"] == ["pure", "rich"]
    assert kept["dataset"] == "audio_folder"
    assert kept["test_accuracy"] == result.about.test_accuracy
    assert 0.5 < kept["validation_accuracy"] <= 1.0


def test_level_is_no_cue(trained):
    loaded = embedder.load(str(trained[0]))
    random = np.random.default_rng(1)
    for harmonics, number in (((1,), 0), (range(1, 20), 1)):
        audio = tone(harmonics, random)
        for level in (0.1, 0.9):
            audio *= level / np.abs(audio).max()
            assert loaded.probabilities(audio, RATE_HZ).argmax() == number


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network(data, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "BATCH_SIZE", 8)
    monkeypatch.setattr(training, "EPOCH_STEPS", 10)
    audio = tone((1, 3), np.random.default_rng(0))
    embeddings = []
    for number, seed in enumerate((0, 0, 1)):
        folder = tmp_path / str(number)
        training.train(data, folder, steps=10, seed=seed)
        embeddings.append(embedder.load(str(folder)).embed(audio, RATE_HZ))
    np.testing.assert_array_equal(embeddings[0], embeddings[1])
    assert np.abs(embeddings[0] - embeddings[2]).max() > 0.01


def test_the_table_says_chance():
    about = classifier.About(
        architecture="cnn",
        sizes={},
        front=cnn.front_end(RATE_HZ).settings,
        frames=cnn.FRAMES,
        dataset="scores",
        domains=("a", "b"),
        steps=50,
        seed=0,
        validation_accuracy=0.9,
        test_accuracy=0.875,
    )
    result = training.Result(about, np.array([[0.75, 0.25], [0.0, 1.0]]), 640)
    assert result.markdown().splitlines() == [
        "Test accuracy 0.875, chance 0.500; n = 640 clips of 1.0 s, all domains "
        "equally often.",
        "",
        "| is \\ taken for | a | b |",
        "|---|---|---|",
        "| a | 0.75 | 0.25 |",
        "| b | 0.00 | 1.00 |",
    ]


def test_a_tilt_is_a_straight_line_of_at_most_so_many_decibels():
    flat = tf.zeros([training.BATCH_SIZE, 3, cnn.BANDS])
    tilted = training._tilted(flat, tf.constant([1, 2], tf.int64)).numpy() * 50.0
    np.testing.assert_allclose(np.diff(tilted, n=2, axis=-1), 0.0, atol=1e-4)
    ends = tilted[:, 0, -1]
    assert np.abs(ends).max() <= training.TILT_DB
    assert ends.min() < -0.5 * training.TILT_DB
    assert ends.max() > 0.5 * training.TILT_DB
    np.testing.assert_allclose(tilted[:, :, 0], -tilted[:, :, -1], atol=1e-4)


def test_what_cannot_be_trained_is_refused(data, tmp_path):
    with pytest.raises(ValueError, match="exists; name a folder that does not"):
        training.train(data, tmp_path, steps=50, seed=0)
    for steps in (0, 49, -50):
        with pytest.raises(ValueError, match=f"steps={steps} must be a positive mult"):
            training.train(data, tmp_path / "out", steps=steps, seed=0)
    with pytest.raises(FileNotFoundError):
        training.train(tmp_path / "nowhere", tmp_path / "out", steps=50, seed=0)
    assert not (tmp_path / "out").exists()


def test_what_is_interrupted_leaves_nothing(data, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "save_weights", interrupt)
    monkeypatch.setattr(training, "_confusion", lambda *_: np.eye(2))
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        training.train(data, tmp_path / "out", steps=50, seed=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_says_what_it_did(data, tmp_path):
    command = [sys.executable, "-m", "tf_mt.train_embedder", f"--data={data}"]
    command += [f"--out={tmp_path / 'cnn'}", "--steps=50"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Test accuracy ")
    assert "chance 0.500" in done.stdout
    assert done.stdout.endswith(f"Network: {tmp_path / 'cnn'}.\n")
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 1
    assert again.stderr.splitlines()[-1] == (
        f"error: out={str(tmp_path / 'cnn')!r} exists; name a folder that does not."
    )


@pytest.mark.slow
def test_a_cp_resnet_learns_from_the_spectrograms_of_a_model(data, tmp_path):
    out = tmp_path / "rho"
    command = [sys.executable, "-m", "tf_mt.train_embedder", f"--data={data}"]
    command += [f"--out={out}", "--steps=100", "--architecture=cp_resnet"]
    command += ["--receptive_field=3", "--channels=8", "--front=lord/tiny"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    about, network = classifier.load(out)
    assert about.test_accuracy > 0.7
    assert about.front["bands"] == 32
    assert about.frames == 32
    assert network.dimensions == 32
    refused = subprocess.run(
        [*command[:3], f"--data={data}", "--out=x", "--front=cyclegan/tiny"],
        capture_output=True,
        text=True,
    )
    assert refused.stderr.splitlines()[-1] == (
        "error: front='cyclegan/tiny' must be of log-mel spectrograms."
    )
