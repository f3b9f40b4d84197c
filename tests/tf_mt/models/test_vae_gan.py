import dataclasses
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset, models
from tf_mt.layers import domain_classifier, spectrogram_vae
from tf_mt.losses import adversarial
from tf_mt.models.vae_gan import configuration
from tf_mt.models.vae_gan import model as vae_gan

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute", "trumpet"))
TINY = configuration.PRESETS["tiny"].model
ALONE = {"adversarial": 0.0, "cycle": 0.0, "latent": 0.0}


def made(**changes):
    keras.utils.set_random_seed(0)
    return vae_gan.VaeGan(dataclasses.replace(TINY, **changes), INFO)


def batch_for(model, step=0):
    shape = [2, 3, model.clip_samples]
    return {
        "audio": tf.random.stateless_normal(shape, [0, 0], stddev=0.1),
        "domain": tf.constant([[0, 1, 2]] * 2),
        "seed": tf.constant([0, step]),
        "step": tf.constant(step, tf.int64),
    }


def terms(model, **options):
    found = {}
    for objective in model.objectives(batch_for(model), **options):
        found.update({name: float(term) for name, term in objective.terms.items()})
    return found


def test_the_papers_network_has_the_published_number_of_parameters():
    model = vae_gan.VaeGan(
        models.preset("vae_gan", "paper").model,
        dataset.DatasetInfo("toy", 16000, ("a", "b")),
    )
    assert model.encoder.count_params() == 1_346_304
    assert [b.count_params() for b in model.generator.shared] == [295_168]
    assert [h.count_params() for h in model.generator.heads] == [1_051_009] * 2
    assert [d.count_params() for d in model.discriminators] == [2_759_105] * 2


def test_the_papers_discriminator_rates_patches():
    model = vae_gan.VaeGan(
        models.preset("vae_gan", "paper").model,
        dataset.DatasetInfo("toy", 16000, ("a", "b")),
    )
    assert model.discriminators[0](tf.zeros([1, 128, 128])).shape == (1, 8, 8, 1)
    assert model.encoder(tf.zeros([1, 128, 128])).shape == (1, 32, 32, 128)


def test_without_adversarial_terms_it_is_the_spectral_vae():
    model = made(weights=ALONE)
    assert list(model.parts()) == ["autoencoder"]
    assert set(terms(model, training=True)) == {"reconstruction", "kl"}


@pytest.mark.parametrize("objective", ["lsgan", "bce", "hinge", "wgan_gp"])
def test_each_adversarial_objective_has_its_losses(objective):
    found = terms(made(objective=objective), training=True)
    expected = {"reconstruction", "kl", "adversarial", "cycle", "latent"}
    expected |= {"discriminator"}
    expected |= {"gradient_penalty"} if objective == "wgan_gp" else set()
    assert set(found) == expected
    assert all(np.isfinite(value) for value in found.values())


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("generators", ["per_domain", "shared"])
def test_every_shape_of_network_translates(rank, generators):
    model = made(rank=rank, generators=generators)
    audio = tf.random.stateless_normal([2, 3 * model.clip_samples], [0, 0])
    translated = model.translate(0.1 * audio, tf.constant([2, 0]))
    assert translated.shape == audio.shape
    assert np.isfinite(translated).all()


class Levels:
    """A synthesis whose audio is the mean of each frame's bands, held for a hop."""

    def synthesise(self, log_mel, phase):
        return tf.repeat(tf.reduce_mean(log_mel, axis=2), TINY.hop, axis=1)


def test_the_synthesis_can_be_another():
    model = made()
    model.synthesis = Levels()
    audio = batch_for(model)["audio"][:, 0]
    log_mel = model.front.log_mel(audio)
    expected = np.repeat(np.mean(log_mel, axis=2), TINY.hop, axis=1)
    np.testing.assert_allclose(model.round_trip(audio), expected, atol=1e-6)
    content, timbre = model.encode(audio), model.timbre(tf.constant([0, 1]))
    generated = model.decode_spectrogram(content.code, timbre)[:, : log_mel.shape[1]]
    expected = np.repeat(np.mean(generated, axis=2), TINY.hop, axis=1)
    np.testing.assert_allclose(model.decode(content, timbre), expected, atol=1e-6)


@pytest.mark.parametrize(
    "sizes",
    [
        {"n_fft": 511, "hop": 127},
        {"n_fft": 2048, "hop": 250, "stft_window": 1000},
    ],
    ids=["odd", "short window"],
)
def test_other_windows_translate(sizes):
    model = made(bands=8, **sizes)
    audio = batch_for(model)["audio"][:, 0]
    translated = model.decode(model.encode(audio), model.timbre(tf.constant([0, 1])))
    assert translated.shape == audio.shape
    assert np.all(np.isfinite(translated))


def test_a_window_longer_than_its_frame_is_refused():
    with pytest.raises(ValueError, match="window=300 and hop=64 do not fit"):
        made(n_fft=256, hop=64, stft_window=300)


def test_a_code_is_the_mean_over_the_frames_of_the_clip():
    model = made()
    clip = tf.random.stateless_normal([2, model.clip_samples], [0, 0], stddev=0.1)
    encoded = model.encode(clip).code
    assert encoded.shape[1] == 1
    np.testing.assert_allclose(
        model.codes(clip), tf.reduce_mean(encoded[:, 0], axis=1), atol=1e-6
    )


def test_what_fills_the_last_window_is_not_in_the_code():
    model = made()
    quarter = tf.random.stateless_normal([2, 9 * 128], [0, 0], stddev=0.1)
    encoded = model.encode(quarter).code
    # Nine frames reach into the third of the code's frames.
    np.testing.assert_allclose(
        model.codes(quarter), tf.reduce_mean(encoded[:, 0, :3], axis=1), atol=1e-6
    )


