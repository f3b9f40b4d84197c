import dataclasses
import functools
import math
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset
from tf_mt.audio import emphasis, mu_law
from tf_mt.layers import wavenet_sampling
from tf_mt.losses import confusion, cross_entropy
from tf_mt.models import umt
from tf_mt.models.wavenet_autoencoder import configuration, objectives
from tf_mt.models.wavenet_autoencoder import model as autoencoder

DOMAINS = ("violin", "flute", "trumpet")
TINY = umt.PRESETS["tiny"].model
HOP = TINY.hop
NOISY = {"decoder_noise": 0.2}


def made(domains=DOMAINS, **changes):
    keras.utils.set_random_seed(0)
    info = dataset.DatasetInfo("toy", 8000, domains)
    return umt.Umt(dataclasses.replace(TINY, **changes), info)


def randomised(model, seed=0):
    """Draws weights so large that outputs depend on inputs."""
    random = np.random.default_rng(seed)

    def drawn(weight):
        fan_in = math.prod(weight.shape[:-1])
        return random.normal(0.0, 1.0 / math.sqrt(fan_in), weight.shape)

    for layer in (*model.encoder, *model.decoders):
        layer.set_weights([drawn(weight) for weight in layer.get_weights()])
    return model


@functools.cache
def shallow(**changes):
    """A shallow model of two domains for inference, cached: tests do not change it."""
    quiet = {"confusion": 0.0}
    model = made(
        DOMAINS[:2], decoder_blocks=1, decoder_layers=3, weights=quiet, **changes
    )
    return randomised(model)


def noise(*shape, seed=0):
    return tf.random.stateless_normal(shape, [seed, 0], stddev=0.1)


def batch_for(model, rows=2, step=0, **others):
    domains = len(model.info.domains)
    return {
        "audio": noise(rows, domains, model.clip_samples),
        "domain": tf.constant([list(range(domains))] * rows),
        "seed": tf.constant([0, step]),
        "step": tf.constant(step, tf.int64),
        **others,
    }


def terms(model, batch, training=False):
    return {
        name: float(term)
        for objective in model.objectives(batch, training)
        for name, term in objective.terms.items()
    }


def test_before_training_every_code_is_as_likely():
    model = made(weights={"paired": 1.0})
    found = terms(model, batch_for(model))
    assert found["reconstruction"] == pytest.approx(np.log(256.0), abs=0.1)
    assert found["paired"] == pytest.approx(np.log(256.0), abs=0.1)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoder_layers": 6},
        {"encoder_layers": 3, "encoder_kernel": 100, "encoder_stride": 8},
    ],
)
def test_encoding_in_pieces_equals_encoding_at_once(monkeypatch, changes):
    monkeypatch.setattr(autoencoder, "ANALYSED_SECONDS", 3 * HOP / 8000)
    model = shallow(**changes)
    for frames in (1, 3, 4, 11, 12):
        audio = noise(2, frames * HOP)
        signal = mu_law.scale(mu_law.encode(audio))[..., tf.newaxis]
        content = model.encode(audio)
        assert content.audible.shape == (2, frames)
        assert content.audible.numpy().all()
        np.testing.assert_allclose(content.code, model.encoder[0](signal), atol=1e-5)


def test_frames_without_sound_are_silent():
    audio = np.zeros((2, 4 * HOP), np.float32)
    audio[0, HOP] = 1e-2
    audio[0, 4 * HOP - 1] = -1e-2
    audio[1, :] = 0.5e-4
    expected = [[False, True, False, True], [False] * 4]
    np.testing.assert_array_equal(
        shallow().encode(tf.constant(audio)).audible, expected
    )


def test_silence_is_not_decoded():
    audio = tf.concat([tf.zeros([1, 3000]), noise(1, 3000)], axis=0)
    translated = shallow().translate(audio, tf.constant([1, 1])).numpy()
    np.testing.assert_array_equal(translated[0], 0.0)
    assert np.std(translated[1]) > 0.01


