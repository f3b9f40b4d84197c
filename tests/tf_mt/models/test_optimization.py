import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config
from tf_mt.layers import table
from tf_mt.models import optimization


def test_step_size_rises_stays_and_falls():
    step_size = optimization.LinearSchedule(
        config.Training(
            steps=100, warmup_steps=10, decay_from=0.5, learning_rate=2.0, epoch_steps=1
        )
    )
    sizes = [float(step_size(step)) for step in (0, 4, 9, 40, 50, 75, 100)]
    np.testing.assert_allclose(sizes, [0.2, 1.0, 2.0, 2.0, 2.0, 1.0, 0.0], rtol=1e-6)
    constant = optimization.LinearSchedule(
        config.Training(decay_from=1.0, learning_rate=2.0)
    )
    assert float(constant(9_999)) == 2.0


@pytest.mark.parametrize("updates_per_step", [2.0, 0.5])
def test_a_schedule_is_of_training_steps(updates_per_step):
    training = config.Training(
        steps=100, decay_from=0.5, learning_rate=2.0, epoch_steps=1
    )
    step_size = optimization.adam(training, updates_per_step)._learning_rate
    sizes = [float(step_size(step * updates_per_step)) for step in (0, 50, 75, 100)]
    np.testing.assert_allclose(sizes, [2.0, 2.0, 1.0, 0.0], rtol=1e-6)


def updated(optimizer, rows, batches, dense=False):
    keras.utils.set_random_seed(0)
    vectors = table.Table(rows, 3)
    variables = vectors.trainable_variables
    optimizer.build(variables)
    for batch in batches:
        with tf.GradientTape() as tape:
            found = vectors(tf.constant(batch))
            loss = tf.reduce_sum(tf.square(found - 1.0))
        gradients = tape.gradient(loss, variables)
        if dense:
            gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        optimizer.apply(gradients, variables)
    return vectors.vectors.numpy()


def test_rows_of_every_batch_are_updated_as_by_adam():
    batches = [[0, 1, 2, 3], [3, 1, 0, 2], [0, 1, 2, 3]]
    own = updated(optimization.RowAdam(1e-2), 4, batches)
    adam = updated(keras.optimizers.Adam(1e-2), 4, batches, dense=True)
    np.testing.assert_allclose(own, adam, atol=1e-6)


def test_a_row_that_is_used_twice_gets_the_sum_of_its_gradients():
    own = updated(optimization.RowAdam(1e-2), 4, [[1, 1, 2]])
    adam = updated(keras.optimizers.Adam(1e-2), 4, [[1, 1, 2]], dense=True)
    np.testing.assert_allclose(own, adam, atol=1e-6)


def test_other_rows_stay_as_they_are():
    before = updated(optimization.RowAdam(1e-2), 4, [])
    after = updated(optimization.RowAdam(1e-2), 4, [[1], [1], [2]])
    np.testing.assert_array_equal(before[[0, 3]], after[[0, 3]])
    assert np.all(before[[1, 2]] != after[[1, 2]])


def largest_tensor(rows):
    """Numbers in the largest tensor that an update of one row computes."""
    vectors, optimizer = table.Table(rows, 3), optimization.RowAdam(1e-2)
    variables = vectors.trainable_variables
    optimizer.build(variables)

    @tf.function
    def update(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(vectors(batch)))
        optimizer.apply(tape.gradient(loss, variables), variables)

    graph = update.get_concrete_function(tf.TensorSpec([1], tf.int32)).graph
    sizes = [
        output.shape.num_elements() or 0
        for operation in graph.get_operations()
        for output in operation.outputs
        if output.dtype != tf.resource and output.shape.rank is not None
    ]
    return max(sizes)


def test_no_tensor_of_an_update_is_as_large_as_the_table():
    assert largest_tensor(100_000) < 1000


@pytest.mark.parametrize("indices", [[2, 0, 2], [1], [0, 1, 2]])
def test_rows_of_one_index_are_summed(indices):
    values = np.arange(len(indices), dtype=np.float32)[:, np.newaxis]
    slices = tf.IndexedSlices(tf.constant(values), tf.constant(indices), [3, 1])
    merged = optimization.merged_rows(slices)
    assert len(set(merged.indices.numpy())) == len(merged.indices)
    np.testing.assert_array_equal(
        tf.convert_to_tensor(merged), tf.convert_to_tensor(slices)
    )
