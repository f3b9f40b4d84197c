"""Clips and seconds of audio that a training step takes in a second, in one run.

In float32 and bfloat16, for each of some numbers of domains:

python tests/benchmarks/training_step.py --approach=umt --domains=1,2,4,8

And in eager execution, as a training loop without a graph would run it:

python tests/benchmarks/training_step.py --approach=cyclegan --domains=2 --eager

And an approach with a code for each clip of the training split, by their number:

python tests/benchmarks/training_step.py --approach=lord --clips=4200,100000
"""

import itertools
import time

import tensorflow as tf
from absl import app, flags

from tf_mt import config, dataset, models
from tf_mt.training import precision

FLAGS = flags.FLAGS

flags.DEFINE_string("approach", "vae_gan", "Approach to time.")
flags.DEFINE_string("preset", "small", "Preset to time.")
flags.DEFINE_list("domains", ["6"], "Numbers of domains to time the model with.")
flags.DEFINE_list("clips", ["1000"], "Numbers of clips in the training split.")
flags.DEFINE_integer("steps", 10, "Steps to time.")
flags.DEFINE_bool("eager", False, "Also time the same steps in eager execution.")

RATE_HZ = 16000
POLICIES = ("float32", "mixed_bfloat16")


def throughput(
    preset: config.Preset, domains: int, clips: int, policy: str, execution: str
) -> tuple[float, float]:
    """Clips and seconds of audio a second, of one batch of noise again and again."""
    names = tuple(f"domain{number}" for number in range(domains))
    info = dataset.DatasetInfo("noise", RATE_HZ, names, indexed_clips=clips)
    with precision.policy(policy):
        model = models.approach(FLAGS.approach).model(preset.model, info)
    model.compile(model.make_optimizers(preset.training), 1.0)
    features = dataset.batch_features(model.batches, domains, model.clip_samples)
    rows = preset.training.batch_size
    lead = [rows if size is None else size for size in features["domain"].shape]
    batch = {
        "audio": tf.random.stateless_normal(
            [*lead, model.clip_samples], [0, 0], 0, 0.1
        ),
        "domain": tf.broadcast_to(tf.range(lead[-1]) % domains, lead),
        # A step late in the run, when no part of a model waits for another.
        "seed": tf.constant([0, preset.training.steps]),
        "step": tf.constant(preset.training.steps, tf.int64),
    }
    if "clip" in features:
        batch["clip"] = tf.range(rows) * (clips // rows)
    step = tf.function(model.train_step) if execution == "graph" else model.train_step
    for _ in range(2):
        step(batch)
    began = time.perf_counter()
    for _ in range(FLAGS.steps):
        step(batch)
    seconds = time.perf_counter() - began
    heard = FLAGS.steps * float(tf.reduce_prod(lead)) / seconds
    return heard, heard * model.clip_samples / RATE_HZ


def main(argv: list[str]) -> None:
    """Prints a line for each number of domains and clips, and arithmetic."""
    preset = models.preset(FLAGS.approach, FLAGS.preset)
    executions = ("graph", "eager") if FLAGS.eager else ("graph",)
    print(
        f"{'domains':>8}{'clips':>8}  {'arithmetic':16}{'execution':10}"
        f"{'clips/s':>9}{'s of audio/s':>14}"
    )
    for domains, clips, policy, execution in itertools.product(
        map(int, FLAGS.domains), map(int, FLAGS.clips), POLICIES, executions
    ):
        heard, seconds = throughput(preset, domains, clips, policy, execution)
        print(
            f"{domains:8}{clips:8}  {policy:16}{execution:10}"
            f"{heard:9.1f}{seconds:14.1f}",
            flush=True,
        )


if __name__ == "__main__":
    app.run(main)
