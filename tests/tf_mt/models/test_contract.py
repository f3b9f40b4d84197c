"""What every approach has to keep, on its tiny preset."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset, models

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute", "trumpet"))
APPROACHES = pytest.mark.parametrize("approach", models.APPROACHES)


def made(approach, **changes):
    chosen = models.approach(approach)
    hparams = dataclasses.replace(chosen.presets["tiny"].model, **changes)
    keras.utils.set_random_seed(0)
    return chosen.model(hparams, INFO)


def compiled(approach, step_size=1e-3, **changes):
    model = made(approach, **changes)
    model.compile({part: keras.optimizers.Adam(step_size) for part in model.parts()})
    return model


def batch_for(model, seed=0, step=0, rows=2):
    domains = len(INFO.domains)
    lead = (rows,) if model.batches == "mixed" else (rows, domains)
    domain = np.broadcast_to(np.arange(lead[-1]) % domains, lead).astype(np.int32)
    time = np.arange(model.clip_samples) / INFO.sample_rate_hz
    pitch_hz = np.random.default_rng(seed).uniform(200.0, 900.0, (*lead, 1))
    audio = 0.3 * np.sin(2 * np.pi * pitch_hz * (1 + domain[..., np.newaxis]) * time)
    return {
        "audio": tf.constant(audio, tf.float32),
        "domain": tf.constant(domain),
        "seed": tf.constant([seed, step]),
        "step": tf.constant(step, tf.int64),
    }


@APPROACHES
def test_parts_hold_every_trainable_variable_once(approach):
    model = made(approach)
    held = [v for part in model.parts() for v in model.part_variables(part)]
    assert len(held) == len({id(v) for v in held})
    assert {id(v) for v in held} == {id(v) for v in model.trainable_variables}


@APPROACHES
def test_objectives_share_no_part_and_name_declared_terms(approach):
    model = made(approach)
    objectives = model.objectives(batch_for(model), training=True)
    parts = [part for objective in objectives for part in objective.parts]
    assert sorted(parts) == sorted(model.parts())
    terms = [term for objective in objectives for term in objective.terms]
    assert len(terms) == len(set(terms))
    assert set(terms) <= set(model.terms)
    for objective in objectives:
        for name, term in objective.terms.items():
            assert term.shape == () and np.isfinite(term), name


@APPROACHES
def test_the_encoder_hears_what_it_is_to_hear(approach):
    model = made(approach)
    batch = batch_for(model)
    other = batch_for(model, seed=1)["audio"]
    plain, again, detuned = (
        model.objectives(b, training=False)[0].terms["reconstruction"]
        for b in (
            batch,
            {**batch, "encoder_audio": batch["audio"]},
            {**batch, "encoder_audio": other},
        )
    )
    assert plain == again != detuned


@APPROACHES
def test_a_step_moves_every_part(approach):
    model = compiled(approach)
    before = {
        part: [v.numpy() for v in model.part_variables(part)] for part in model.parts()
    }
    model.train_step(batch_for(model))
    for part, values in before.items():
        moved = [
            not np.array_equal(old, new.numpy())
            for old, new in zip(values, model.part_variables(part), strict=True)
        ]
        assert np.mean(moved) > 0.9, part


@APPROACHES
def test_a_small_batch_is_learned_by_heart(approach):
    model = compiled(approach, step_size=3e-3)
    batch = batch_for(model)
    step = tf.function(model.train_step)
    first = {name: float(value) for name, value in step(batch).items()}
    for _ in range(60):
        last = {name: float(value) for name, value in step(batch).items()}
    assert last["reconstruction"] < 0.7 * first["reconstruction"]


@APPROACHES
@pytest.mark.parametrize("samples", [1, 100, 4096, 9001])
def test_as_many_samples_come_out_as_go_in(approach, samples):
    model = made(approach)
    audio = tf.random.stateless_normal([2, samples], [0, 0], stddev=0.1)
    translated = model.translate(audio, tf.constant([0, 2]))
    assert translated.shape == audio.shape
    assert np.isfinite(translated).all()
    assert np.abs(translated).max() <= 1.0


@APPROACHES
def test_a_clip_is_translated_alike_alone_and_in_a_batch(approach):
    model = made(approach)
    audio = tf.random.stateless_normal([3, model.clip_samples], [0, 0], stddev=0.1)
    domain = tf.constant([2, 0, 1])
    together = model.translate(audio, domain)
    for row in range(3):
        alone = model.translate(audio[row : row + 1], domain[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-4)


@APPROACHES
def test_translation_has_no_chance_in_it(approach):
    model = made(approach)
    audio = tf.random.stateless_normal([1, model.clip_samples], [0, 0], stddev=0.1)
    domain = tf.constant([1])
    np.testing.assert_array_equal(
        model.translate(audio, domain), model.translate(audio, domain)
    )


@APPROACHES
@pytest.mark.parametrize("samples", [1, 100, 4096, 9001])
def test_resynthesis_keeps_the_length(approach, samples):
    model = made(approach)
    audio = tf.random.stateless_normal([2, samples], [0, 0], stddev=0.1)
    resynthesised = model.resynthesise(audio)
    assert resynthesised.shape == audio.shape
    assert np.isfinite(resynthesised).all()
    assert np.abs(resynthesised).max() <= 1.0


@APPROACHES
def test_resynthesis_has_nothing_learned_in_it(approach):
    model = made(approach)
    audio = batch_for(model)["audio"][0]
    audio = tf.reshape(audio, [-1, model.clip_samples])
    before = model.resynthesise(audio)
    for variable in model.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    np.testing.assert_array_equal(model.resynthesise(audio), before)


@APPROACHES
def test_resynthesis_resembles_its_source(approach):
    model = made(approach)
    audio = tf.reshape(batch_for(model)["audio"][0], [-1, model.clip_samples])
    missed = np.square(model.resynthesise(audio) - audio).mean()
    assert missed < 0.5 * np.square(audio).mean()


@APPROACHES
def test_codes_have_as_many_features_whatever_the_length(approach):
    model = made(approach)
    noise = tf.random.stateless_normal([2, 9001], [0, 0], stddev=0.1)
    codes = [model.codes(noise[:, :samples]) for samples in (1, 100, 4096, 9001)]
    for found in codes:
        assert found.shape == codes[0].shape
        assert found.shape[0] == 2
        assert found.dtype == tf.float32
        assert np.isfinite(found).all()


@APPROACHES
def test_a_clip_has_the_same_code_alone_and_in_a_batch(approach):
    model = made(approach)
    audio = tf.random.stateless_normal([3, 9001], [0, 0], stddev=0.1)
    together = model.codes(audio)
    scale = np.abs(together).max()
    for row in range(3):
        alone = model.codes(audio[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-4 * scale)
    assert np.abs(together[0] - together[1]).max() > 1e-3 * scale


@APPROACHES
def test_parameters_count_what_is_trained(approach):
    model = made(approach)
    counted = sum(np.size(v.numpy()) for v in model.trainable_variables)
    assert model.parameters == counted > 0


@APPROACHES
def test_weights_must_weigh_the_terms(approach):
    chosen = models.approach(approach)
    with pytest.raises(ValueError, match="weights key='no_such_term' is not known"):
        dataclasses.replace(chosen.presets["tiny"].model, weights={"no_such_term": 1.0})


@APPROACHES
def test_every_preset_survives_json(approach):
    chosen = models.approach(approach)
    for preset in chosen.presets.values():
        assert chosen.hparams.from_json(preset.model.to_json()) == preset.model
