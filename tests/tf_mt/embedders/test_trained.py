"""Trained classifiers as embedders; what they learn is in `test_training`."""

import dataclasses

import numpy as np
import pytest

from tf_mt.embedders import classifier, cnn, cp_resnet, embedder, trained

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def about():
    return classifier.About(
        architecture="cnn",
        sizes={},
        front=cnn.front_end(RATE_HZ).settings,
        frames=cnn.FRAMES,
        dataset="scores",
        domains=("flute", "violin", "trumpet"),
        steps=50,
        seed=0,
        validation_accuracy=0.5,
        test_accuracy=0.25,
    )


@pytest.fixture(scope="module")
def untrained(about):
    return trained.Trained(about, cnn.Network(3))


def noise(seconds, rate_hz=RATE_HZ):
    random = np.random.default_rng(0)
    return 0.1 * random.standard_normal(int(seconds * rate_hz), np.float32)


@pytest.mark.parametrize(
    ("seconds", "windows"), [(0.01, 1), (0.5, 1), (1.4, 1), (1.6, 2), (4.0, 4)]
)
def test_there_is_about_a_window_a_second(untrained, seconds, windows):
    embeddings = untrained.embed(noise(seconds), RATE_HZ)
    assert embeddings.shape == (windows, cnn.DIMENSIONS)
    assert embeddings.dtype == np.float32


def test_probabilities_sum_to_one(untrained):
    probabilities = untrained.probabilities(noise(3), RATE_HZ)
    assert probabilities.shape == (3,)
    assert probabilities.dtype == np.float32
    assert probabilities.sum() == pytest.approx(1.0)


def test_a_recording_of_another_rate_is_resampled(untrained):
    time = np.arange(2 * 44_100) / 44_100
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    at_its_own = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    first = untrained.embed(at_its_own, RATE_HZ)
    second = untrained.embed(tone, 44_100)
    assert first.shape == second.shape
    assert np.linalg.norm(first - second) < 0.2 * np.linalg.norm(first)


def test_many_windows_are_as_each_alone(untrained):
    size = cnn.FRAMES * cnn.front_end(RATE_HZ).hop
    audio = noise(1.024 * 70)
    together = untrained.embed(audio, RATE_HZ)
    assert len(together) == 70
    for window in (0, 63, 64, 69):
        alone = untrained.embed(audio[window * size :][:size], RATE_HZ)
        np.testing.assert_allclose(together[window], alone[0], rtol=1e-3, atol=1e-5)


def test_what_is_saved_is_loaded(about, untrained, tmp_path):
    classifier.save(tmp_path / "cnn", about, untrained._network)
    loaded = embedder.load(str(tmp_path / "cnn"))
    assert loaded.about == about
    assert loaded.name == "CNN trained on scores"
    assert loaded.domains == about.domains
    audio = noise(2)
    np.testing.assert_array_equal(
        loaded.embed(audio, RATE_HZ), untrained.embed(audio, RATE_HZ)
    )
    np.testing.assert_array_equal(
        loaded.probabilities(audio, RATE_HZ), untrained.probabilities(audio, RATE_HZ)
    )


def test_a_cp_resnet_is_saved_and_loaded(about, tmp_path):
    sizes = {"rho": 3, "channels": 4}
    about = dataclasses.replace(about, architecture="cp_resnet", sizes=sizes)
    network = cp_resnet.Network(3, **sizes)
    classifier.save(tmp_path / "rho", about, network)
    loaded = embedder.load(str(tmp_path / "rho"))
    assert loaded.name == "CP-ResNet trained on scores"
    audio = noise(2)
    embeddings = loaded.embed(audio, RATE_HZ)
    assert embeddings.shape == (2, loaded.dimensions)
    before = trained.Trained(about, network)
    np.testing.assert_array_equal(embeddings, before.embed(audio, RATE_HZ))


def test_a_network_of_another_version_is_refused(about, untrained, tmp_path):
    classifier.save(tmp_path / "cnn", about, untrained._network)
    (tmp_path / "cnn" / classifier.ABOUT).write_text('{"dataset": "scores"}')
    with pytest.raises(ValueError, match="trained by another version of tf_mt; train"):
        embedder.load(str(tmp_path / "cnn"))


def test_an_unknown_architecture_is_refused():
    with pytest.raises(ValueError, match="architecture='cpresnet' is not known"):
        classifier.make("cpresnet", 2, {})
