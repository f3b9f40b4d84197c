"""Configuration of the vocoder, and its presets."""

import dataclasses

from tf_mt import config


@dataclasses.dataclass(frozen=True)
class Config(config.Config):
    """Config of the vocoder."""

    channels: int = config.field(256, "Channels of the ConvNeXt blocks.", minimum=1)
    blocks: int = config.field(4, "How many blocks.", minimum=1)
    expansion: int = config.field(
        3, "How many times as many channels a block has inside.", minimum=1
    )
    kernel: int = config.field(7, "Frames of a block's convolution.", minimum=1)
    clip_frames: int = config.field(64, "Frames in a training clip.", minimum=16)
    discriminator_channels: int = config.field(
        8, "Channels of the discriminator after its first convolution.", minimum=1
    )
    weights: dict = config.field(
        {
            "magnitude": 1.0,
            "convergence": 1.0,
            "mel": 10.0,
            "adversarial": 0.0,
            "discriminator": 1.0,
        },
        "Weight of each loss term.",
    )
    warmup: dict = config.field(
        {"adversarial": 0.0}, "Steps over which a term's weight rises from zero."
    )


PRESETS = {
    "small": config.Preset(
        Config(),
        config.Training(
            steps=4000,
            epoch_steps=500,
            batch_size=16,
            learning_rate=1e-3,
            warmup_steps=100,
            decay_from=0.2,
            gain_db=12.0,
            pitch_semitones=1.0,
            equaliser_db=12.0,
            precision="auto",
            sampled_epochs=3,
        ),
    ),
    "tiny": config.Preset(
        Config(
            channels=16, blocks=1, expansion=2, clip_frames=16, discriminator_channels=2
        ),
        config.Training(
            steps=2, epoch_steps=1, batch_size=2, validation_batches=1, sampled_epochs=1
        ),
    ),
}
