import dataclasses
import json

import keras
import numpy as np
import pytest

from tf_mt import config, dataset, models
from tf_mt.audio import files
from tf_mt.inference import latent_space
from tf_mt.training import run

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute", "trumpet"))
TINY = models.preset("vae_gan", "tiny")
INTERPOLATIONS = pytest.mark.parametrize(
    "interpolation",
    latent_space.INTERPOLATIONS.values(),
    ids=latent_space.INTERPOLATIONS,
)
WEIGHTS = (0.0, 0.2, 0.5, 0.9, 1.0)


def codes(seed=0, shape=(3, 8, 4)):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((2, *shape), np.float32)


def of_unit_norm(code):
    axes = tuple(range(1, code.ndim))
    return code / np.sqrt(np.sum(code**2, axes, keepdims=True))


def made(**changes):
    preset = config.Preset(dataclasses.replace(TINY.model, **changes), TINY.training)
    keras.utils.set_random_seed(0)
    return run.build(run.settings_of("vae_gan", preset, INFO))


def clip(pitch_hz, samples=9000):
    time = np.arange(samples) / INFO.sample_rate_hz
    return (0.4 * np.sin(2 * np.pi * pitch_hz * time)).astype(np.float32)


@INTERPOLATIONS
def test_interpolation_ends_where_it_should(interpolation):
    start, end = codes()
    np.testing.assert_array_equal(interpolation(start, end, 0.0), start)
    np.testing.assert_array_equal(interpolation(start, end, 1.0), end)


@INTERPOLATIONS
@pytest.mark.parametrize("weight", WEIGHTS)
def test_interpolation_is_symmetric(interpolation, weight):
    start, end = codes()
    there, back = (
        interpolation(start, end, weight),
        interpolation(end, start, 1.0 - weight),
    )
    np.testing.assert_allclose(there, back, atol=1e-6)
    assert there.dtype == np.float32


@INTERPOLATIONS
def test_from_a_code_to_itself_nothing_changes(interpolation):
    start, _ = codes()
    np.testing.assert_allclose(interpolation(start, start, 0.3), start, rtol=1e-6)


def test_linear_is_the_weighted_mean():
    start, end = codes()
    np.testing.assert_allclose(
        latent_space.linear(start, end, 0.25), 0.75 * start + 0.25 * end, rtol=1e-6
    )


@pytest.mark.parametrize("shape", [(3, 8, 4), (2, 8, 5, 4)])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_spherical_keeps_the_norm_of_each_window(shape, weight):
    start, end = (7.0 * of_unit_norm(code) for code in codes(shape=shape))
    between = latent_space.spherical(start, end, weight)
    norms = np.linalg.norm(between.reshape(shape[0], -1), axis=1)
    np.testing.assert_allclose(norms, 7.0, rtol=1e-5)


def test_spherical_goes_at_constant_speed():
    start = np.zeros([2, 1, 2], np.float32)
    end = np.zeros([2, 1, 2], np.float32)
    start[:, 0, 0] = 1.0
    end[:, 0] = [[0.0, 1.0], [np.cos(2.0), np.sin(2.0)]]
    between = latent_space.spherical(start, end, 0.25)
    angles = np.arctan2(between[:, 0, 1], between[:, 0, 0])
    np.testing.assert_allclose(angles, [np.pi / 8, 0.5], rtol=1e-6)


def test_spherical_is_linear_where_there_is_no_circle():
    code, _ = codes()
    for start, end in ((code, -code), (code, 3.0 * code), (code, 0.0 * code)):
        np.testing.assert_allclose(
            latent_space.spherical(start, end, 0.3),
            latent_space.linear(start, end, 0.3),
            atol=1e-5,
        )


def correlation(rows):
    """Of each row with the next, over all columns."""
    return np.mean(rows[1:] * rows[:-1]) / np.mean(rows**2)


