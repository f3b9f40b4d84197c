import numpy as np
import pytest
import tensorflow as tf

from tf_mt.losses import contrastive

CLIPS, FRAMES, CHANNELS, STEPS, DRAWS = 3, 12, 4, 5, 2


def drawn(seed=0, scale=1.0, wrong=FRAMES - 1):
    """Latents, predictions, moments and wrong frames, at random."""
    random = np.random.default_rng(seed)
    latents = random.normal(0.0, scale, (CLIPS, FRAMES, CHANNELS))
    predictions = random.normal(0.0, scale, (STEPS, CLIPS, CHANNELS))
    start = random.integers(0, FRAMES - STEPS - 1, CLIPS)
    negatives = random.integers(0, FRAMES - 1, (CLIPS, STEPS, DRAWS, wrong))
    return latents, predictions, start, negatives


def info_nce(latents, predictions, start, negatives):
    return float(
        contrastive.info_nce(
            tf.constant(latents, tf.float32),
            tf.unstack(tf.constant(predictions, tf.float32)),
            tf.constant(start, tf.int32),
            tf.constant(negatives, tf.int32),
        )
    )


def algorithm(latents, predictions, start, negatives):
    """The paper's, one score after another."""
    losses = []
    for clip, frames in enumerate(latents):
        for step in range(STEPS):
            right = start[clip] + step + 1
            others = [frame for place, frame in enumerate(frames) if place != right]
            said = predictions[step, clip]
            for places in negatives[clip, step]:
                scores = [frames[right] @ said, *(others[at] @ said for at in places)]
                losses.append(np.log(np.sum(np.exp(scores))) - scores[0])
    return np.mean(losses)


@pytest.mark.parametrize("wrong", [1, FRAMES - 1, 30])
def test_it_is_the_papers_algorithm(wrong):
    given = drawn(wrong=wrong)
    assert info_nce(*given) == pytest.approx(algorithm(*given), rel=1e-5)


def test_latents_that_say_little_cost_the_logarithm_of_the_frames():
    assert info_nce(*drawn(scale=0.05)) == pytest.approx(np.log(FRAMES), abs=0.01)


def alike(start):
    """Each frame is a direction of its own, and each prediction is of the right one."""
    latents = 10.0 * np.tile(np.eye(FRAMES), (CLIPS, 1, 1))
    right = start + np.arange(1, STEPS + 1)[:, np.newaxis]
    return latents, 10.0 * np.eye(FRAMES)[right]


@pytest.mark.parametrize("first", [0, FRAMES - STEPS - 1])
def test_the_right_frame_is_none_of_the_wrong_ones(first):
    start = np.full(CLIPS, first)
    every = np.broadcast_to(np.arange(FRAMES - 1), (CLIPS, STEPS, DRAWS, FRAMES - 1))
    assert info_nce(*alike(start), start, every) < 1e-6


def test_one_step_late_is_wrong():
    start = np.array([0, 3, FRAMES - STEPS - 2])
    latents, predictions = alike(start)
    every = np.broadcast_to(np.arange(FRAMES - 1), (CLIPS, STEPS, DRAWS, FRAMES - 1))
    assert info_nce(latents, predictions, start + 1, every) > 50.0
