import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset, models
from tf_mt.audio import mu_law
from tf_mt.models import cpc, umt
from tf_mt.models.wavenet_autoencoder import model as autoencoder

DOMAINS = ("violin", "flute")
HOP = 160
QUIET = {"confusion": 0.0}
VARIANTS = pytest.mark.parametrize("approach", ["cpc_gru", "cpc_wavenet"])


def made(approach, domains=DOMAINS, **changes):
    keras.utils.set_random_seed(0)
    hparams = dataclasses.replace(models.preset(approach, "tiny").model, **changes)
    info = dataset.DatasetInfo("toy", 8000, domains)
    return models.approach(approach).model(hparams, info)


def randomised(model, seed=0):
    """Gives statistics and weights with which silence is not zero inside."""
    random = np.random.default_rng(seed)
    for layer in model.encoder:
        for variable in layer.variables:
            low = 0.2 if "variance" in variable.name else -0.5
            variable.assign(random.uniform(low, 0.5, variable.shape))
    return model


@functools.cache
def shallow(approach, **changes):
    """A cached model for inference, which tests do not change."""
    model = made(approach, weights=QUIET, decoder_layers=1, **changes)
    return randomised(model)


def noise(*shape, seed=0):
    return tf.random.stateless_normal(shape, [seed, 0], stddev=0.1)


def batch_for(model, step=0):
    domains = len(model.info.domains)
    return {
        "audio": noise(2, domains, model.clip_samples),
        "domain": tf.constant([list(range(domains))] * 2),
        "seed": tf.constant([0, step]),
        "step": tf.constant(step, tf.int64),
    }


def terms(model, batch, training=False):
    return {
        name: float(term)
        for objective in model.objectives(batch, training)
        for name, term in objective.terms.items()
    }


def compiled(model):
    model.compile({part: keras.optimizers.Adam() for part in model.parts()})
    return model


@VARIANTS
def test_batch_norm_settles_when_it_is_to(approach):
    model = made(approach, batch_norm_steps=3, weights=QUIET)
    plain = made(approach, batch_norm_steps=0, weights=QUIET)
    audio, weights = batch_for(model)["audio"][:, 0, :, tf.newaxis], plain.get_weights()

    def found(model, step):
        model.set_weights(weights)
        return model.analyse(audio, tf.constant(step))

    settled = found(model, 3)
    np.testing.assert_allclose(settled, model.analyse(audio), atol=1e-6)
    batch = found(plain, 3)
    np.testing.assert_allclose(found(model, 2), batch, atol=1e-6)
    assert np.abs(settled - batch).max() > 1e-3


@VARIANTS
def test_before_training_nothing_is_known(approach):
    model = made(approach)
    found = terms(model, batch_for(model))
    assert found["reconstruction"] == pytest.approx(np.log(256.0), abs=0.1)
    frames = model.hparams.clip_frames
    assert found["info_nce"] == pytest.approx(np.log(frames), abs=0.3)


@VARIANTS
def test_encoding_in_pieces_equals_encoding_at_once(monkeypatch, approach):
    monkeypatch.setattr(autoencoder, "ANALYSED_SECONDS", 3 * HOP / 8000)
    model = shallow(approach)
    for frames in (1, 3, 4, 11, 12):
        audio = noise(2, frames * HOP)
        signal = mu_law.scale(mu_law.encode(audio))[..., tf.newaxis]
        code = model.encode(audio).code
        assert np.abs(code).max() > 1e-3
        np.testing.assert_allclose(code, model.gather(model.analyse(signal)), atol=1e-5)


@VARIANTS
def test_silence_is_not_decoded(approach):
    audio = tf.concat([tf.zeros([1, 3000]), noise(1, 3000)], axis=0)
    translated = shallow(approach).translate(audio, tf.constant([1, 1])).numpy()
    np.testing.assert_array_equal(translated[0], 0.0)
    assert np.std(translated[1]) > 0.01


def test_the_gru_knows_only_the_past():
    model = shallow("cpc_gru")
    frames = noise(1, 12, model.analysed)
    later = tf.concat([frames[:, :7], 1.0 - frames[:, 7:]], axis=1)
    code, other = model.gather(frames), model.gather(later)
    np.testing.assert_allclose(code[:, :7], other[:, :7], atol=1e-6)
    assert np.abs(code[:, 7] - other[:, 7]).max() > 1e-3


@VARIANTS
def test_the_moment_that_is_predicted_from_changes_with_the_step(approach):
    model = made(approach)
    one, again, other = (
        terms(model, batch_for(model, step))["info_nce"] for step in (0, 0, 1)
    )
    assert one == again != other


