"""Configuration of the CycleGAN, and its presets."""

import dataclasses

from tf_mt import config
from tf_mt.losses import adversarial
from tf_mt.models import translator_config

# A network that reflects its input at the ends needs two frames and two bins there.
_SMALLEST = 2


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    """Config of the CycleGAN; the defaults are the paper's network."""

    pair: str = config.field(
        "",
        "The two domains, as violin,flute; empty takes those of a dataset of two.",
    )
    n_fft: int = config.field(511, "Samples in a frame of the STFT.", minimum=4)
    hop: int = config.field(127, "Samples from one frame to the next.", minimum=2)
    stft_window: int = config.field(
        0,
        "Samples of the window in a frame of the STFT; 0 takes all of the frame.",
        minimum=0,
    )
    clip_frames: int = config.field(576, "Frames in a training clip.", minimum=16)
    phase: str = config.field(
        "source",
        "The phase of a translation: the source's, Griffin-Lim's that begins from it, "
        "or one that phase gradient heap integration reads from the magnitudes.",
        choices=("source", "griffin_lim", "pghi"),
        inference=True,
    )
    griffin_lim_iterations: int = config.field(
        4,
        "Iterations where phase=griffin_lim, and after pghi.",
        minimum=0,
        inference=True,
    )
    architecture: str = config.field(
        "deep",
        "The generators: deep halves often, resnet has its residual blocks after few "
        "halvings, conv1d convolves over time with bins as channels.",
        choices=("deep", "resnet", "conv1d"),
    )
    width: int = config.field(
        64, "Channels of a generator's first convolution.", minimum=1
    )
    halvings: int = config.field(
        6, "How often a generator halves its input.", minimum=1
    )
    blocks: int = config.field(6, "Residual blocks of a generator.", minimum=0)
    upsampling: str = config.field(
        "transposed",
        "How a generator doubles: by transposed convolutions, or resize: repetition "
        "and a convolution. conv1d takes transposed.",
        choices=("transposed", "resize"),
    )
    residual: bool = config.field(
        False, "Generators add to what they are given, and begin as copies of it."
    )
    discriminator: int = config.field(
        64, "Channels of a discriminator's first convolution.", minimum=1
    )
    objective: str = config.field(
        "lsgan", "The adversarial loss.", choices=adversarial.OBJECTIVES
    )
    pool: int = config.field(
        50,
        "Earlier translations to each domain from which discriminators learn, too; 0 "
        "takes the newest only.",
        minimum=0,
    )
    order: str = config.field(
        "paper",
        "The updates of a step: paper has the discriminators on real and then on "
        "generated clips, then each generator; reference has generator and "
        "discriminator of one direction, then those of the other; joint takes all "
        "gradients first.",
        choices=("paper", "reference", "joint"),
    )
    weights: dict = config.field(
        {
            "adversarial": 1.0,
            "forward_cycle": 10.0,
            "backward_cycle": 10.0,
            "identity": 4.0,
            "discriminator_real": 0.5,
            "discriminator_fake": 0.5,
            "gradient_penalty": 10.0,
        },
        "Weight of each loss term.",
    )
    warmup: dict = config.field(
        {"adversarial": 0.0, "identity": 0.0},
        "Steps over which a term's weight rises from zero.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pair and len(set(self.domains)) != 2:
            raise ValueError(
                f"pair={self.pair!r} must be two names of domains with a comma between "
                "them."
            )
        if self.architecture == "conv1d" and self.upsampling != "transposed":
            raise ValueError(
                f"upsampling={self.upsampling} needs architecture=deep or resnet."
            )
        unit = 2**self.halvings
        sizes = {"clip_frames": self.clip_frames}
        if self.architecture != "conv1d":
            sizes["bins"] = self.n_fft // 2 + 1
        for name, size in sizes.items():
            if size % unit or size < _SMALLEST * unit:
                raise ValueError(
                    f"{name}={size} must be a multiple of {unit} and at least "
                    f"{_SMALLEST * unit}, for halvings={self.halvings}; bins are "
                    f"n_fft // 2 + 1 with n_fft={self.n_fft}."
                )

    @property
    def domains(self) -> tuple[str, ...]:
        """The names in `pair`."""
        return tuple(name.strip() for name in self.pair.split(",") if name.strip())


_PAPER_TRAINING = config.Training(
    steps=20_000,
    epoch_steps=500,
    batch_size=2,
    learning_rate=2e-4,
    beta_1=0.5,
    decay_from=0.5,
)

PRESETS = {
    "paper": config.Preset(Config(), _PAPER_TRAINING),
    # The network and the training of Zhu et al. 2017, on spectrograms.
    "resnet9": config.Preset(
        Config(
            clip_frames=256,
            architecture="resnet",
            halvings=2,
            blocks=9,
            order="reference",
            weights={"identity": 5.0},
        ),
        dataclasses.replace(_PAPER_TRAINING, batch_size=1),
    ),
    "small": config.Preset(
        Config(
            n_fft=1024,
            hop=256,
            clip_frames=128,
            architecture="conv1d",
            width=256,
            halvings=2,
            blocks=4,
            residual=True,
            discriminator=16,
            order="joint",
            weights={"forward_cycle": 5.0, "backward_cycle": 5.0, "identity": 2.0},
        ),
        config.Training(
            steps=1800,
            epoch_steps=180,
            batch_size=16,
            learning_rate=2e-4,
            beta_1=0.5,
            decay_from=0.5,
            clip_norm=1.0,
            precision="auto",
            sampled_epochs=3,
        ),
    ),
    "tiny": config.Preset(
        Config(
            n_fft=127,
            hop=32,
            clip_frames=32,
            width=4,
            halvings=2,
            blocks=1,
            discriminator=4,
            pool=3,
        ),
        config.Training(steps=4, epoch_steps=2, batch_size=2, validation_batches=1),
    ),
}