@pytest.mark.parametrize("shape", [(9, 32, 64), (9, 32, 8, 16)])
def test_random_codes_are_standard_normal_and_smooth(shape):
    code = latent_space.random_code(shape, 0)
    assert code.shape == shape and code.dtype == np.float32
    assert abs(code.mean()) < 0.05
    assert code.std() == pytest.approx(1.0, abs=0.03)
    assert np.mean(code**4) == pytest.approx(3.0, abs=0.2)
    for axis in range(1, len(shape) - 1):
        rows = np.moveaxis(code, axis, 0)
        assert correlation(rows) == pytest.approx(latent_space.CORRELATION, abs=0.03)
    assert abs(correlation(np.moveaxis(code, -1, 0))) < 0.03


def test_windows_of_a_random_code_agree_where_they_overlap():
    code = latent_space.random_code((4, 8, 3), 0)
    np.testing.assert_array_equal(code[:-1, 4:], code[1:, :4])


def test_the_seed_decides_the_random_code():
    first, again, other = (
        latent_space.random_code((2, 8, 3), seed) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.5


@pytest.mark.parametrize("rank", [1, 2])
def test_points_are_seeded_and_as_long_as_asked_for(rank):
    model = made(rank=rank)
    two = latent_space.points(model, 1, 2, 1.1, seed=3)
    assert list(two) == ["000", "001"]
    for audio in two.values():
        assert audio.shape == (8800,) and audio.dtype == np.float32
        assert np.isfinite(audio).all()
    one = latent_space.points(model, 1, 1, 1.1, seed=3)
    np.testing.assert_array_equal(one["000"], two["000"])
    assert (two["000"] != two["001"]).any()
    other = latent_space.points(model, 1, 1, 1.1, seed=4)
    assert (one["000"] != other["000"]).any()


@INTERPOLATIONS
@pytest.mark.parametrize("generators", ["per_domain", "shared"])
def test_both_ends_are_translations(interpolation, generators):
    model = made(generators=generators, loudness="decoded")
    clips = clip(300.0), clip(500.0, samples=9500)
    sounds = latent_space.interpolate(model, interpolation, clips, (2, 0), 3)
    assert list(sounds) == ["0.00", "0.50", "1.00"]
    for title, audio, domain in (("0.00", clips[0], 2), ("1.00", clips[1], 0)):
        translated = model.translate(audio[np.newaxis, :9000], np.array([domain]))
        decoded = np.clip(sounds[title], -1.0, 1.0)
        np.testing.assert_allclose(decoded, translated[0], atol=1e-5)
    assert sounds["0.50"].shape == (9000,)


def test_a_blend_lies_between_its_domains():
    model = made()
    for head, level in zip(model.generator.heads, (-0.5, 0.1, 0.5), strict=True):
        kernel, bias = head.last.convolution.weights
        kernel.assign(0.0 * kernel)
        bias.assign(0.0 * bias + np.arctanh(level))
    audio = clip(300.0)
    sounds = latent_space.interpolate(
        model, latent_space.linear, (audio, audio), (0, 2), 5
    )
    loudness_db = [10 * np.log10(np.mean(sound**2)) for sound in sounds.values()]
    # 1 in the log-mel is 50 dB.
    np.testing.assert_allclose(np.diff(loudness_db), 12.5, atol=0.5)


def saved(folder):
    settings = run.settings_of("vae_gan", TINY, INFO)
    kept = run.Run(folder)
    kept.settle(settings)
    kept.save(run.build(settings), 1, [])
    return folder


def test_loads_a_run(tmp_path):
    model = latent_space.load(saved(tmp_path / "run"))
    assert latent_space.domain_number(model, "trumpet") == 2
    with pytest.raises(ValueError, match="domain='flut' is not known; did you mean"):
        latent_space.domain_number(model, "flut")


def test_other_approaches_are_refused(tmp_path):
    settings = {"approach": "umt", "model": {}, "training": {"precision": "float32"}}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(
        ValueError, match="no latent space to explore: its approach is umt"
    ):
        latent_space.load(tmp_path)


def test_reads_the_beginning_of_a_file(tmp_path):
    audio = clip(300.0)
    files.write(tmp_path / "clip.wav", audio, INFO.sample_rate_hz)
    model = made()
    begun = latent_space.read(model, tmp_path / "clip.wav", 0.5)
    np.testing.assert_allclose(begun, audio[:4000], atol=1e-4)
    assert latent_space.read(model, tmp_path / "clip.wav", 60.0).shape == (9000,)