@VARIANTS
def test_all_of_the_encoder_learns_from_what_is_predicted(approach):
    model = randomised(made(approach))
    variables = [v for layer in model.encoder for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        autoencoding, *_ = model.objectives(batch_for(model), True)
    gradients = tape.gradient(autoencoding.terms["info_nce"], variables)
    moved = [np.abs(gradient).max() > 0 for gradient in gradients]
    assert np.mean(moved) > 0.9


def test_projections_are_one_for_each_step_ahead():
    model = made("cpc_gru", prediction_steps=3)
    assert [p.kernel.shape for p in model.projections] == [(4, 8)] * 3
    model = made("cpc_wavenet", prediction_steps=3)
    assert [p.kernel.shape for p in model.projections] == [(4, 1)] * 3


@VARIANTS
def test_random_projections_are_not_learned(approach):
    learned, drawn = made(approach), made(approach, random_projections=True)
    assert drawn.projections == []
    missing = sum(p.count_params() for p in learned.projections)
    assert drawn.parameters == learned.parameters - missing
    batch = batch_for(drawn)
    assert np.isfinite(terms(drawn, batch)["info_nce"])


def test_random_projections_are_anothers_for_every_batch():
    model = randomised(made("cpc_gru", random_projections=True))
    context = noise(3, 4)
    one, again, other = (
        np.stack(model._projected(context, 8, batch_for(model, step)))
        for step in (0, 0, 1)
    )
    assert one.shape == (2, 3, 8)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.1
    assert np.abs(one[0] - one[1]).max() > 0.1
    # As PyTorch begins: within half for four channels, of the bias too.
    assert np.abs(one).max() <= 0.5 * (np.abs(context).sum(1).max() + 1.0)


def test_scaling_twice_leaves_the_context_almost_constant():
    once, twice = (
        shallow("cpc_wavenet", double_scale=double_scale)
        for double_scale in (False, True)
    )
    # Away from the ends, around which zeros are seen.
    frames = tf.random.stateless_uniform([1, 60, 1], [0, 0])
    spread, scaled = (
        np.std(model.gather(frames)[:, 10:-10], axis=1).max() for model in (once, twice)
    )
    assert 0 < scaled < 0.02 * spread


@VARIANTS
def test_frozen_decoders_have_to_be_known(approach):
    model = made(approach, decoders="frozen")
    with pytest.raises(
        ValueError, match="has none for flute, violin; give --init_from"
    ):
        compiled(model)
    some = made(approach, DOMAINS[:1], decoders="joint")
    model.initialise_from(some)
    with pytest.raises(ValueError, match="has none for flute; give --init_from"):
        compiled(model)


@VARIANTS
@pytest.mark.parametrize("decoders", cpc.DECODERS)
def test_decoders_of_umt_are_taken_over_and_frozen_or_not(approach, decoders):
    model = made(approach, decoders=decoders)
    sizes = {
        name: getattr(model.hparams, name)
        for name in ("latent", "hop", "decoder_channels", "clip_frames")
    }
    hparams = dataclasses.replace(umt.PRESETS["tiny"].model, **sizes)
    other = umt.Umt(
        hparams, dataset.DatasetInfo("toy", 8000, ("flute", "oboe", "violin"))
    )
    model.initialise_from(other)
    compiled(model)
    for decoder, its in zip(model.decoders, (2, 0), strict=True):
        for own, taken in zip(
            decoder.get_weights(), other.decoders[its].get_weights(), strict=True
        ):
            np.testing.assert_array_equal(own, taken)
        assert bool(decoder.trainable_variables) == (decoders == "joint")
    before = [v.numpy() for v in model.decoders[0].variables]
    encoder = model.frames.convolutions[0].kernel.numpy()
    found = model.train_step(batch_for(model))
    assert np.isfinite(found["reconstruction"])
    after = model.decoders[0].variables
    kept = [np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert all(kept) if decoders == "frozen" else not any(kept)
    assert np.abs(model.frames.convolutions[0].kernel - encoder).max() > 0


@pytest.mark.parametrize("there", [0.0, 1.0])
def test_what_reads_spectrograms_is_frozen_where_it_is_taken_over(there):
    model = made("cpc_gru", decoders="frozen", weights={"spectrum": 1.0})
    other = made("cpc_wavenet", weights={"spectrum": there})
    model.initialise_from(other)
    compiled(model)
    assert not any(decoder.trainable_variables for decoder in model.decoders)
    for place, head in enumerate(model.heads):
        assert bool(head.trainable_variables) == (not there)
        if there:
            np.testing.assert_array_equal(
                head.last.kernel, other.heads[place].last.kernel
            )


def test_the_variants_take_over_each_others_decoders_only():
    one, other = made("cpc_gru"), made("cpc_wavenet")
    kernel = other.frames.convolutions[0].kernel.numpy()
    one.decoders[0].last.bias.assign(tf.ones([256]))
    other.initialise_from(one)
    np.testing.assert_array_equal(other.decoders[0].last.bias, np.ones(256))
    np.testing.assert_array_equal(other.frames.convolutions[0].kernel, kernel)


def test_decoders_of_other_sizes_are_refused():
    with pytest.raises(
        ValueError, match="init_from: the decoder there has other sizes"
    ):
        made("cpc_gru").initialise_from(made("cpc_gru", decoder_channels=4))


@VARIANTS
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hop": 161}, "hop=161 must be 160"),
        ({"hop": 800}, "hop=800 must be 160"),
        (
            {"clip_frames": 3},
            "clip_frames=3 must be at least 4, for prediction_steps=2",
        ),
        ({"decoders": "frosen"}, "did you mean 'frozen'"),
        ({"top_k": 257}, "top_k=257 must be at most 256"),
    ],
)
def test_refuses_what_does_not_fit(approach, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(models.preset(approach, "tiny").model, **changes)
