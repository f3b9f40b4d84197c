"""The front end and the network are held against plain numpy."""

import numpy as np
import pytest
import tensorflow as tf
import threadpoolctl

from tf_mt.embedders import embedder, vggish


def by_hand(audio):
    """The front end, frame by frame and band by band."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    mels = 1127 * np.log(1 + np.arange(257) * 16_000 / 512 / 700)
    low, high = (1127 * np.log(1 + hz / 700) for hz in (125, 7500))
    step = (high - low) / 65
    rows = []
    for start in range(0, len(audio) - 399, 160):
        magnitude = np.abs(np.fft.rfft(audio[start : start + 400] * window, 512))
        bands = []
        for band in range(64):
            centre = low + (band + 1) * step
            weights = np.clip(1 - np.abs(mels - centre) / step, 0, None)
            weights[0] = 0
            bands.append(np.log(weights @ magnitude + 0.01))
        rows.append(bands)
    count = len(rows) // 96
    return np.array(rows)[: 96 * count].reshape(count, 96, 64)


@pytest.mark.parametrize("samples", [15_600, 16_000, 48_000])
def test_the_front_end_is_that_of_the_paper(samples):
    random = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 1000 * np.arange(samples) / 16_000)
    audio = (0.5 * tone + 0.1 * random.standard_normal(samples)).astype(np.float32)
    patches = vggish.patches(audio)
    assert patches.shape == (samples // 15_360, 96, 64)
    assert patches.dtype == np.float32
    np.testing.assert_allclose(patches, by_hand(audio), rtol=1e-4, atol=1e-4)


def test_a_short_recording_is_one_patch():
    patches = vggish.patches(np.ones(100, np.float32))
    assert patches.shape == (1, 96, 64)
    np.testing.assert_allclose(patches[0, 1:], np.log(0.01), rtol=1e-5)


def test_silence_is_the_offset():
    np.testing.assert_allclose(
        vggish.patches(np.zeros(16_000, np.float32)), np.log(0.01), rtol=1e-5
    )


def save(path, tensors):
    """Writes a checkpoint in two files, as TensorFlow 2 does."""
    tf.raw_ops.SaveV2(
        prefix=str(path),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )


@pytest.mark.parametrize("tensors", [{}, {"vggish/conv1/weights": np.zeros((3, 3))}])
def test_another_checkpoint_is_refused(tensors, tmp_path):
    save(tmp_path / "model.ckpt", tensors | {"step": np.zeros(1)})
    words = r"has no vggish/conv1/weights of shape \(3, 3, 1, 64\); name the checkpoint"
    with pytest.raises(ValueError, match=words):
        embedder.load(f"vggish:{tmp_path / 'model.ckpt'}")


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "weights.ckpt"
    path.write_bytes(b"not a checkpoint at all")
    with pytest.raises(ValueError, match=r"is not a checkpoint of TensorFlow's; name"):
        embedder.load(f"vggish:{path}")
    with pytest.raises(FileNotFoundError, match="is not there; name the checkpoint"):
        embedder.load(f"vggish:{tmp_path}")


def convolved(x, kernel, bias):
    """A convolution of 3 x 3 that keeps the size, and a ReLU: `[h, w, channels]`."""
    height, width, channels = x.shape
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    total = sum(
        padded[i : i + height, j : j + width].reshape(-1, channels) @ kernel[i, j]
        for i in range(3)
        for j in range(3)
    )
    return np.maximum(total + bias, 0).reshape(height, width, -1)


def pooled(x):
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))


def network_by_hand(weights, patch):
    x = patch[:, :, np.newaxis]
    blocks = ("1",), ("2",), ("3/conv3_1", "3/conv3_2"), ("4/conv4_1", "4/conv4_2")
    for block in blocks:
        for layer in block:
            name = f"vggish/conv{layer}"
            x = convolved(x, weights[f"{name}/weights"], weights[f"{name}/biases"])
        x = pooled(x)
    x = x.reshape(-1)
    for layer in ("fc1/fc1_1", "fc1/fc1_2", "fc2"):
        name = f"vggish/{layer}"
        x = x @ weights[f"{name}/weights"] + weights[f"{name}/biases"]
        x = x if layer == "fc2" else np.maximum(x, 0)
    return x


@pytest.mark.slow
def test_random_weights_from_a_checkpoint_give_what_numpy_gives(tmp_path):
    sizes = {
        "conv1": (3, 3, 1, 64),
        "conv2": (3, 3, 64, 128),
        "conv3/conv3_1": (3, 3, 128, 256),
        "conv3/conv3_2": (3, 3, 256, 256),
        "conv4/conv4_1": (3, 3, 256, 512),
        "conv4/conv4_2": (3, 3, 512, 512),
        "fc1/fc1_1": (12_288, 4096),
        "fc1/fc1_2": (4096, 4096),
        "fc2": (4096, 128),
    }
    random = np.random.default_rng(0)
    weights = {}
    for layer, shape in sizes.items():
        scale = np.float32(np.sqrt(2.0 / np.prod(shape[:-1])))
        weights[f"vggish/{layer}/weights"] = scale * random.standard_normal(
            shape, np.float32
        )
        weights[f"vggish/{layer}/biases"] = 0.1 * random.standard_normal(
            shape[-1], np.float32
        )
    assert sum(weight.size for weight in weights.values()) == 72_141_184
    path = tmp_path / "vggish_model.ckpt"
    # One file, the format of the released one.
    tf.raw_ops.Save(
        filename=str(path), tensor_names=list(weights), data=list(weights.values())
    )
    made = embedder.load(f"vggish:{path}")
    assert made._network.count_params() == 72_141_184
    assert (made.name, made.dimensions, made.domains) == ("VGGish", 128, ())
    audio = 0.3 * random.standard_normal(2 * 16_000, np.float32)
    embeddings = made.embed(audio, 16_000)
    assert embeddings.shape == (2, 128)
    with threadpoolctl.threadpool_limits(1):
        expected = network_by_hand(weights, by_hand(audio)[1])
    assert expected.std() > 0.1
    np.testing.assert_allclose(embeddings[1], expected, rtol=1e-3, atol=1e-3)
