"""The contract suite: the rules of every approach, on its tiny preset."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tf_mt.models import made_up, tiny
from tf_mt import config, dataset, models
from tf_mt.evaluation.metrics import loudness
from tf_mt.inference import bundle
from tf_mt.models import trainable, translator

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute", "trumpet"), indexed_clips=9)
TABLE = models.APPROACHES | {"made_up": made_up.APPROACH}
APPROACHES = pytest.mark.parametrize("approach", TABLE)


def having(capability):
    """The approaches that have a capability."""
    names = [n for n, a in TABLE.items() if capability in a.model.capabilities]
    return pytest.mark.parametrize("approach", names)


def made(approach, **changes):
    if approach == "made_up":
        smallest = made_up.APPROACH.presets["tiny"]
    else:
        smallest = tiny.preset(approach, INFO.domains)
    hparams = dataclasses.replace(smallest.model, **changes)
    keras.utils.set_random_seed(0)
    return TABLE[approach].model(hparams, INFO)


def compiled(approach, step_size=1e-3, **changes):
    model = made(approach, **changes)
    training = config.Training(learning_rate=step_size, decay_from=1.0)
    model.compile(model.make_optimizers(training))
    return model


def batch_for(model, seed=0, step=0, rows=2):
    domains = len(model.info.domains)
    features = dataset.batch_features(model.batches, domains, model.clip_samples)
    lead = [rows if size is None else size for size in features["domain"].shape]
    domain = np.broadcast_to(np.arange(lead[-1]) % domains, lead).astype(np.int32)
    time = np.arange(model.clip_samples) / INFO.sample_rate_hz
    pitch_hz = np.random.default_rng(seed).uniform(200.0, 900.0, (*lead, 1))
    audio = 0.3 * np.sin(2 * np.pi * pitch_hz * (1 + domain[..., np.newaxis]) * time)
    batch = {
        "audio": tf.constant(audio, tf.float32),
        "domain": tf.constant(domain),
        "seed": tf.constant([seed, step]),
        "step": tf.constant(step, tf.int64),
    }
    if "clip" in features:
        batch["clip"] = tf.constant(np.arange(rows, dtype=np.int32))
    dataset.check_batch(features, batch)
    return batch


def step(model, batch):
    """Trains on one batch, as often as a step takes one."""
    return model.train_step(*[batch] * model.batches_per_step)


@APPROACHES
def test_capabilities_are_some_of_those_known(approach):
    model = made(approach)
    assert model.capabilities <= set(translator.CAPABILITIES)
    assert (model.reference_samples > 0) == ("transfer" in model.capabilities)


@APPROACHES
def test_optimizers_and_updates_are_of_all_parts(approach):
    model = compiled(approach)
    assert set(model.optimizers) == set(model.parts())
    updated = {part for update in model.updates() for part in update.parts}
    assert updated == set(model.parts())


@APPROACHES
def test_step_sizes_are_positive_up_to_the_last_update(approach):
    model = made(approach)
    training = config.Training(steps=10, epoch_steps=1, decay_from=0.5)
    for part, optimizer in model.make_optimizers(training).items():
        optimizer.iterations.assign(int(10 * model.updates_per_step(part)) - 1)
        assert float(optimizer.learning_rate) > 0.0


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


def all_terms(model, batch):
    objectives = model.objectives(batch, training=False)
    terms = {k: v for one in objectives for k, v in one.terms.items()}
    return np.array([float(value) for value in terms.values()])


@APPROACHES
def test_the_encoder_takes_its_own_input_where_there_is_one(approach):
    model = made(approach)
    batch = batch_for(model)
    if "clip" in batch:
        # A training clip may have a code without being heard.
        batch["clip"] = tf.fill(tf.shape(batch["clip"]), dataset.NO_ROW)
    other = batch_for(model, seed=1)["audio"]
    plain = all_terms(model, batch)
    again = all_terms(model, {**batch, "encoder_audio": batch["audio"]})
    detuned = all_terms(model, {**batch, "encoder_audio": other})
    np.testing.assert_array_equal(plain, again)
    assert np.any(plain != detuned)


@APPROACHES
def test_a_step_moves_every_part(approach):
    model = compiled(approach)
    before = {
        part: [v.numpy() for v in model.part_variables(part)] for part in model.parts()
    }
    step(model, batch_for(model))
    for part, values in before.items():
        moved = [
            not np.array_equal(old, new.numpy())
            for old, new in zip(values, model.part_variables(part), strict=True)
        ]
        assert np.mean(moved) > 0.9, part


def smallest_share(first, last):
    """How far the term that fell most fell, of those that began above zero."""
    return min(last[name] / value for name, value in first.items() if value > 0.01)


@APPROACHES
def test_a_small_batch_is_learned_by_heart(approach):
    model = compiled(approach, step_size=3e-3)
    batch = batch_for(model)
    graph = tf.function(lambda: step(model, batch))
    first = {name: float(value) for name, value in graph().items()}
    for _ in range(60):
        last = {name: float(value) for name, value in graph().items()}
    assert smallest_share(first, last) < 0.7


@having("domains")
@pytest.mark.parametrize("samples", [1, 100, 4096, 9001])
def test_as_many_samples_come_out_as_go_in(approach, samples):
    model = made(approach)
    audio = tf.random.stateless_normal([2, samples], [0, 0], stddev=0.1)
    translated = model.translate(audio, tf.constant([0, len(model.info.domains) - 1]))
    assert translated.shape == audio.shape
    assert np.isfinite(translated).all()
    assert np.abs(translated).max() <= 1.0


@APPROACHES
@pytest.mark.parametrize("lufs", [-45.0, -25.0, -12.0])
def test_a_translation_is_as_loud_as_its_source(approach, lufs):
    model, plain = made(approach), made(approach, loudness="decoded")
    plain.set_weights(model.get_weights())
    seconds = np.arange(INFO.sample_rate_hz) / INFO.sample_rate_hz
    tone = np.sin(2 * np.pi * 440.0 * seconds)
    gain_db = lufs - loudness.integrated_lufs(tone, INFO.sample_rate_hz)
    audio = tf.constant(tone[np.newaxis] * 10 ** (gain_db / 20), tf.float32)
    if "domains" in model.capabilities:
        made_of = [one.translate(audio, tf.constant([1])) for one in (model, plain)]
    else:
        made_of = [one.transfer(audio, audio) for one in (model, plain)]
    found, decoded = (x[0].numpy() for x in made_of)
    own, its = (
        loudness.integrated_lufs(x, INFO.sample_rate_hz) for x in (found, decoded)
    )
    assert own < lufs + 1.0
    # No more than 40 dB are added, and peaks are limited.
    assert own > min(lufs, its + 40.0) - 1.0 or np.abs(found).max() > 0.99


@having("domains")
def test_a_clip_is_translated_alike_alone_and_in_a_batch(approach):
    model = made(approach)
    audio = tf.random.stateless_normal([3, model.clip_samples], [0, 0], stddev=0.1)
    domain = tf.constant([2, 0, 1]) % len(model.info.domains)
    together = model.translate(audio, domain)
    for row in range(3):
        alone = model.translate(audio[row : row + 1], domain[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-4)


@having("domains")
def test_translation_is_deterministic(approach):
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
def test_resynthesis_encodes_no_content(approach):
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


@having("pooled_content")
def test_codes_have_as_many_features_whatever_the_length(approach):
    model = made(approach)
    noise = tf.random.stateless_normal([2, 9001], [0, 0], stddev=0.1)
    codes = [model.codes(noise[:, :samples]) for samples in (1, 100, 4096, 9001)]
    for found in codes:
        assert found.shape == codes[0].shape
        assert found.shape[0] == 2
        assert found.dtype == tf.float32
        assert np.isfinite(found).all()


@having("pooled_content")
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
    chosen = TABLE[approach]
    with pytest.raises(ValueError, match="weights key='no_such_term' is not known"):
        dataclasses.replace(chosen.presets["tiny"].model, weights={"no_such_term": 1.0})


@APPROACHES
def test_every_preset_survives_json(approach):
    chosen = TABLE[approach]
    for preset in chosen.presets.values():
        assert chosen.config_class.from_json(preset.model.to_json()) == preset.model


@having("transfer")
@pytest.mark.parametrize("samples", [1, 100, 4096])
def test_transfer_gives_as_many_samples_as_it_takes(approach, samples):
    model = made(approach)
    audio = tf.random.stateless_normal([2, samples], [0, 0], stddev=0.1)
    reference = tf.random.stateless_normal([2, 333], [1, 0], stddev=0.1)
    found = model.transfer(audio, reference)
    assert found.shape == audio.shape
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1.0


@having("transfer")
def test_the_reference_and_no_more_than_is_used_of_it_decides_the_timbre(approach):
    model = made(approach)
    audio = tf.random.stateless_normal([1, 999], [0, 0], stddev=0.1)
    length = model.reference_samples
    reference = tf.random.stateless_normal([1, length + 99], [1, 0], stddev=0.1)
    other = tf.random.stateless_normal([1, length], [2, 0], stddev=0.1)
    found = model.transfer(audio, reference)
    np.testing.assert_array_equal(found, model.transfer(audio, reference[:, :length]))
    assert np.any(found != model.transfer(audio, other))


# What a model may declare


def declaring(**members):
    kind = type("Declaring", (made_up.MadeUp,), members)
    return kind(made_up.Config(), INFO)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"capabilities": frozenset({"pooled_content"})},
            "capabilities of Declaring must have 'domains' or 'transfer'",
        ),
        (
            {"capabilities": frozenset({"domains", "singing"})},
            "capabilities of Declaring: singing must be some of domains, transfer",
        ),
        (
            {"capabilities": frozenset({"domains", "transfer"})},
            "'pooled_content' must be declared if, and only if, it has the method",
        ),
        (
            {"timbre": translator.Translator.timbre},
            "'domains' must be declared if, and only if, it has the method 'timbre'",
        ),
    ],
)
def test_capabilities_that_make_no_model_are_refused(members, words):
    with pytest.raises(ValueError, match=words):
        declaring(**members)


def test_updates_that_leave_a_part_out_are_refused():
    model = declaring(updates=lambda self: (trainable.Update(("table",)),))
    with pytest.raises(ValueError, match="updates of Declaring are of the parts table"):
        model.compile(model.make_optimizers(config.Training()))


def test_an_update_leaves_other_parts_of_its_objective_as_they_are():
    one_each = [
        trainable.Update((part,))
        for part in ("table", "autoencoder", "discriminator", "classifier")
    ]
    model = declaring(updates=lambda self: one_each)
    model.compile(model.make_optimizers(config.Training()))
    before = model.decoder.kernel.numpy()
    model.train_step(batch_for(model), updates=one_each[:1])
    np.testing.assert_array_equal(model.decoder.kernel, before)
    model.train_step(batch_for(model), updates=one_each[1:2])
    assert np.any(model.decoder.kernel.numpy() != before)


def test_an_update_may_be_by_some_terms_of_its_objective():
    update = trainable.Update(("table", "autoencoder"), terms=("reconstruction",))
    others = trainable.Update(("discriminator", "classifier"))
    model = declaring(updates=lambda self: (update, others))
    model.compile(model.make_optimizers(config.Training()))
    before = model.decoder.kernel.numpy(), model.encoder.kernel.numpy()
    terms = model.train_step(batch_for(model), updates=[update])
    assert set(terms) == {"reconstruction"}
    assert np.any(model.decoder.kernel.numpy() != before[0])
    # Every clip has its code in the table, so that only "regression" needs the encoder.
    np.testing.assert_array_equal(model.encoder.kernel, before[1])


def test_state_changes_after_the_last_update_of_its_parts(monkeypatch):
    first, second = ("table", "autoencoder"), ("discriminator", "classifier")
    updates = [trainable.Update(parts) for parts in (first, second, first)]
    model = declaring(updates=lambda self: updates)
    model.compile(model.make_optimizers(config.Training()))
    calls = []
    monkeypatch.setattr(model, "_average", calls.append)
    step(model, batch_for(model))
    assert len(calls) == 1


# Order and number of updates, step sizes, state


def test_parts_are_updated_in_their_order_on_batches_of_their_own(monkeypatch):
    model = compiled("made_up")
    seen = []

    def record(update, batch, later):
        seen.append((update.parts[0], int(batch["step"])))
        return {}

    monkeypatch.setattr(model, "_update", record)
    model.train_step(batch_for(model, step=0), batch_for(model, step=1))
    assert seen == [
        ("discriminator", 0),
        ("discriminator", 1),
        ("table", 1),
        ("classifier", 1),
    ]


def test_an_update_of_every_second_step_is_left_out_in_the_others():
    model = compiled("made_up")
    due = []
    for model.steps_done in range(4):
        due.append("classifier" in [u.parts[0] for u in model._due()])
    assert due == [True, False, True, False]


def test_a_discriminator_that_goes_first_has_moved_when_the_others_learn():
    model, alone = compiled("made_up"), compiled("made_up")
    batch = batch_for(model)
    first = alone.objectives(batch, training=True)[0].terms["adversarial"]
    terms = step(model, batch)
    assert float(terms["adversarial"]) != pytest.approx(float(first), rel=1e-6)
    discriminator_only = [trainable.Update(("discriminator",), batches=2)]
    alone.train_step(batch, batch, updates=discriminator_only)
    moved = alone.objectives(batch, training=True)[0].terms["adversarial"]
    assert float(terms["adversarial"]) == pytest.approx(float(moved), rel=1e-5)


def test_step_sizes_of_the_table_are_ten_times_the_others():
    model = compiled("made_up", step_size=1e-3)
    assert float(model.optimizers["table"].learning_rate) == pytest.approx(1e-2)
    assert float(model.optimizers["autoencoder"].learning_rate) == pytest.approx(1e-3)


def test_only_rows_of_the_batch_change_in_the_table():
    model = compiled("made_up")
    before = model.codes_of_clips.vectors.numpy()
    step(model, batch_for(model, rows=2))
    changed = np.any(model.codes_of_clips.vectors.numpy() != before, axis=1)
    assert changed.tolist() == [True] * 2 + [False] * (INFO.indexed_clips - 2)


def test_state_changes_in_training_and_is_saved(tmp_path):
    model = compiled("made_up")
    batch = batch_for(model)
    step(model, batch)
    assert np.any(model.pool_of_outputs.numpy())
    power = np.square(batch["audio"].numpy()).mean(axis=1).sum()
    assert model.level.numpy() == pytest.approx(power, rel=1e-5)
    np.testing.assert_allclose(
        model.averaged.numpy(), 0.1 * model.decoder.kernel.numpy(), atol=1e-6
    )
    model.save_weights(tmp_path / "model.weights.h5")
    other = made("made_up")
    other.load_weights(tmp_path / "model.weights.h5", skip_mismatch=True)
    for own, its in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(own.numpy(), its.numpy())


def test_validation_changes_no_state():
    model = compiled("made_up")
    before = [v.numpy() for v in model.weights]
    model.test_step(batch_for(model))
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_state_that_decoding_does_not_use_is_not_exported(tmp_path):
    folder = bundle.export(compiled("made_up"), tmp_path / "made_up")
    stored = tf.train.list_variables(str(folder / "variables/variables"))
    shapes = [tuple(shape) for _, shape in stored]
    model = made("made_up")
    assert tuple(model.decoder.kernel.shape) in shapes
    for unused in (model.pool_of_outputs, model.codes_of_clips.vectors):
        assert tuple(unused.shape) not in shapes
