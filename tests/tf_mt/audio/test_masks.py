import importlib.util
import sys
import warnings

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import masks

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_io") is None,
    reason="tensorflow-io has no wheel for this Python",
)

SHAPE = (64, 20, 12)
SILENCE = -1.0
# The mask, the axis of a spectrogram that its stripe is measured along, and the other.
MASKS = pytest.mark.parametrize(
    ("mask", "along", "across"), [(masks.time_mask, 0, 1), (masks.freq_mask, 1, 0)]
)


def seeds(rows=SHAPE[0], seed=0):
    return tf.random.stateless_uniform([rows, 2], [seed, 0], None, None, tf.int32)


def spectrograms(seed=0):
    return tf.random.stateless_uniform(SHAPE, [seed, 1], -0.9, 1.0)


def stripes(masked, across):
    """Which frames, or which bands, of each spectrogram are silent: `[batch, size]`."""
    return (masked.numpy() == SILENCE).all(axis=1 + across)


@MASKS
@pytest.mark.parametrize("largest", [1, 3, 7])
def test_a_stripe_of_bounded_width_is_silent(mask, along, across, largest):
    clear = spectrograms()
    masked = mask(clear, largest, seeds(), SILENCE)
    silent = stripes(masked, across)
    assert set(silent.sum(axis=1)) == set(range(largest + 1))
    edges = np.abs(np.diff(silent, axis=1, prepend=False, append=False)).sum(axis=1)
    assert edges.max() == 2
    kept = ~np.broadcast_to(np.expand_dims(silent, 1 + across), SHAPE)
    np.testing.assert_array_equal(masked.numpy()[kept], clear.numpy()[kept])
    assert (masked.numpy()[~kept] == SILENCE).all()


@MASKS
def test_stripes_are_everywhere_but_last(mask, along, across):
    many = tf.zeros([400, *SHAPE[1:]])
    silent = stripes(mask(many, 4, seeds(400), SILENCE), across)
    assert silent[:, :-1].any(axis=0).all()
    assert not silent[:, -1].any()


@MASKS
def test_the_seed_decides(mask, along, across):
    first, again = (mask(spectrograms(), 5, seeds(), SILENCE) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = stripes(mask(spectrograms(1), 5, seeds(), SILENCE), across)
    np.testing.assert_array_equal(stripes(first, across), other)
    elsewhere = stripes(mask(spectrograms(), 5, seeds(seed=1), SILENCE), across)
    assert (elsewhere != other).any()
    assert len(np.unique(other, axis=0)) > 20


@MASKS
def test_hidden_state_has_no_part_in_it(mask, along, across):
    tf.random.set_seed(1)
    first = mask(spectrograms(), 5, seeds(), SILENCE)
    tf.random.set_seed(2)
    tf.random.uniform([3])
    again = mask(spectrograms(), 5, seeds(), SILENCE)
    np.testing.assert_array_equal(first, again)
    graph = tf.function(mask).get_concrete_function(spectrograms(), 5, seeds(), SILENCE)
    nodes = list(graph.graph.as_graph_def().node)
    for function in graph.graph.as_graph_def().library.function:
        nodes += function.node_def
    assert "RandomUniformInt" not in {node.op for node in nodes}


@MASKS
def test_a_row_is_masked_alike_alone_and_in_a_graph(mask, along, across):
    clear = spectrograms()
    whole = mask(clear, 5, seeds(), SILENCE)
    half = SHAPE[0] // 2
    halves = [
        mask(clear[part], 5, seeds()[part], SILENCE)
        for part in (slice(half), slice(half, None))
    ]
    np.testing.assert_array_equal(tf.concat(halves, axis=0), whole)
    in_graph = tf.function(mask)(clear, 5, seeds(), SILENCE)
    np.testing.assert_array_equal(in_graph, whole)


@MASKS
def test_gradient_passes_where_nothing_is_masked(mask, along, across):
    clear = spectrograms()
    with tf.GradientTape() as tape:
        tape.watch(clear)
        masked = mask(clear, 5, seeds(), SILENCE)
        total = tf.reduce_sum(masked)
    kept = masked.numpy() != SILENCE
    np.testing.assert_array_equal(tape.gradient(total, clear), kept)


@MASKS
def test_keeps_dtype_and_what_is_known_of_the_shape(mask, along, across):
    half = tf.cast(spectrograms(), tf.bfloat16)
    assert mask(half, 3, seeds(), SILENCE).dtype == tf.bfloat16

    @tf.function(input_signature=[tf.TensorSpec([None, None, 12])])
    def masked(x):
        y = mask(x, 3, seeds(), SILENCE)
        assert y.shape.as_list() == [None, None, 12]
        return y

    assert masked(spectrograms()).shape == SHAPE


def test_missing_library_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    sentence = r"^Masks need tensorflow-io, .* no wheel for Python 3\.13.*\.$"
    with pytest.raises(ValueError, match=sentence):
        masks.require()
    assert "tensorflow_io" in sys.modules
    with pytest.raises(ValueError, match=sentence):
        masks.time_mask(spectrograms(), 3, seeds(), SILENCE)


def test_the_library_is_imported_in_silence(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("tensorflow_io")]:
        monkeypatch.delitem(sys.modules, name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masks.require()
    assert "tensorflow_io" in sys.modules
