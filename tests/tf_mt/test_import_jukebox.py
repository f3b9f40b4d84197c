"""The import of Jukebox's VQ-VAE, against a forward pass in NumPy by its names."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.tf_mt import torch_writer
from tf_mt.importers import jukebox
from tf_mt.training import run

SMALL = {"levels": 2, "halvings": (2, 1), "widths": (8, 4), "depths": (2, 1)}
PUBLISHED = {
    "levels": 3,
    "halvings": (3, 2, 2),
    "widths": (64, 32, 32),
    "depths": (8, 4, 4),
}
EMBEDDING = 64


def written(path, sizes, codes, layout="zip", prefix=""):
    """Random tensors by the published names, in a file and as they are."""
    random = np.random.default_rng(0)
    tensors = {}

    def convolution(name, outputs, inputs, size, transposed=False):
        shape = (inputs, outputs, size) if transposed else (outputs, inputs, size)
        kernel = random.standard_normal(shape) * np.sqrt(1.5 / (inputs * size))
        tensors[f"{name}.weight"] = kernel.astype(np.float32)
        bias = 0.1 * random.standard_normal(outputs)
        tensors[f"{name}.bias"] = bias.astype(np.float32)

    for level in range(sizes["levels"]):
        width, depth = sizes["widths"][level], sizes["depths"][level]

        def residual(place, width=width, depth=depth):
            for number in range(depth):
                convolution(f"{place}.model.{number}.model.1", width, width, 3)
                convolution(f"{place}.model.{number}.model.3", width, width, 1)

        for block in range(level + 1):
            place = f"encoders.{level}.level_blocks.{block}.model"
            count, inputs = sizes["halvings"][block], EMBEDDING if block else 1
            for number in range(count):
                convolution(f"{place}.{number}.0", width, inputs, 4)
                residual(f"{place}.{number}.1")
                inputs = width
            convolution(f"{place}.{count}", EMBEDDING, width, 3)
            place = f"decoders.{level}.level_blocks.{block}.model"
            convolution(f"{place}.0", width, EMBEDDING, 3)
            for number in range(1, count + 1):
                outputs = EMBEDDING if number == count else width
                residual(f"{place}.{number}.0")
                convolution(f"{place}.{number}.1", outputs, width, 4, transposed=True)
        convolution(f"decoders.{level}.out", 1, EMBEDDING, 3)
        tensors[f"bottleneck.level_blocks.{level}.k"] = random.standard_normal(
            (codes, EMBEDDING)
        ).astype(np.float32)
    content = {"model": {prefix + name: value for name, value in tensors.items()}}
    torch_writer.save(path, content | {"step": 7}, layout)
    return tensors


# The forward pass: signals are `[channels, samples]`.


def convolved(x, tensors, name, stride=1, dilation=1, padding=0):
    kernel, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    x = np.pad(x, [(0, 0), (padding, padding)])
    reach = dilation * (kernel.shape[2] - 1)
    columns = [
        x[:, dilation * k : x.shape[1] - reach + dilation * k : stride]
        for k in range(kernel.shape[2])
    ]
    return np.einsum("oik,kit->ot", kernel, columns) + bias[:, np.newaxis]


def lengthened(x, tensors, name):
    """A transposed convolution of kernel 4, stride 2 and padding 1."""
    kernel, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    y = np.zeros((kernel.shape[1], 2 * x.shape[1] + 2))
    for k in range(4):
        y[:, k : k + 2 * x.shape[1] : 2] += kernel[:, :, k].T @ x
    return y[:, 1:-1] + bias[:, np.newaxis]


def residual(x, tensors, place, depth, reverse):
    for number in range(depth):
        dilation = 3 ** (depth - 1 - number if reverse else number)
        part = f"{place}.model.{number}.model"
        y = np.maximum(x, 0)
        y = convolved(y, tensors, f"{part}.1", dilation=dilation, padding=dilation)
        x = x + convolved(np.maximum(y, 0), tensors, f"{part}.3")
    return x


def encoded(audio, tensors, sizes, level):
    x, depth = audio[np.newaxis], sizes["depths"][level]
    for block in range(level + 1):
        place = f"encoders.{level}.level_blocks.{block}.model"
        count = sizes["halvings"][block]
        for number in range(count):
            x = convolved(x, tensors, f"{place}.{number}.0", stride=2, padding=1)
            x = residual(x, tensors, f"{place}.{number}.1", depth, reverse=False)
        x = convolved(x, tensors, f"{place}.{count}", padding=1)
    return x


def decoded(x, tensors, sizes, level):
    depth = sizes["depths"][level]
    for block in reversed(range(level + 1)):
        place = f"decoders.{level}.level_blocks.{block}.model"
        x = convolved(x, tensors, f"{place}.0", padding=1)
        for number in range(1, sizes["halvings"][block] + 1):
            x = residual(x, tensors, f"{place}.{number}.0", depth, reverse=True)
            x = lengthened(x, tensors, f"{place}.{number}.1")
    return convolved(x, tensors, f"decoders.{level}.out", padding=1)[0]


def equal_to_published(model, tensors, sizes, samples):
    audio = 0.3 * np.random.default_rng(1).standard_normal(samples).astype(np.float32)
    for level in range(sizes["levels"]):
        expected = encoded(audio, tensors, sizes, level)
        features = model.features(tf.constant(audio[np.newaxis]), level)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(features[0], expected.T, atol=1e-4 * scale)
        codes = tensors[f"bottleneck.level_blocks.{level}.k"]
        distance = np.square(expected.T[:, np.newaxis] - codes).sum(axis=-1)
        numbers = model.codebooks[level].nearest(features)
        np.testing.assert_array_equal(numbers[0], distance.argmin(axis=1))
        with model.averages.applied():
            quantised = model.codebooks[level].read(numbers)
            output = model.levels[level].decode(quantised)[0]
        expected = decoded(codes[numbers[0]].T, tensors, sizes, level)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(output, expected, atol=1e-4 * scale)


@pytest.mark.parametrize("layout", torch_writer.LAYOUTS)
def test_codes_and_audio_are_the_published_ones(layout, tmp_path):
    tensors = written(tmp_path / "vqvae.pth.tar", SMALL, 16, layout)
    jukebox.make_run(tmp_path / "vqvae.pth.tar", 8000, tmp_path / "run")
    equal_to_published(run.load_model(tmp_path / "run"), tensors, SMALL, 64)


@pytest.mark.slow
def test_codes_and_audio_are_the_published_ones_at_their_size(tmp_path):
    tensors = written(tmp_path / "vqvae.pth.tar", PUBLISHED, 2048, prefix="module.")
    model = jukebox.make_run(tmp_path / "vqvae.pth.tar", 44_100, tmp_path / "run")
    assert model.parameters == 1_485_763
    equal_to_published(model, tensors, PUBLISHED, 1024)


def test_the_run_tells_where_it_is_from(tmp_path):
    written(tmp_path / "vqvae.pth.tar", SMALL, 16)
    jukebox.make_run(tmp_path / "vqvae.pth.tar", 8000, tmp_path / "run")
    settings = run.Run(tmp_path / "run").settings()
    assert settings["imported"] == {
        "files": ["vqvae.pth.tar"],
        "licence": "Noncommercial Use License of openai/jukebox",
    }


def refusal(tmp_path, match):
    with pytest.raises((ValueError, OSError), match=match):
        jukebox.make_run(tmp_path / "vqvae.pth.tar", 8000, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "vqvae.pth.tar"
    refusal(tmp_path, "vqvae")
    torch_writer.save(path, {"state": 1}, "zip")
    refusal(tmp_path, "must hold 'model'; give the VQ-VAE of Jukebox")
    torch_writer.save(path, {"model": {"a": np.zeros(2, np.float32)}}, "zip")
    refusal(tmp_path, "is not of Jukebox's VQ-VAE")
    tensors = written(path, SMALL, 16)
    del tensors["decoders.1.out.bias"]
    torch_writer.save(path, {"model": tensors}, "zip")
    refusal(tmp_path, r"decoders.1.out.bias is absent, but should be \(1,\)")
    (tmp_path / "run").mkdir()
    with pytest.raises(ValueError, match="run' exists; name a folder that does not"):
        jukebox.make_run(path, 8000, tmp_path / "run")


@pytest.mark.slow
def test_the_command_says_the_licence(tmp_path):
    written(tmp_path / "vqvae.pth.tar", SMALL, 16)
    command = [sys.executable, "-m", "tf_mt.import_jukebox", "--sample_rate=8000"]
    command += [f"--checkpoint={tmp_path / 'vqvae.pth.tar'}"]
    done = subprocess.run(
        [*command, f"--run={tmp_path / 'run'}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Levels whose features stand for 4, 8 samples.\n")
    assert "Noncommercial" in done.stdout
