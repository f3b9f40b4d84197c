"""Augmentation of training clips: gain and noise, and in an encoder's input more."""

import dataclasses

import tensorflow as tf

from tf_mt.data import channel as channels
from tf_mt.data import detuning

NO_NOISE_DB = channels.NO_NOISE_DB


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Parameters of the augmentation of a batch.

    Attributes:
        gain_db: The gain of each slot is uniform between minus and plus this level.
        noise_db: White noise of up to this level, in decibels of full scale, is added
            to each slot; `NO_NOISE_DB` adds none.
        pitch_semitones: In the encoder's input, a segment of each clip is detuned by
            up to this many semitones; 0 detunes none.
        channel: What the encoder's input goes through.
        heard_share: The share of paired clips in whose place the encoder hears the same
            music by an instrument that is heard only; see `heard.Heard`.
    """

    gain_db: float = 0.0
    noise_db: float = NO_NOISE_DB
    pitch_semitones: float = 0.0
    channel: channels.Channel = dataclasses.field(default_factory=channels.Channel)
    heard_share: float = 0.0

    @property
    def for_encoder(self) -> bool:
        """Whether the encoder has an input of its own."""
        return (
            self.pitch_semitones > 0.0 or self.channel.changes or self.heard_share > 0.0
        )


def apply(
    augmentation: Augmentation,
    audio: tf.Tensor,
    seed: int,
    step: tf.Tensor,
    first_slot: int = 0,
) -> tf.Tensor:
    """Changes the gain of a batch, or of a part of it, and adds noise.

    The draws of a slot depend only on the seed, the step and the slot's number. The
    clips of one slot share gain and noise level, so paired clips stay a pair.

    Args:
        augmentation: The parameters; those of the encoder's input are not used.
        audio: float32 `[slots, ..., samples]`.
        seed: The seed of the run.
        step: The step of the batch, int64.
        first_slot: The number of the first slot in the whole batch.

    Returns:
        float32, as `audio`.
    """
    if augmentation.gain_db == 0.0 and augmentation.noise_db <= NO_NOISE_DB:
        return audio
    of_step = _of_step(seed, step)

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

    return tf.map_fn(
        one, (_slots(audio, first_slot), audio), fn_output_signature=audio.dtype
    )


def encoder_input(
    augmentation: Augmentation,
    audio: tf.Tensor,
    sample_rate_hz: int,
    seed: int,
    step: tf.Tensor,
    first_slot: int = 0,
) -> tf.Tensor:
    """Makes the encoder's input of a batch, or of a part of it.

    Args:
        augmentation: The parameters; only those of detuning and channel are used.
        audio: What is heard, float32 `[slots, ..., samples]`, of a static length.
        sample_rate_hz: Its rate.
        seed: The seed of the run.
        step: The step of the batch, int64.
        first_slot: The number of the first slot in the whole batch.

    Returns:
        float32, as `audio`: each clip detuned (`detuned`) and sent through a channel
        of its own (`channel.through`).
    """
    heard = audio
    if augmentation.pitch_semitones > 0.0:
        heard = detuned(augmentation, heard, seed, step, first_slot)
    if not augmentation.channel.changes:
        return heard
    of_step = _of_step(seed, step)

    def one(slot_and_clips: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        slot, clips = slot_and_clips
        of_slot = tf.random.fold_in(tf.random.fold_in(of_step, slot), 3)
        flat = tf.reshape(clips, [-1, audio.shape[-1]])
        sent = channels.through(augmentation.channel, flat, sample_rate_hz, of_slot)
        return tf.reshape(sent, tf.shape(clips))

    slots = _slots(audio, first_slot)
    sent = tf.map_fn(one, (slots, heard), fn_output_signature=tf.float32)
    return tf.ensure_shape(sent, audio.shape)


def detuned(
    augmentation: Augmentation,
    audio: tf.Tensor,
    seed: int,
    step: tf.Tensor,
    first_slot: int = 0,
) -> tf.Tensor:
    """Detunes a segment of each clip of a batch, or of a part of it.

    A segment is a quarter to half of its clip and begins in the first half of it, as
    in Mor et al. 2019 (section 3.3). It depends only on the seed, the step, the number
    of the slot and the clip's place in the slot.

    Args:
        augmentation: The parameters; only `pitch_semitones` is used.
        audio: float32 `[slots, ..., samples]`.
        seed: The seed of the run.
        step: The step of the batch, int64.
        first_slot: The number of the first slot in the whole batch.

    Returns:
        float32, as `audio`.
    """
    of_step = _of_step(seed, step)
    samples = tf.shape(audio)[-1]
    shape = tf.concat([tf.shape(audio)[1:-1], [3]], axis=0)

    def draw(slot: tf.Tensor) -> tf.Tensor:
        of_slot = tf.random.fold_in(of_step, slot)
        return tf.random.stateless_uniform(shape, tf.random.fold_in(of_slot, 2))

    draws = tf.map_fn(draw, _slots(audio, first_slot), fn_output_signature=tf.float32)
    start, length, pitch = tf.unstack(draws, num=3, axis=-1)
    return detuning.detune(
        audio,
        _whole(start, 0, samples // 2),
        _whole(length, samples // 4, samples // 2),
        (2.0 * pitch - 1.0) * augmentation.pitch_semitones,
    )


def _of_step(seed: int, step: tf.Tensor) -> tf.Tensor:
    """The seed from which all draws of a step are made, int64 `[2]`."""
    return tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])


def _slots(audio: tf.Tensor, first_slot: int) -> tf.Tensor:
    """The numbers of the slots in the whole batch."""
    return first_slot + tf.range(tf.shape(audio)[0])


def _whole(
    uniform: tf.Tensor, smallest: tf.Tensor | int, largest: tf.Tensor | int
) -> tf.Tensor:
    """Makes draws from [0, 1) whole numbers, int32, both ends of them included."""
    numbers = tf.cast(largest - smallest + 1, tf.float32)
    return smallest + tf.cast(uniform * numbers, tf.int32)


def _from_db(level_db: tf.Tensor | float) -> tf.Tensor:
    return tf.pow(10.0, tf.cast(level_db, tf.float32) / 20.0)
