"""Configurations of both stages of LORD, and their presets."""

import dataclasses

from tf_mt import config
from tf_mt.layers import adain_vc, lord, synthesis
from tf_mt.models import translator_config


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    """Config of the first stage; the defaults are the paper's."""

    n_fft: int = config.field(2048, "Samples in a frame of the STFT.", minimum=4)
    hop: int = config.field(250, "Samples from one frame to the next.", minimum=2)
    stft_window: int = config.field(
        1000,
        "Samples of the window in a frame of the STFT; 0 takes all of the frame.",
        minimum=0,
    )
    bands: int = config.field(128, "Mel bands.", minimum=8)
    clip_frames: int = config.field(128, "Frames in a training clip.", minimum=32)
    phase: str = config.field(
        "source",
        "The phase that a translated spectrogram begins with: the source's own, or one "
        "integrated from its magnitudes (PGHI).",
        choices=tuple(synthesis.SYNTHESES),
        inference=True,
    )
    griffin_lim_iterations: int = config.field(
        4,
        "Iterations from that phase to the sound of a translated spectrogram.",
        minimum=0,
        inference=True,
    )
    networks: str = config.field(
        "adain_vc",
        "Generator and encoders of AdaIN-VC, which convolve over time, or those of "
        "LORD for images, whose content code is one vector for a clip.",
        choices=("adain_vc", "lord"),
    )
    channels: int = config.field(
        128, "Channels of every convolution of AdaIN-VC's generator.", minimum=1
    )
    content_channels: int = config.field(
        128,
        "Numbers in a content code: for every eight frames, or of LORD's vector.",
        minimum=1,
    )
    class_size: int = config.field(256, "Numbers in a class code.", minimum=1)
    noise: float = config.field(
        1.0,
        "Standard deviation of the noise on content codes in training.",
        minimum=0.0,
    )
    table_rate: float = config.field(
        10.0, "Step size of the codes, as a multiple of the generator's.", minimum=0.0
    )
    code_iterations: int = config.field(
        100,
        "Steps in which the first stage finds the code of a clip that it was not "
        "trained on.",
        minimum=1,
        inference=True,
    )
    vgg_weights: str = config.field(
        "",
        "Keras's file of VGG16's weights, for the term vgg; without one its features "
        "are random.",
    )
    vgg_size: int = config.field(
        64,
        "Rows and columns that spectrograms are resized to for VGG16; 0 leaves them.",
        minimum=0,
    )
    rho: str = config.field(
        "",
        "Folder of the CP-ResNet for the term rho, which tf_mt.train_embedder trains.",
    )
    weights: dict = config.field(
        {"mel": 0.0, "l22": 10.0, "vgg": 1.0, "rho": 1.0, "content_decay": 1e-4},
        "Weight of each loss term.",
    )
    warmup: dict = config.field({}, "Steps over which a term's weight rises from zero.")

    def __post_init__(self) -> None:
        super().__post_init__()
        unit = 2 * adain_vc.REDUCTION
        if self.clip_frames % unit:
            raise ValueError(
                f"clip_frames={self.clip_frames} must be a multiple of {unit}."
            )
        if self.networks == "lord" and self.bands % lord.SCALE:
            raise ValueError(
                f"bands={self.bands} must be a multiple of {lord.SCALE} for "
                "networks='lord'."
            )
        if 0 < self.vgg_size < 32:
            raise ValueError(f"vgg_size={self.vgg_size} must be 0, or 32 or more.")
        if self.weights["rho"] and self.bands < 32:
            raise ValueError(
                f"bands={self.bands} must be 32 or more for the term rho, or "
                "--weights=rho:0 leaves it out."
            )

    @property
    def code_frames(self) -> int:
        """Frames of the content code of a training clip."""
        if self.networks == "lord":
            return 1
        return self.clip_frames // adain_vc.REDUCTION


