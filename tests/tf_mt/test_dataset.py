import pytest
import tensorflow as tf

from tf_mt import dataset

DETUNED = dataset.batch_features("paired", 3, 500, encoder_audio=True)
INDEXED = dataset.batch_features("indexed", 3, 500)


def spec(features, **changes):
    found = {
        name: tf.TensorSpec(feature.shape, feature.dtype)
        for name, feature in features.items()
    }
    return {name: value for name, value in (found | changes).items() if value}


@pytest.mark.parametrize("form", dataset.FORMS)
def test_every_form_has_what_every_model_needs(form):
    features = dataset.batch_features(form, 3, 500)
    assert {"audio", "domain", "seed", "step"} <= features.keys()
    assert ("clip" in features) == (form == "indexed")
    assert "encoder_audio" not in features
    lead = (None, 3) if form in ("stacked", "paired") else (None,)
    assert features["domain"].shape == lead
    assert features["audio"].shape == (*lead, 500)


def test_features_are_per_slot_or_per_step():
    per_slot = {name for name, feature in DETUNED.items() if feature.per_slot}
    assert per_slot == {"audio", "domain", "encoder_audio", "encoder_domain"}
    assert INDEXED["clip"].per_slot


def test_refuses_an_unknown_form():
    with pytest.raises(ValueError, match="form='index' is not known; did you mean"):
        dataset.batch_features("index", 3, 500)


@pytest.mark.parametrize("features", [DETUNED, INDEXED])
def test_what_is_declared_is_accepted(features):
    dataset.check_batch(features, spec(features))
    batch = {
        name: tf.zeros([2 if size is None else size for size in feature.shape], dtype)
        for name, feature in features.items()
        for dtype in [feature.dtype]
    }
    dataset.check_batch(features, batch)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"clip": None}, r"'clip' must be int32 \[\?\] but is missing"),
        (
            {"clip": tf.TensorSpec([6], tf.int64)},
            r"'clip' must be int32 \[\?\] but is int64 \[6\]",
        ),
        (
            {"audio": tf.TensorSpec([None, 400], tf.float32)},
            r"'audio' must be float32 \[\?, 500\] but is float32 \[\?, 400\]",
        ),
        (
            {"audio": tf.TensorSpec([None, None], tf.float32)},
            r"'audio' must be float32 \[\?, 500\] but is float32 \[\?, \?\]",
        ),
        (
            {"step": tf.TensorSpec(None, tf.int64)},
            r"'step' must be int64 \[\] but is int64 of unknown shape",
        ),
        ({"pitch": tf.TensorSpec([None], tf.int32)}, "'pitch' is not declared; this"),
    ],
)
def test_what_is_not_declared_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataset.check_batch(INDEXED, spec(INDEXED, **changes))
