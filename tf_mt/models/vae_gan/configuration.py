"""Configuration of the VAE-GAN, and its presets."""

import dataclasses

from tf_mt import config
from tf_mt.layers import synthesis
from tf_mt.losses import adversarial
from tf_mt.models import translator_config


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    """Config of the VAE-GAN; the defaults are the paper's network."""

    n_fft: int = config.field(800, "Samples in a frame of the STFT.", minimum=4)
    hop: int = config.field(200, "Samples from one frame to the next.", minimum=2)
    stft_window: int = config.field(
        0,
        "Samples of the window in a frame of the STFT; 0 takes all of the frame.",
        minimum=0,
    )
    bands: int = config.field(128, "Mel bands.", minimum=8)
    low_hz: float = config.field(40.0, "Where the lowest mel band begins.", minimum=0.0)
    clip_frames: int = config.field(128, "Frames in a training clip.", minimum=16)
    phase: str = config.field(
        "source",
        "The phase that a translated spectrogram begins with: the source's own, or one "
        "integrated from its magnitudes (PGHI).",
        choices=tuple(synthesis.SYNTHESES),
        inference=True,
    )
    griffin_lim_iterations: int = config.field(
        32,
        "Iterations from that phase to the sound of a translated spectrogram; from "
        "the source's, more than four make a steady tone rough.",
        minimum=0,
        inference=True,
    )
    rank: int = config.field(
        2, "1 convolves over time, with bands as channels; 2 over both.", minimum=1
    )
    stem: int = config.field(32, "Channels after the first convolution.", minimum=1)
    growth: int = config.field(2, "Growth of channels at each halving.", minimum=1)
    halvings: int = config.field(
        2, "How often the encoder halves the frames.", minimum=0
    )
    kernel: int = config.field(3, "Kernel size of the residual blocks.", minimum=1)
    encoder_blocks: int = config.field(4, "Residual blocks of the encoder.", minimum=0)
    generator_blocks: int = config.field(
        4, "Residual blocks of a generator.", minimum=0
    )
    code: int = config.field(
        0,
        "Channels of the code, normalised; 0 takes the encoder's output as it is.",
        minimum=0,
    )
    generators: str = config.field(
        "per_domain",
        "A generator for each domain, or a shared one that adaptive instance "
        "normalisation tells the domain.",
        choices=("per_domain", "shared"),
    )
    shared_blocks: int = config.field(
        1, "Residual blocks that the generators of all domains share.", minimum=0
    )
    discriminator: int = config.field(
        64, "Channels of a discriminator after its first halving.", minimum=1
    )
    noise: float = config.field(
        1.0, "Standard deviation of the noise on the code in training.", minimum=0.0
    )
    mask_frames: int = config.field(
        0,
        "Most frames that a mask silences in the encoder's input in training.",
        minimum=0,
    )
    mask_bands: int = config.field(
        0,
        "Most mel bands that a mask silences in the encoder's input in training.",
        minimum=0,
    )
    objective: str = config.field(
        "lsgan", "The adversarial loss.", choices=adversarial.OBJECTIVES
    )
    cycle_gradient: bool = config.field(
        True, "Whether the cycle's gradient flows through the translation as well."
    )
    weights: dict = config.field(
        {
            "reconstruction": 100.0,
            "kl": 0.1,
            "adversarial": 10.0,
            "cycle": 100.0,
            "latent": 10.0,
            "confusion": 0.0,
            "paired": 0.0,
            "classifier": 1.0,
            "discriminator": 1.0,
            "gradient_penalty": 10.0,
        },
        "Weight of each loss term.",
    )
    warmup: dict = config.field(
        {"kl": 0.0, "adversarial": 0.0, "cycle": 0.0, "latent": 0.0, "confusion": 0.0},
        "Steps over which a term's weight rises from zero.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank > 2:
            raise ValueError(f"rank={self.rank} must be 1 or 2.")
        if self.shared_blocks > self.generator_blocks:
            raise ValueError(
                f"shared_blocks={self.shared_blocks} must be at most "
                f"generator_blocks={self.generator_blocks}."
            )
        if self.clip_frames % (2 * 2**self.halvings):
            raise ValueError(
                f"clip_frames={self.clip_frames} must be a multiple of "
                f"{2 * 2**self.halvings}, for halvings={self.halvings}."
            )
        if self.mask_frames >= self.clip_frames:
            raise ValueError(
                f"mask_frames={self.mask_frames} must be below "
                f"clip_frames={self.clip_frames}."
            )
        if self.mask_bands >= self.bands:
            raise ValueError(
                f"mask_bands={self.mask_bands} must be below bands={self.bands}."
            )
        if self.generators == "per_domain" and self.code:
            raise ValueError(
                f"code={self.code} needs generators=shared; per_domain takes code=0."
            )


_WITHOUT_ADVERSARIES = {
    "reconstruction": 1.0,
    "kl": 0.0,
    "adversarial": 0.0,
    "cycle": 0.0,
    "latent": 0.0,
}

_FROM_PAIRS = _WITHOUT_ADVERSARIES | {"paired": 1.0}

_SMALL = Config(
    n_fft=1024,
    hop=256,
    griffin_lim_iterations=2,
    rank=1,
    stem=256,
    growth=1,
    kernel=5,
    encoder_blocks=3,
    code=32,
    generators="shared",
    noise=0.0,
)

# The frames last as long as those of `_SMALL` at 16 kHz, and the bands are as wide.
_SMALL_32KHZ = dataclasses.replace(_SMALL, n_fft=2048, hop=512, bands=160)

_SMALL_TRAINING = config.Training(
    steps=1500,
    epoch_steps=150,
    batch_size=12,
    learning_rate=6e-4,
    warmup_steps=100,
    clip_norm=1.0,
    precision="auto",
    sampled_epochs=3,
)

PRESETS = {
    "paper": config.Preset(
        Config(),
        config.Training(
            steps=100_000,
            epoch_steps=1000,
            batch_size=4,
            learning_rate=1e-4,
            beta_1=0.5,
        ),
    ),
    # Learns from pairs, which the paper does not have; translates best after minutes.
    "small": config.Preset(
        dataclasses.replace(_SMALL, weights=_FROM_PAIRS), _SMALL_TRAINING
    ),
    "small_32khz": config.Preset(
        dataclasses.replace(_SMALL_32KHZ, weights=_FROM_PAIRS), _SMALL_TRAINING
    ),
    "small_unpaired": config.Preset(
        dataclasses.replace(
            _SMALL,
            code=16,
            noise=0.3,
            weights=_WITHOUT_ADVERSARIES | {"confusion": 0.1},
        ),
        _SMALL_TRAINING,
    ),
    "tiny": config.Preset(
        Config(
            n_fft=256,
            hop=128,
            bands=16,
            low_hz=0.0,
            clip_frames=32,
            griffin_lim_iterations=2,
            rank=1,
            stem=8,
            growth=1,
            encoder_blocks=1,
            generator_blocks=1,
            shared_blocks=0,
            discriminator=4,
        ),
        config.Training(steps=4, epoch_steps=2, batch_size=2, validation_batches=1),
    ),
}