def test_a_normalised_code_is_the_products_of_its_channels():
    # Its mean is rounding only, whatever it holds.
    model = made(generators="shared", code=3)
    clip = tf.random.stateless_normal([2, model.clip_samples], [0, 0], stddev=0.1)
    code = model.encode(clip).code[:, 0].numpy()
    assert np.abs(code.mean(axis=1)).max() < 1e-5
    products = np.einsum("btc,btd->bcd", code, code) / code.shape[1]
    wanted = [p[np.triu_indices(3)] for p in products]
    np.testing.assert_allclose(model.codes(clip), wanted, atol=1e-5)


@pytest.mark.parametrize("rank, bands", [(1, 1), (2, 4)])
def test_a_code_has_a_feature_for_each_channel_and_band(rank, bands):
    model = made(rank=rank)
    clips = tf.random.stateless_normal([3, 9001], [0, 0], stddev=0.1)
    assert model.codes(clips).shape == (3, 8 * bands)


@pytest.mark.parametrize("shared_blocks", [0, 1])
def test_generators_share_their_first_blocks(shared_blocks):
    model = made(shared_blocks=shared_blocks)
    assert len(model.generator.shared) == shared_blocks
    assert [len(head.blocks) for head in model.generator.heads] == [
        1 - shared_blocks
    ] * 3


def test_only_training_is_noisy():
    quiet, noisy = (terms(made(), training=training) for training in (False, True))
    assert quiet["reconstruction"] != noisy["reconstruction"]
    again = terms(made(), training=False)
    assert again == quiet
    dithered = terms(made(noise=0.0), training=True)
    assert dithered == pytest.approx(quiet, rel=0.2)


def test_a_stopped_cycle_leaves_the_first_translation_alone():
    def encoder_gradient(cycle_gradient):
        model = made(cycle_gradient=cycle_gradient, noise=0.0)
        with tf.GradientTape() as tape:
            found = model.objectives(batch_for(model), training=True)
            cycle = found[0].terms["cycle"]
        return tape.gradient(cycle, model.encoder.trainable_variables)[0].numpy()

    through, stopped = encoder_gradient(True), encoder_gradient(False)
    assert np.abs(through - stopped).max() > 1e-7


def test_warm_up_raises_a_weight():
    model = made(warmup={"kl": 10.0}, weights={"kl": 2.0})

    def weight(step):
        return float(model._weight("kl", {"step": tf.constant(step, tf.int64)}))

    assert weight(0) == pytest.approx(0.2)
    assert weight(4) == pytest.approx(1.0)
    assert weight(9) == weight(1000) == pytest.approx(2.0)


def test_paired_loss_asks_for_paired_batches():
    model = made(weights={**ALONE, "paired": 1.0})
    assert model.batches == "paired"
    assert "paired" in terms(model, training=True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rank": 3}, "rank=3 must be 1 or 2"),
        ({"shared_blocks": 2}, "shared_blocks=2 must be at most generator_blocks=1"),
        ({"clip_frames": 33}, "clip_frames=33 must be a multiple of 8"),
        ({"code": 4}, "code=4 needs generators=shared"),
        ({"objective": "lsgam"}, "did you mean 'lsgan'"),
    ],
)
def test_refuses_what_does_not_fit(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(TINY, **changes)


def recorded(layer):
    return mock.patch.object(layer, "call", autospec=True, side_effect=layer.call)


@pytest.mark.parametrize(("form", "passes"), [("lsgan", 2), ("wgan_gp", 3)])
def test_adversaries_are_evaluated_once_for_both_objectives(form, passes):
    model = made(objective=form, weights={"confusion": 1.0})
    batch = batch_for(model)
    with (
        recorded(spectrogram_vae.Discriminator) as discriminator,
        recorded(domain_classifier.DomainClassifier) as classifier,
    ):
        model.objectives(batch, True)
    # Real and translated clips, and the points of the gradient penalty.
    assert discriminator.call_count == passes * len(INFO.domains)
    assert classifier.call_count == 1


def test_discriminators_learn_as_from_an_evaluation_of_their_own():
    model = made()
    with (
        tf.GradientTape() as tape,
        recorded(spectrogram_vae.Discriminator) as discriminator,
    ):
        objectives = model.objectives(batch_for(model), True)
    found = objectives[-1].terms["discriminator"]
    variables = model.part_variables("discriminators")
    gradients = tape.gradient(found, variables)
    # The former formula: translations that are cut off from the generators.
    seen = [tf.stop_gradient(call.args[1]) for call in discriminator.call_args_list]
    with tf.GradientTape() as tape:
        translated, real = (
            tf.concat(
                [d(x) for d, x in zip(model.discriminators, clips, strict=True)], axis=0
            )
            for clips in (seen[:3], seen[3:])
        )
        expected = adversarial.discriminator("lsgan", real, translated)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    for gradient, wanted in zip(
        gradients, tape.gradient(expected, variables), strict=True
    ):
        np.testing.assert_allclose(gradient, wanted, atol=1e-5)


def test_the_phase_can_be_integrated_from_what_is_translated():
    audio = batch_for(made())["audio"][:, 0]
    timbre = tf.constant([0, 1])
    for phase, depends in [("source", True), ("pghi", False)]:
        model = made(phase=phase)
        content = model.encode(audio)
        decoded = model.decode(content, timbre)
        assert decoded.shape == audio.shape
        other = model.decode(content._replace(phase=-content.phase), timbre)
        assert np.allclose(decoded, other, atol=1e-4) != depends