@pytest.mark.parametrize("changes", [{}, {"pre_emphasis": 0.85}])
def test_a_silent_end_stays_silent(changes):
    quarter = 25 * HOP
    audio = tf.concat([noise(1, quarter), tf.zeros([1, 3 * quarter])], axis=1)
    translated = shallow(**changes).translate(audio, tf.constant([1]))[0].numpy()
    # The second quarter begins before the end of the first.
    np.testing.assert_array_equal(translated[2 * quarter + HOP // 2 :], 0.0)
    assert np.std(translated[: 2 * quarter]) > 0.01


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0.0},
        {"output": "mean", "warmup_samples": 3 * HOP, "pre_emphasis": 0.85},
        {"temperature": 0.5, "top_k": 3, "sampling_seed": 7, "pre_emphasis": 0.85},
    ],
)
def test_one_segment_is_what_its_decoder_draws(changes):
    model, frames = shallow(segments=1, **changes), 10
    lead = model.hparams.warmup_samples // HOP
    # Half of what neighbours would be faded over.
    samples = (lead + frames) * HOP + HOP // 2
    hparams, decoder = model.hparams, model.decoders[1]
    content = model.encode(noise(1, frames * HOP))
    # The first frame also goes before all others, and the last one after them.
    code = content.code.numpy()[:, [0] * lead + [*range(frames), frames - 1]]
    uniform = tf.random.stateless_uniform([1, samples], [hparams.sampling_seed, 0])
    amplitudes = mu_law.decode(tf.range(mu_law.LEVELS))

    def mean(logits):
        return tf.reduce_sum(tf.nn.softmax(logits) * amplitudes, axis=-1)

    def choose(number, logits):
        codes = wavenet_sampling.draw(
            logits, uniform[:, number], hparams.temperature, hparams.top_k
        )
        kept = tf.concat([tf.cast(codes, tf.float32)[:, tf.newaxis], logits], axis=1)
        if hparams.output == "mean" and number >= lead * HOP:
            codes = mu_law.encode(mean(logits))
        return codes, kept

    @tf.function
    def draw():
        return wavenet_sampling.run(
            wavenet_sampling.weights(decoder, tf.float32),
            decoder.dilations,
            tf.constant(code.swapaxes(0, 1)),
            HOP,
            choose,
            tf.TensorSpec([None, 1 + mu_law.LEVELS]),
            samples,
        )

    codes, logits = np.split(draw().numpy().swapaxes(0, 1), [1], axis=2)
    sound = tf.gather(amplitudes, tf.cast(codes[..., 0], tf.int32))
    if hparams.output == "mean":
        sound = mean(logits)
    sound = emphasis.de_emphasise(sound, hparams.pre_emphasis)
    own = sound[:, lead * HOP : (lead + frames) * HOP]
    translated = model.decode(content, tf.constant([1]))
    np.testing.assert_allclose(translated, own, atol=1e-5)


