"""Trains a network that classifies domains, for tf_mt.evaluate and for LORD."""

from pathlib import Path

from absl import flags

from tf_mt import script, startup

with startup.quiet():
    from tf_mt import models
    from tf_mt.data import clips
    from tf_mt.embedders import classifier, cp_resnet, training
    from tf_mt.layers import spectrogram

FLAGS = flags.FLAGS

flags.DEFINE_string("data", None, "Converted dataset to train on.", required=True)
flags.DEFINE_string("out", None, "New folder for the network.", required=True)
flags.DEFINE_integer("steps", 300, "Batches of 32 windows.")
flags.DEFINE_integer("seed", 0, "Seed of weights and clips.", lower_bound=0)
flags.DEFINE_enum(
    "architecture",
    "cnn",
    list(classifier.ARCHITECTURES),
    "A small CNN, or CP-ResNet, which LORD's perceptual term `rho` takes.",
)
flags.DEFINE_enum(
    "receptive_field",
    "5",
    [str(rho) for rho in cp_resnet.KERNELS],
    "Rho of CP-ResNet: a larger one sees farther.",
)
flags.DEFINE_integer(
    "channels", 128, "Channels of the first stage of CP-ResNet.", lower_bound=1
)
flags.DEFINE_string(
    "front",
    None,
    "APPROACH/PRESET whose log-mel spectrograms and clips the network takes, such as "
    "lord/small; by default windows of a second and 64 bands.",
)


def main(argv: list[str]) -> None:
    """Trains as the flags say."""
    sizes = {}
    if FLAGS.architecture == "cp_resnet":
        sizes = {"rho": int(FLAGS.receptive_field), "channels": FLAGS.channels}
    result = training.train(
        Path(FLAGS.data),
        Path(FLAGS.out),
        FLAGS.steps,
        FLAGS.seed,
        FLAGS.architecture,
        sizes,
        _windows(),
    )
    print(result.markdown())
    print(f"Network: {FLAGS.out}.")


def _windows() -> training.Windows | None:
    """What a preset's model takes, or None without `--front`."""
    if FLAGS.front is None:
        return None
    approach, _, preset = FLAGS.front.partition("/")
    hparams = models.preset(approach, preset).model
    model = models.approach(approach).model(hparams, clips.read_info(Path(FLAGS.data)))
    front = getattr(model, "front", None)
    if not isinstance(front, spectrogram.LogMel):
        raise ValueError(f"front={FLAGS.front!r} must be of log-mel spectrograms.")
    return training.Windows(front, model.clip_samples // front.hop)


if __name__ == "__main__":
    script.run(main)
