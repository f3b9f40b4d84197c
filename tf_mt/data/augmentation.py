"""Augmentation of clips: gain and noise."""

import dataclasses

import tensorflow as tf

NO_NOISE_DB = -120.0


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What is done to the clips of a batch before a model sees them.

    Attributes:
        gain_db: Each slot is made louder or softer by up to this many decibels.
        noise_db: White noise of up to this level, in decibels of full scale, is added
            to each slot; `NO_NOISE_DB` adds none.
    """

    gain_db: float = 0.0
    noise_db: float = NO_NOISE_DB


def apply(
    augmentation: Augmentation,
    audio: tf.Tensor,
    seed: int,
    step: tf.Tensor,
    first_slot: int = 0,
) -> tf.Tensor:
    """Augments a batch, or a part of it.

    What happens to a slot depends on the seed, the step and its number alone. The
    clips of one slot share gain and noise level, so paired clips stay a pair.

    Args:
        augmentation: What is to be done.
        audio: float32 `[slots, ..., samples]`.
        seed: The seed of the run.
        step: The step of the batch, int64.
        first_slot: The number of the first slot in the whole batch.

    Returns:
        float32, as `audio`.
    """
    if augmentation == Augmentation():
        return audio
    of_step = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
    slots = first_slot + tf.range(tf.shape(audio)[0])

    def one(slot_and_clips: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        slot, clips = slot_and_clips
        of_slot = tf.random.fold_in(of_step, slot)
        gain, level = tf.unstack(
            tf.random.stateless_uniform([2], tf.random.fold_in(of_slot, 0))
        )
        clips *= _from_db((2.0 * gain - 1.0) * augmentation.gain_db)
        if augmentation.noise_db > NO_NOISE_DB:
            noise = tf.random.stateless_normal(
                tf.shape(clips), tf.random.fold_in(of_slot, 1)
            )
            clips += level * _from_db(augmentation.noise_db) * noise
        return clips

    return tf.map_fn(one, (slots, audio), fn_output_signature=audio.dtype)


def _from_db(level_db: tf.Tensor | float) -> tf.Tensor:
    return tf.pow(10.0, tf.cast(level_db, tf.float32) / 20.0)
