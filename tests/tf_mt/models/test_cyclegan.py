"""Networks, order of updates, pool and front of the CycleGAN."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config, dataset, models
from tf_mt.layers import cyclegan, linear_spectrogram
from tf_mt.models.cyclegan import configuration, fake_pool
from tf_mt.models.cyclegan import model as cyclegan_model

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute"))
TINY = models.preset("cyclegan", "tiny").model


def made(info=INFO, **changes):
    keras.utils.set_random_seed(0)
    return cyclegan_model.CycleGan(dataclasses.replace(TINY, **changes), info)


def batch_of(model, step=0):
    shape = [2, 2, model.clip_samples]
    audio = tf.random.stateless_normal(shape, [step, 7], stddev=0.1)
    return {
        "audio": audio,
        "domain": tf.constant([[0, 1]] * 2),
        "seed": tf.constant([0, step]),
        "step": tf.constant(step, tf.int64),
    }


# Networks


def parameters(layer, frames=128, bins=128):
    layer(tf.zeros([1, frames, bins]))
    return layer.count_params()


def test_parameters_are_those_of_the_published_networks():
    resnet = cyclegan.ResnetGenerator(64, 2, 9, "transposed")
    assert parameters(resnet) == 11_365_633
    assert parameters(cyclegan.PatchDiscriminator(64)) == 2_762_689


def test_a_logit_sees_a_patch_of_70_by_70():
    layer = cyclegan.PatchDiscriminator(4)
    clip = tf.Variable(tf.random.stateless_normal([1, 160, 160], [0, 0]))
    with tf.GradientTape() as tape:
        logits = layer(clip)
        # Instance normalisation, which sees all, is left out of the gradient.
        middle = logits[0, 9, 9, 0]
    assert logits.shape == (1, 18, 18, 1)
    seen = np.abs(tape.gradient(middle, clip)[0])
    strong = seen > 0.05 * seen.max()
    rows, columns = np.nonzero(strong)
    assert rows.max() - rows.min() < 70
    assert columns.max() - columns.min() < 70


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
@pytest.mark.parametrize("kind", [cyclegan.DeepGenerator, cyclegan.ResnetGenerator])
def test_generators_keep_the_shape_whatever_the_length(kind, upsampling):
    layer = kind(4, 3, 1, upsampling)
    for frames in (16, 40):
        clip = tf.random.stateless_normal([2, frames, 32], [0, 0])
        translated = layer(clip)
        assert translated.shape == clip.shape
        assert np.abs(translated).max() <= 1.0


def test_the_deep_generator_widens_up_to_eight_times():
    layer = cyclegan.DeepGenerator(64, 6, 0, "transposed")
    layer(tf.zeros([1, 128, 128]))
    widths = [halving.kernel.shape[-1] for halving in layer.halvings]
    assert widths == [64, 128, 256, 512, 512, 512]


@pytest.mark.parametrize("architecture", ["deep", "resnet"])
def test_kernels_begin_as_those_of_the_images(architecture):
    model = made(architecture=architecture, width=16)
    kernels = [v for v in model.trainable_variables if len(v.shape) == 4]
    drawn = np.concatenate([v.numpy().ravel() for v in kernels])
    assert np.std(drawn) == pytest.approx(0.02, rel=0.05)


SMALLER = {
    "deep": {},
    "resnet": {"halvings": 1},
    "conv1d": {"width": 8},
}


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("architecture", sorted(SMALLER))
def test_a_residual_generator_begins_as_a_copy_and_learns(architecture, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        changes = SMALLER[architecture]
        model = made(architecture=architecture, residual=True, **changes)
        model.compile(model.make_optimizers(config.Training(learning_rate=0.01)))
        clip = tf.random.stateless_uniform([2, 32, 64], [0, 0], -1.0, 1.0)
        np.testing.assert_array_equal(model.generator_ab(clip), clip)
        model.train_step(batch_of(model))
        changed = model.generator_ab(clip)
    finally:
        keras.config.set_dtype_policy(before)
    assert changed.dtype == tf.float32
    assert np.any(changed.numpy() != clip.numpy())
    assert np.abs(changed).max() <= 1.0


@pytest.mark.parametrize("architecture", sorted(SMALLER))
def test_discriminators_of_all_architectures_see_patches(architecture):
    model = made(architecture=architecture, **SMALLER[architecture])
    assert isinstance(model.discriminator_a, cyclegan.PatchDiscriminator)
    clip = tf.random.stateless_uniform([2, 64, 64], [0, 0], -1.0, 1.0)
    logits = model.discriminator_b(clip)
    assert logits.shape == (2, 6, 6, 1)


# Front


def test_the_magnitude_of_a_sine_is_its_amplitude_and_is_inverted():
    front = linear_spectrogram.LinearSpectrogram(512, 128)
    time = np.arange(8192)
    audio = 0.5 * np.sin(2 * np.pi * 32 / 512 * time).astype(np.float32)
    compressed, _ = front.analyse(audio[np.newaxis])
    # -6.02 dB on a scale from -80 dB at -1 to 20 dB at 1.
    assert float(compressed[0, 32, 32]) == pytest.approx((80 - 6.02) / 50 - 1, abs=1e-3)
    again = front.magnitude(compressed)
    assert float(again[0, 32, 32]) == pytest.approx(0.25 * 512 * 0.5, rel=1e-3)


@pytest.mark.parametrize("phase", ["source", "griffin_lim"])
def test_what_a_generator_leaves_alone_sounds_as_the_source(phase, monkeypatch):
    model = made(phase=phase)
    monkeypatch.setattr(model, "generator_ab", lambda x: x)
    audio = batch_of(model)["audio"][0]
    translated = model.translate(audio, tf.constant([1, 1]))
    np.testing.assert_allclose(translated, audio, atol=2e-3)


def test_a_phase_from_the_magnitudes_needs_no_source(monkeypatch):
    model = made(phase="pghi", n_fft=254, hop=32, stft_window=254)
    monkeypatch.setattr(model, "generator_ab", lambda x: x)
    time = np.arange(model.clip_samples) / INFO.sample_rate_hz
    tone = (0.3 * np.sin(2 * np.pi * 700.0 * time)).astype(np.float32)
    content = model.encode(tone[np.newaxis])
    silenced = content._replace(phase=tf.zeros_like(content.phase))
    one, other = (model.decode(c, tf.constant([1])) for c in (content, silenced))
    np.testing.assert_array_equal(one, other)
    expected, found = (np.abs(np.fft.rfft(x)) for x in (tone, one[0].numpy()))
    assert np.argmax(found) == np.argmax(expected)
    assert np.std(one) == pytest.approx(np.std(tone), rel=0.1)


def test_the_target_chooses_the_generator(monkeypatch):
    model = made(loudness="decoded")
    monkeypatch.setattr(model, "generator_ab", lambda x: x)
    monkeypatch.setattr(model, "generator_ba", lambda x: x - 0.4)
    audio = batch_of(model)["audio"][0]
    to_a, to_b = (model.translate(audio, tf.constant([n, n])) for n in (0, 1))
    # 0.4 on a scale of 50 dB a unit are 20 dB.
    ratio = np.std(to_b) / np.std(to_a)
    assert 20 * np.log10(ratio) == pytest.approx(20.0, abs=0.5)


# The pair


@pytest.mark.parametrize(
    ("pair", "domains", "words"),
    [
        ("", ("a", "b", "c"), "pair must name two of the domains of toy: a, b, c"),
        ("", ("a",), "pair must name two of the domains of toy: a; this approach"),
        ("a,d", ("a", "b"), "pair='d' is not known"),
    ],
)
def test_a_dataset_without_the_pair_is_refused(pair, domains, words):
    with pytest.raises(ValueError, match=words):
        made(dataset.DatasetInfo("toy", 8000, domains), pair=pair)


@pytest.mark.parametrize("pair", ["violin", "violin,violin", "a,b,c"])
def test_a_pair_is_two_names(pair):
    with pytest.raises(ValueError, match="must be two names of domains"):
        made(pair=pair)


def test_a_pair_of_more_domains_is_in_the_order_that_is_given():
    info = dataset.DatasetInfo("toy", 8000, ("violin", "flute", "trumpet"))
    model = made(info, pair="trumpet, violin")
    assert model.info.domains == ("trumpet", "violin") == model.trained_domains


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clip_frames": 33}, "clip_frames=33 must be a multiple of 4"),
        ({"n_fft": 130}, "bins=66 must be a multiple of 4"),
        ({"architecture": "conv1d", "upsampling": "resize"}, "upsampling=resize needs"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(TINY, **changes)


# Order of updates


def moved(model, step):
    before = {p: [v.numpy() for v in model.part_variables(p)] for p in model.parts()}
    step()
    return {
        part
        for part, values in before.items()
        if any(
            np.any(old != new.numpy())
            for old, new in zip(values, model.part_variables(part), strict=True)
        )
    }


@pytest.mark.parametrize(
    ("order", "parts"),
    [
        (
            "paper",
            [
                {"discriminator_a", "discriminator_b"},
                {"discriminator_a", "discriminator_b"},
                {"generator_ab"},
                {"generator_ba"},
            ],
        ),
        (
            "reference",
            [
                {"generator_ab"},
                {"discriminator_b"},
                {"generator_ba"},
                {"discriminator_a"},
            ],
        ),
        (
            "joint",
            [{"generator_ab", "generator_ba", "discriminator_a", "discriminator_b"}],
        ),
    ],
)
def test_each_update_moves_its_parts_only(order, parts):
    model = made(order=order)
    model.compile(model.make_optimizers(config.Training()))
    batch = batch_of(model)
    for update, expected in zip(model.updates(), parts, strict=True):
        found = moved(model, lambda u=update: model.train_step(batch, updates=[u]))
        assert found == expected


@pytest.mark.parametrize("objective", ["lsgan", "wgan_gp"])
def test_terms_of_a_step(objective):
    model = made(objective=objective)
    model.compile(model.make_optimizers(config.Training()))
    terms = model.train_step(batch_of(model))
    expected = set(model.terms) - (
        {"gradient_penalty"} if objective == "lsgan" else set()
    )
    assert set(terms) == expected
    assert all(np.isfinite(value) for value in terms.values())


def test_generators_that_copy_have_no_cycle_and_no_identity_loss(monkeypatch):
    model = made()
    monkeypatch.setattr(model, "generator_ab", lambda x: x)
    monkeypatch.setattr(model, "generator_ba", lambda x: x)
    generators, _ = model.objectives(batch_of(model), training=False)
    for term in ("forward_cycle", "backward_cycle", "identity"):
        assert float(generators.terms[term]) == 0.0


# The pool


def new_pool(size):
    stored = keras.Variable(np.zeros((size, 1, 1), np.float32), trainable=False)
    return fake_pool.FakePool(stored, keras.Variable(0.0, trainable=False), stream=0)


def fakes_of(step, rows):
    values = 10.0 * step + 1.0 + np.arange(rows)
    return tf.constant(values[:, np.newaxis, np.newaxis], tf.float32)


def shown_by(pool, steps, rows):
    """What a pool shows and then holds, step by step."""
    for step in range(steps):
        fakes, batch = fakes_of(step, rows), {"seed": tf.constant([0, step])}
        held = pool.stored.numpy().ravel()
        shown = pool.query(fakes, batch).numpy().ravel()
        pool.update(fakes, batch)
        yield fakes.numpy().ravel(), shown, held, pool.stored.numpy().ravel()


def test_a_pool_that_is_not_full_keeps_and_shows_every_fake():
    pool = new_pool(6)
    for fakes, shown, _, _ in shown_by(pool, 3, 2):
        np.testing.assert_array_equal(fakes, shown)
    np.testing.assert_array_equal(pool.stored.numpy().ravel(), [1, 2, 11, 12, 21, 22])


def test_a_full_pool_exchanges_half_of_the_fakes_for_those_that_it_held():
    exchanged = []
    for fakes, shown, held, after in list(shown_by(new_pool(6), 200, 2))[3:]:
        for fake, one in zip(fakes, shown, strict=True):
            exchanged.append(fake != one)
            if fake != one:
                assert one in held
                assert one not in after
                assert fake in after
            else:
                assert fake not in after
    assert np.mean(exchanged) == pytest.approx(0.5, abs=0.08)


def test_rows_beyond_the_size_of_the_pool_are_shown_as_they_are():
    for fakes, shown, _, after in shown_by(new_pool(3), 4, 5):
        np.testing.assert_array_equal(fakes[3:], shown[3:])
        assert not set(fakes[3:]) & set(after)


def test_a_step_fills_the_pools_once():
    model = made(pool=6)
    model.compile(model.make_optimizers(config.Training()))
    model.train_step(batch_of(model))
    assert model.pool_a.count.numpy() == model.pool_b.count.numpy() == 2.0
    rows = np.any(model.pool_b.stored.numpy(), axis=(1, 2))
    np.testing.assert_array_equal(rows, [1, 1, 0, 0, 0, 0])


def test_presets_are_of_the_paper():
    paper = models.preset("cyclegan", "paper")
    assert paper.model == configuration.Config()
    assert (paper.training.batch_size, paper.training.learning_rate) == (2, 2e-4)
    expected = {"adversarial": 1, "forward_cycle": 10, "backward_cycle": 10}
    expected |= {"identity": 4, "discriminator_real": 0.5, "discriminator_fake": 0.5}
    assert expected.items() <= dict(paper.model.weights).items()