def test_a_batch_of_more_segments_than_are_decoded_at_once():
    model = shallow(segments=3, warmup_samples=HOP)
    # Two segments of each clip, three at a time.
    audio, domain = noise(5, 4 * HOP), tf.constant([0, 1, 1, 1, 0])
    together = model.translate(audio, domain)
    for row in (0, 3, 4):
        alone = model.translate(audio[row : row + 1], domain[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


def test_the_seed_decides_what_is_drawn():
    audio, domain = noise(1, 20 * HOP), tf.constant([0])
    one, again, other = (
        shallow(**changes).translate(audio, domain)
        for changes in ({}, {}, {"sampling_seed": 1})
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01


def test_bfloat16_translates_too():
    model = shallow(arithmetic="bfloat16")
    translated = model.translate(noise(2, 20 * HOP), tf.constant([0, 1]))
    assert translated.dtype == tf.float32
    assert np.isfinite(translated).all()
    assert np.std(translated) > 0.01


@pytest.mark.parametrize(("biased", "expected_db"), [(False, 37.8), (True, 26.4)])
def test_resynthesis_is_as_near_as_the_codes(biased, expected_db):
    model = made(DOMAINS[:1], biased_decode=biased)
    audio = noise(1, 20_000)
    error = np.mean((model.resynthesise(audio) - audio) ** 2)
    snr_db = 10.0 * np.log10(np.mean(audio**2) / error)
    assert snr_db == pytest.approx(expected_db, abs=0.3)


def seen(model, batch, training=False):
    """What the encoder is given, and the codes that are to be predicted."""
    with (
        mock.patch.object(
            umt.Umt, "analyse", autospec=True, side_effect=umt.Umt.analyse
        ) as analyse,
        mock.patch.object(
            cross_entropy, "cross_entropy", wraps=cross_entropy.cross_entropy
        ) as scored,
    ):
        model.objectives(batch, training)
    encoder_input = analyse.call_args.args[1].numpy()
    return encoder_input, np.stack([call.args[1] for call in scored.call_args_list])


@pytest.mark.parametrize("pre_emphasis", [0.0, 0.85])
def test_the_encoder_gets_detuned_audio_and_the_decoders_predict_the_original(
    pre_emphasis,
):
    model = randomised(made(DOMAINS[:2], pre_emphasis=pre_emphasis))
    batch = batch_for(model)
    detuned = noise(2, 2, model.clip_samples, seed=1)
    plain, targets = seen(model, batch)
    encoder_input, same_targets = seen(model, {**batch, "encoder_audio": detuned})

    def codes(audio):
        return mu_law.encode(emphasis.emphasise(audio, pre_emphasis)).numpy()

    flat = [4, model.clip_samples, 1]
    np.testing.assert_array_equal(
        plain, mu_law.scale(codes(batch["audio"])).numpy().reshape(flat)
    )
    np.testing.assert_array_equal(
        encoder_input, mu_law.scale(codes(detuned)).numpy().reshape(flat)
    )
    np.testing.assert_array_equal(targets, codes(batch["audio"]).swapaxes(0, 1))
    np.testing.assert_array_equal(same_targets, targets)
    one, other = (terms(model, b) for b in (batch, {**batch, "encoder_audio": detuned}))
    assert one["reconstruction"] != other["reconstruction"]


def test_noise_is_added_only_to_the_inputs_of_decoders_in_training():
    model, clear = (randomised(made(DOMAINS[:1], **c)) for c in (NOISY, {}))
    batch = batch_for(model)
    expected, rated = terms(clear, batch, True), terms(model, batch, False)
    assert rated == pytest.approx(expected, rel=1e-6)
    noisy, again = (terms(model, batch, True)["reconstruction"] for _ in range(2))
    assert noisy == again != pytest.approx(expected["reconstruction"], rel=1e-4)
    later = terms(model, batch_for(model, step=1), True)["reconstruction"]
    assert later != noisy
    for found, wanted in zip(
        seen(model, batch, True), seen(clear, batch, False), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("pairs", [0.0, 1.0])
def test_at_first_only_the_encoder_learns(pairs):
    weights = {"spectrum": 1.0, "paired": pairs, "confusion": 0.0}
    model = made(DOMAINS[:2], weights=weights, encoder_pretraining_steps=2)
    plain = made(DOMAINS[:2], weights=weights)
    for each in (model, plain):
        each.compile({part: keras.optimizers.Adam() for part in each.parts()})
    step = tf.function(model.train_step)
    code, decoder = model.encoder[0].variables, model.decoders[1].variables

    def changed(variables, number):
        before = [variable.numpy() for variable in variables]
        found = step(batch_for(model, step=number))
        return found, [
            not np.array_equal(*pair) for pair in zip(before, variables, strict=True)
        ]

    found, moved = changed(decoder, 0)
    assert not any(moved)
    assert found["reconstruction"] == found.get("paired", 0.0) == 0.0
    _, moved = changed(code, 1)
    assert all(moved)
    later, rated = batch_for(model, step=2), batch_for(model, step=0)
    plain.encoder[0].set_weights(model.encoder[0].get_weights())
    for which in ("decoders", "heads"):
        for own, its in zip(getattr(plain, which), getattr(model, which), strict=True):
            own.set_weights(its.get_weights())
    # Then nothing is left out, and validation never does.
    for batch, training in ((later, True), (rated, False)):
        expected = terms(plain, batch, training)
        assert terms(model, batch, training) == pytest.approx(expected, rel=1e-5)
    _, moved = changed(decoder, 2)
    assert all(moved)


def test_an_encoder_that_is_frozen_is_not_waited_for():
    weights = {"spectrum": 1.0, "confusion": 0.0}
    model = made(DOMAINS[:2], weights=weights, encoder_pretraining_steps=2)
    model.freeze_all_but(DOMAINS[1])
    batch = {**batch_for(model), "audio": noise(2, 1, model.clip_samples)}
    assert terms(model, batch, True) == pytest.approx(terms(model, batch, False))


@functools.cache
def paired(domains=DOMAINS[:2]):
    model = randomised(made(domains, weights={"paired": 1.0, "confusion": 0.0}))
    assert model.batches == "paired"
    return model


@pytest.mark.parametrize(("row", "moved"), [(0, "reconstruction"), (1, "paired")])
def test_even_rows_are_their_own_pairs_and_odd_rows_are_anothers(row, moved):
    model = paired()
    batch = batch_for(model, rows=4)
    other = tf.tensor_scatter_nd_update(
        batch["audio"], [[row]], noise(1, 2, model.clip_samples, seed=1)
    )
    before, after = (terms(model, b) for b in (batch, {**batch, "audio": other}))
    assert {name for name in before if before[name] != after[name]} == {moved}


def test_pairs_are_predicted_from_the_code_of_the_other_clip():
    model = paired()
    batch = batch_for(model)
    found = terms(model, batch)
    expected = {"reconstruction": [], "paired": []}
    for row, (name, shift) in enumerate([("reconstruction", 0), ("paired", 1)]):
        codes = mu_law.encode(batch["audio"][row])
        signal = mu_law.scale(codes)[..., tf.newaxis]
        code = model.encoder[0](signal)
        for place, decoder in enumerate(model.decoders):
            own, source = slice(place, place + 1), (place + shift) % 2
            logits = decoder(signal[own], code[source : source + 1])
            expected[name].append(cross_entropy.cross_entropy(logits, codes[own]))
    for name, losses in expected.items():
        assert found[name] == pytest.approx(np.mean(losses), rel=1e-5)


def test_pairs_are_never_of_a_clip_with_itself():
    code, apart = noise(2, 3, 20, 4), set()
    for step in range(8):
        even, odd = objectives.exchange(
            code, tf.constant([False, True]), 3, tf.constant([0, step])
        )
        np.testing.assert_array_equal(even, code[0])
        apart |= {
            shift
            for shift in range(3)
            if np.array_equal(odd, np.roll(code[1], shift, axis=0))
        }
    assert apart == {1, 2}


@pytest.mark.parametrize("shift", [0, 1])
def test_spectra_are_predicted_from_the_codes_that_the_decoders_get(shift):
    weights = {"spectrum": 1.0, "paired": float(shift), "confusion": 0.0}
    model = randomised(made(DOMAINS[:2], weights=weights))
    batch = batch_for(model)
    audio = batch["audio"]
    losses = []
    for row in range(2):
        code = model.encode(audio[row]).code
        for place, head in enumerate(model.heads):
            read = head(code[np.newaxis, (place + row * shift) % 2])
            log_mel = model.front.log_mel(audio[row, place : place + 1])
            assert read.shape == log_mel.shape
            losses.append(np.abs(read - log_mel).mean())
    assert terms(model, batch)["spectrum"] == pytest.approx(np.mean(losses), rel=1e-4)


@functools.cache
def with_confusion(confusion):
    return made(confusion=confusion)


def test_without_pairs_and_spectra_there_are_no_such_terms():
    model = with_confusion("ascent")
    assert model.batches == "stacked"
    expected = {"reconstruction", "confusion", "classifier"}
    assert set(terms(model, batch_for(model))) == expected
    assert model.heads == []


def test_ascent_is_the_classifiers_loss_turned_around():
    model = with_confusion("ascent")
    found = terms(model, batch_for(model))
    assert found["classifier"] > 0
    assert found["confusion"] == pytest.approx(-found["classifier"], rel=1e-6)


def test_uniform_confusion_is_least_where_the_classifier_knows_nothing():
    model = with_confusion("uniform")
    found = terms(model, batch_for(model))
    assert np.log(3.0) <= found["confusion"] < np.log(3.0) + 0.1


@pytest.mark.parametrize("confusion", configuration.CONFUSIONS)
def test_encoder_and_classifier_learn_from_terms_of_their_own(confusion):
    model = with_confusion(confusion)
    with tf.GradientTape(persistent=True) as tape:
        autoencoding, classification = model.objectives(batch_for(model), True)
    encoder = model.encoder[0].trainable_variables
    classifier = model.part_variables("classifier")
    assert autoencoding.parts == ("autoencoder",) and classification.parts == (
        "classifier",
    )
    of_encoder = tape.gradient(autoencoding.terms["confusion"], encoder)
    assert all(np.abs(gradient).max() > 0 for gradient in of_encoder)
    assert None not in tape.gradient(classification.terms["classifier"], classifier)


def test_the_classifier_is_evaluated_once_for_both_objectives():
    model = made()
    layer = type(model.classifier)
    with mock.patch.object(
        layer, "call", autospec=True, side_effect=layer.call
    ) as call:
        with tf.GradientTape() as tape:
            _, objective = model.objectives(batch_for(model), True)
        assert call.call_count == 1
    variables = model.part_variables("classifier")
    gradients = tape.gradient(objective.terms["classifier"], variables)
    # The former formula: the classifier's own evaluation of a code that is cut off.
    code = call.call_args.args[1]
    domain = tf.constant([0, 1, 2] * 2)
    with tf.GradientTape() as tape:
        logits = model.classifier(tf.stop_gradient(code))
        expected = confusion.classification(logits, domain)
    assert float(objective.terms["classifier"]) == pytest.approx(float(expected))
    for gradient, wanted in zip(
        gradients, tape.gradient(expected, variables), strict=True
    ):
        np.testing.assert_allclose(gradient, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("domains", "changes"),
    [(DOMAINS[:1], {}), (DOMAINS, {"weights": {"confusion": 0.0}})],
)
def test_without_a_classifier_there_is_no_confusion(domains, changes):
    model = made(domains, **changes)
    assert list(model.parts()) == ["autoencoder"]
    assert set(terms(model, batch_for(model))) == {"reconstruction"}


def test_windows_are_whole_frames():
    model = shallow()
    assert model.clip_samples == 20 * HOP
    assert model.window_samples == 20 * 8000
    assert model.overlap_samples == 4000 == 100 * HOP


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"top_k": 257}, "top_k=257 must be at most 256"),
        ({"top_k": -1}, "top_k=-1 must be at least 0"),
        ({"temperature": -0.5}, r"temperature=-0\.5 must be at least 0"),
        ({"pre_emphasis": 1.0}, r"pre_emphasis=1\.0 must be below 1"),
        (
            {"encoder_pretraining_steps": 5},
            "encoder_pretraining_steps=5 needs a term .*--weights=spectrum",
        ),
        ({"encoder_stride": 7}, "encoder_stride=7 must divide hop=40"),
        ({"encoder_stride": 8}, "encoder_kernel=3 must be at least encoder_stride=8"),
        ({"confusion": "ascend"}, "did you mean 'ascent'"),
        ({"arithmetic": "bfloat61"}, "did you mean 'bfloat16'"),
    ],
)
def test_refuses_what_does_not_fit(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(TINY, **changes)
