"""Clips per second of a training step, in float32 and bfloat16, in one run.

python tests/benchmarks/training_step.py --preset=small
"""

import time

import keras
import tensorflow as tf
from absl import app, flags

from tf_mt import config, dataset, models, precision

FLAGS = flags.FLAGS

flags.DEFINE_string("approach", "vae_gan", "Approach to time.")
flags.DEFINE_string("preset", "small", "Preset to time.")
flags.DEFINE_integer("domains", 6, "Domains of the model.")
flags.DEFINE_integer("steps", 10, "Steps to time.")

INFO_RATE_HZ = 16000


def clips_per_second(preset: config.Preset, policy: str) -> float:
    """Times steps on one batch of noise, after two to warm up."""
    names = tuple(f"domain{number}" for number in range(FLAGS.domains))
    info = dataset.DatasetInfo("noise", INFO_RATE_HZ, names)
    with precision.policy(policy):
        model = models.approach(FLAGS.approach).model(preset.model, info)
    model.compile({part: keras.optimizers.Adam() for part in model.parts()}, 1.0)
    lead = [preset.training.batch_size]
    if model.batches != "mixed":
        lead.append(FLAGS.domains)
    batch = {
        "audio": tf.random.stateless_normal(
            [*lead, model.clip_samples], [0, 0], 0, 0.1
        ),
        "domain": tf.broadcast_to(tf.range(lead[-1]) % FLAGS.domains, lead),
        "seed": tf.constant([0, 0]),
    }
    step = tf.function(model.train_step)
    for _ in range(2):
        step(batch)
    began = time.perf_counter()
    for _ in range(FLAGS.steps):
        step(batch)
    seconds = time.perf_counter() - began
    return FLAGS.steps * float(tf.reduce_prod(lead)) / seconds


def main(argv: list[str]) -> None:
    """Prints the clips per second of both."""
    preset = models.preset(FLAGS.approach, FLAGS.preset)
    plain = clips_per_second(preset, "float32")
    mixed = clips_per_second(preset, "mixed_bfloat16")
    print(f"float32         {plain:8.1f} clips/s")
    print(f"mixed_bfloat16  {mixed:8.1f} clips/s ({mixed / plain:.2f} times)")


if __name__ == "__main__":
    app.run(main)
