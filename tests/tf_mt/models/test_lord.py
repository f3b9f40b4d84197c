"""Both stages of LORD."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config, dataset, models
from tf_mt.models.lord import amortised, configuration, inversion
from tf_mt.models.lord import model as lord_model
from tf_mt.training import warm_start

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute"), indexed_clips=6)
TINY = models.preset("lord", "tiny").model
AMORTISED = models.preset("lord_amortised", "tiny").model


def stage_1(info=INFO, **changes):
    keras.utils.set_random_seed(0)
    return lord_model.Lord(dataclasses.replace(TINY, **changes), info)


def stage_2(info=INFO, **changes):
    keras.utils.set_random_seed(1)
    return amortised.LordAmortised(dataclasses.replace(AMORTISED, **changes), info)


def batch_for(model, rows=(0, 3)):
    shape = [len(rows), model.clip_samples]
    return {
        "audio": tf.random.stateless_normal(shape, [3, 7], stddev=0.1),
        "domain": tf.range(len(rows)) % 2,
        "clip": tf.constant(rows, tf.int32),
        "seed": tf.constant([0, 0]),
        "step": tf.constant(0, tf.int64),
    }


def compiled(model, **changes):
    training = config.Training(learning_rate=1e-3, **changes)
    model.compile(model.make_optimizers(training))
    return model


# The first stage


def test_the_paper_has_a_code_of_16_by_128_for_each_clip():
    paper = models.preset("lord", "paper").model
    info = dataset.DatasetInfo("music", 16000, ("a", "b"), indexed_clips=10)
    model = lord_model.Lord(paper, info)
    assert model.clip_samples == 32_000
    assert model.contents.vectors.shape == (10, 16 * 128)
    assert model.classes.vectors.shape == (2, 256)


def test_codes_take_ten_times_the_steps_of_the_generator_and_both_end_small():
    model = stage_1()
    training = config.Training(steps=100, epoch_steps=100, decay_from=0.0)
    codes, generator = (
        model.make_optimizers(training)[part]._learning_rate
        for part in ("codes", "generator")
    )
    first, last = tf.constant(0), tf.constant(100)
    assert float(generator(first)) == pytest.approx(training.learning_rate)
    assert float(codes(first)) == pytest.approx(10 * training.learning_rate)
    assert float(codes(tf.constant(50))) == pytest.approx(
        10 * training.learning_rate * (1 + 1 / 30) / 2
    )
    assert float(generator(last)) == pytest.approx(training.learning_rate / 30)


def test_a_step_changes_the_codes_of_its_clips_only():
    model = compiled(stage_1())
    before = model.contents.vectors.numpy()
    model.train_step(batch_for(model))
    changed = np.any(model.contents.vectors.numpy() != before, axis=1)
    assert changed.tolist() == [True, False, False, True, False, False]


def test_the_decay_is_of_codes_without_noise():
    model = stage_1(noise=5.0)
    batch = batch_for(model)
    terms = model.objectives(batch, training=True)[0].terms
    codes = model.contents.vectors.numpy()[[0, 3]]
    expected = np.square(codes).sum(axis=1).mean()
    assert float(terms["content_decay"]) == pytest.approx(expected, rel=1e-5)


def test_noise_is_of_training_only():
    model = stage_1(noise=1.0)
    batch = batch_for(model)
    training, testing = (
        float(model.objectives(batch, training=flag)[0].terms["l22"])
        for flag in (True, False)
    )
    generated = model.generator(
        model.content_of_clips(batch["clip"]), model.classes(batch["domain"])
    )
    truth = model.front.log_mel(batch["audio"])
    assert testing == pytest.approx(np.square(generated - truth).mean(), rel=1e-5)
    assert training != pytest.approx(testing, rel=1e-3)


def test_a_code_is_found_that_generates_the_clip():
    keras.utils.set_random_seed(0)
    kernel = tf.random.stateless_normal([3, 5], [0, 0])
    classes = tf.constant([[1.0] * 5, [-1.0] * 5])

    def generate(code, timbre):
        return tf.matmul(code, kernel) + timbre[:, tf.newaxis]

    code = tf.random.stateless_normal([2, 4, 3], [1, 0])
    clips = generate(code, tf.gather(classes, [0, 1]))
    untrained, found = (
        inversion.find(generate, classes, clips, (4, 3), count) for count in (1, 300)
    )
    for row in range(2):
        missed, began = (
            min(
                float(
                    tf.reduce_mean(
                        tf.abs(generate(codes[row : row + 1], one) - clips[row])
                    )
                )
                for one in (classes[:1], classes[1:])
            )
            for codes in (found, untrained)
        )
        assert missed < 0.25 * began


# The second stage


def test_the_second_stage_takes_over_codes_and_generator():
    first, second = stage_1(), stage_2()
    second.initialise_from(first)
    np.testing.assert_array_equal(second.contents.vectors, first.contents.vectors)
    code = first.content_of_clips(tf.constant([2]))
    timbre = first.timbre(tf.constant([1]))
    np.testing.assert_array_equal(
        second.generate(code, timbre), first.generate(code, timbre)
    )
    np.testing.assert_array_equal(second.timbre(tf.constant([1])), timbre)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ({"channels": 4}, "init_from: the generator there have other sizes"),
        (
            {"info": dataset.DatasetInfo("toy", 8000, ("a", "b"), indexed_clips=6)},
            "init_from: the domains there, a, b, must be those of this dataset",
        ),
        (
            {"info": dataclasses.replace(INFO, indexed_clips=7)},
            "init_from: the contents there have other sizes",
        ),
    ],
)
def test_a_first_stage_that_does_not_fit_is_refused(first, words):
    with pytest.raises(ValueError, match=words):
        stage_2().initialise_from(stage_1(**first))


def test_a_second_stage_begins_from_a_first_one():
    with pytest.raises(ValueError, match="begins from a trained run of 'lord'; give"):
        warm_start.begin(stage_2(), {"approach": "lord_amortised"}, folder=None)
    with pytest.raises(ValueError, match="cannot begin from the weights"):
        stage_2().initialise_from(stage_2())


def test_the_codes_of_the_first_stage_stay_and_are_what_the_encoders_learn():
    model = compiled(stage_2())
    before = model.contents.vectors.numpy(), model.classes.vectors.numpy()
    batch = batch_for(model)
    terms = model.objectives(batch, training=True)[0].terms
    content = model.content_encoder(model.front.log_mel(batch["audio"]))
    expected = np.square(content - before[0][[0, 3]].reshape(content.shape)).mean()
    assert float(terms["content_code"]) == pytest.approx(expected, rel=1e-5)
    model.train_step(batch)
    np.testing.assert_array_equal(model.contents.vectors, before[0])
    np.testing.assert_array_equal(model.classes.vectors, before[1])


def test_clips_without_a_code_have_no_part_in_its_error():
    model = stage_2()
    batch = batch_for(model) | {"clip": tf.constant([dataset.NO_ROW, 3])}
    known = model.objectives(batch_for(model), training=False)[0].terms["content_code"]
    found = model.objectives(batch, training=False)[0].terms["content_code"]
    assert 0 < float(found) < float(known)


def test_the_averaged_generator_translates():
    model = compiled(stage_2(average=0.5))
    kernel = model.generator.head.convolution.kernel
    place = [v is kernel for v in model.generator.trainable_variables].index(True)
    first = kernel.numpy()
    model.train_step(batch_for(model))
    expected = 0.5 * first + 0.5 * kernel.numpy()
    np.testing.assert_allclose(
        model.averages.values[place].numpy(), expected, atol=1e-7
    )
    code, timbre = tf.ones([1, *model.code_shape]), tf.ones([1, model.class_size])
    averaged = model.generate(code, timbre)
    assert np.any(averaged != model.generator(code, timbre))
    for variable, average in zip(
        model.generator.trainable_variables, model.averages.values, strict=True
    ):
        variable.assign(average)
    np.testing.assert_allclose(averaged, model.generator(code, timbre), atol=1e-6)


def test_without_its_weight_there_is_no_discriminator():
    model = compiled(stage_2(weights={"adversarial": 0.0, "vgg": 0.0, "rho": 0.0}))
    assert set(model.parts()) == {"encoders", "generator"}
    terms = model.train_step(batch_for(model))
    assert set(terms) == {"mel", "l22", "content_code", "class_code"}


def test_the_discriminator_of_the_paper_sees_four_by_four():
    made = amortised.discriminator(models.preset("lord_amortised", "paper").model)
    assert len(made.halvings) == 5
    assert made(tf.zeros([2, 128, 128])).shape == (2, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clip_frames": 40}, "clip_frames=40 must be a multiple of 16"),
        ({"clip_frames": 48}, "clip_frames=48 must be a power of two"),
        ({"average": 1.0}, "average=1.0 must be below 1"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(AMORTISED, **changes)


def test_both_stages_of_a_preset_have_one_network():
    fields = {field.name for field in dataclasses.fields(configuration.Config)}
    fields -= {"weights", "warmup", "code_iterations"}
    for name in ("paper", "small", "tiny"):
        first = models.preset("lord", name).model
        second = models.preset("lord_amortised", name).model
        for field in fields:
            assert getattr(first, field) == getattr(second, field), (name, field)


def test_the_networks_for_images_have_a_vector_for_a_clip():
    changes = {"networks": "lord", "content_channels": 6}
    first, second = stage_1(**changes), stage_2(**changes)
    assert first.contents.vectors.shape == (6, 6)
    second.initialise_from(first)
    model = compiled(second)
    terms = model.train_step(batch_for(model))
    assert np.isfinite([float(term) for term in terms.values()]).all()
    audio = tf.random.stateless_normal([2, 3 * model.clip_samples], [0, 0], stddev=0.1)
    for stage in (first, second):
        content = stage.encode(audio)
        assert content.code.shape[2:] == (1, 6)
        translated = stage.decode(content, stage.timbre(tf.constant([0, 1])))
        assert translated.shape == audio.shape
        assert stage.pool(content).shape == (2, 12)
    assert second.timbre_of(audio).shape == (2, model.class_size)


def test_bands_that_the_networks_for_images_cannot_make_are_refused():
    with pytest.raises(ValueError, match="bands=40 must be a multiple of 16 for netw"):
        dataclasses.replace(TINY, networks="lord", bands=40)