@dataclasses.dataclass(frozen=True)
class AmortisedConfig(Config):
    """Config of the second stage; what both have is to be that of the first."""

    encoder_channels: int = config.field(
        128, "Channels of every convolution of AdaIN-VC's encoders.", minimum=1
    )
    discriminator_channels: int = config.field(
        64, "The most channels of the discriminator.", minimum=1
    )
    average: float = config.field(
        0.999,
        "Share of the old average when the generator's weights, which translate, are "
        "averaged.",
        minimum=0.0,
    )
    weights: dict = config.field(
        {
            "mel": 0.0,
            "l22": 10.0,
            "vgg": 1.0,
            "rho": 1.0,
            "content_code": 10.0,
            "class_code": 10.0,
            "adversarial": 0.01,
            "discriminator": 1.0,
            "gradient_penalty": 10.0,
            "drift": 1e-3,
        },
        "Weight of each loss term.",
    )
    warmup: dict = config.field(
        {"adversarial": 0.0}, "Steps over which a term's weight rises from zero."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average >= 1.0:
            raise ValueError(f"average={self.average} must be below 1.")
        for name in ("clip_frames", "bands"):
            size = getattr(self, name)
            if self.weights["adversarial"] and (size < 8 or size & (size - 1)):
                raise ValueError(
                    f"{name}={size} must be a power of two for the discriminator, or "
                    "--weights=adversarial:0 leaves it out."
                )


_NO_NETWORKS = {"vgg": 0.0, "rho": 0.0}

_SMALL = {
    "n_fft": 1024,
    "hop": 256,
    "stft_window": 0,
    "bands": 128,
    "griffin_lim_iterations": 2,
    "channels": 128,
    "content_channels": 16,
    "class_size": 64,
    "noise": 0.3,
    "table_rate": 50.0,
}

_TINY = {
    "n_fft": 512,
    "hop": 128,
    "stft_window": 0,
    "bands": 32,
    "clip_frames": 32,
    "griffin_lim_iterations": 2,
    "channels": 8,
    "content_channels": 4,
    "class_size": 4,
    "code_iterations": 2,
    "weights": _NO_NETWORKS,
}

_TINY_TRAINING = config.Training(
    steps=4, epoch_steps=2, batch_size=2, validation_batches=1
)

PRESETS = {
    "paper": config.Preset(
        Config(),
        config.Training(
            steps=200_000,
            epoch_steps=1000,
            batch_size=64,
            learning_rate=3e-4,
            beta_1=0.5,
            decay_from=0.0,
        ),
    ),
    "small": config.Preset(
        Config(
            **_SMALL,
            code_iterations=50,
            weights=_NO_NETWORKS,
        ),
        config.Training(
            steps=7000,
            epoch_steps=500,
            batch_size=32,
            learning_rate=1e-3,
            beta_1=0.5,
            decay_from=0.3,
            clip_norm=1.0,
            precision="auto",
            validation_batches=1,
            sampled_epochs=2,
        ),
    ),
    "tiny": config.Preset(Config(**_TINY), _TINY_TRAINING),
}

AMORTISED_PRESETS = {
    "paper": config.Preset(
        AmortisedConfig(),
        config.Training(
            steps=100_000,
            epoch_steps=1000,
            batch_size=64,
            learning_rate=1e-4,
            beta_1=0.5,
            decay_from=0.0,
        ),
    ),
    "small": config.Preset(
        AmortisedConfig(
            **_SMALL,
            encoder_channels=64,
            discriminator_channels=16,
            average=0.99,
            weights={"adversarial": 0.0} | _NO_NETWORKS,
        ),
        config.Training(
            steps=2500,
            epoch_steps=250,
            batch_size=32,
            learning_rate=5e-4,
            beta_1=0.5,
            decay_from=0.5,
            clip_norm=1.0,
            precision="auto",
            sampled_epochs=2,
        ),
    ),
    "tiny": config.Preset(
        AmortisedConfig(**_TINY, encoder_channels=8, discriminator_channels=4),
        _TINY_TRAINING,
    ),
}
