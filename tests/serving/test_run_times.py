"""Which runs get a timeout; see `run_times`."""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from serving.server import run_times, servable
from serving.server.caller import Caller

VECTOR = tf.TensorSpec([None], tf.float32)


class Doubling(tf.Module):
    @tf.function(input_signature=[VECTOR])
    def double(self, x):
        return {"y": 2.0 * x}


class Counting(tf.Module):
    @tf.function(input_signature=[VECTOR])
    def double(self, x):
        most = tf.reduce_max(x)
        (y,) = tf.while_loop(lambda y: y < most, lambda y: [2 * y], [1.0])
        return {"y": y}


@pytest.fixture
def timeouts(tmp_path):
    """Tells with which timeouts a module's runs are run, of inputs and callers."""

    def timeouts(module, runs):
        tf.saved_model.save(module, str(tmp_path), signatures=module.double)
        loaded = servable.Servable(tmp_path)
        info = loaded.signatures[servable.DEFAULT_SIGNATURE]
        fed, fetched = info.inputs["x"].name, info.outputs["y"].name
        new_buffer = servable.pywrap_tf_session.TF_NewBufferFromString
        with mock.patch.object(
            servable.pywrap_tf_session, "TF_NewBufferFromString", wraps=new_buffer
        ) as sent:
            for size, seconds in runs:
                run = servable.Run(
                    servable.DEFAULT_SIGNATURE,
                    {fed: np.ones(size, np.float32)},
                    (fetched,),
                )
                loaded.run(run, Caller(seconds))
        loaded.close()
        options = (call.args[0] for call in sent.call_args_list)
        return [tf.compat.v1.RunOptions.FromString(o).timeout_in_ms for o in options]

    return timeouts


def test_without_a_deadline_there_is_no_timeout(timeouts):
    assert timeouts(Doubling(), [(3, None), (3, None)]) == [0, 0]


def test_what_surely_ends_in_time_gets_none(timeouts):
    first, second, smaller, larger = timeouts(
        Doubling(), [(3, 3600.0), (3, 3600.0), (2, 3600.0), (4, 3600.0)]
    )
    assert (second, smaller) == (0, 0)
    assert 3_590_000 < first <= 3_600_000
    assert 3_590_000 < larger <= 3_600_000


def test_what_its_inputs_may_hold_up_always_gets_one(timeouts):
    found = timeouts(Counting(), [(3, 3600.0)] * 3)
    assert len(found) == 3
    assert min(found) > 3_590_000


def test_a_run_of_a_tenth_of_the_time_is_not_far_below():
    times = run_times.RunTimes()
    assert not times.are_far_below(3600.0, 0)
    times.add(5, 2.0)
    times.add(7, 1.0)
    assert times.are_far_below(20.1, 7)
    assert not times.are_far_below(20.0, 7)
    assert not times.are_far_below(20.1, 8)
