"""Config of the WaveNet autoencoders."""

import dataclasses

from tf_mt import config
from tf_mt.audio import mu_law
from tf_mt.models import translator_config

CONFUSIONS = ("ascent", "uniform")
OUTPUTS = ("drawn", "mean")
# Terms that train the encoder before the decoders are trained.
ENCODER_TERMS = ("spectrum", "info_nce")
ARITHMETICS = ("float32", "bfloat16")


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    """Config fields of every approach; the defaults are the published decoders'."""

    latent: int = config.field(64, "Channels of the code.", minimum=1)
    hop: int = config.field(
        800, "Samples that a frame of the code stands for.", minimum=1
    )
    decoder_channels: int = config.field(128, "Channels of a decoder.", minimum=1)
    decoder_blocks: int = config.field(4, "Blocks of a decoder.", minimum=1)
    decoder_layers: int = config.field(14, "Layers in each of them.", minimum=1)
    classifier_channels: int = config.field(
        100, "Channels of the classifier of domains.", minimum=1
    )
    clip_frames: int = config.field(15, "Frames in a training clip.", minimum=1)
    pre_emphasis: float = config.field(
        0.0, "Coefficient of the filter before the codes; 0 has none.", minimum=0.0
    )
    decoder_noise: float = config.field(
        0.0,
        "Largest standard deviation, of codes in [-0.5, 0.5], of the noise on the "
        "input samples of a decoder in training.",
        minimum=0.0,
    )
    encoder_pretraining_steps: int = config.field(
        0,
        "First steps, which leave the decoders out: the encoder learns from its other "
        f"terms, {' and '.join(ENCODER_TERMS)}. They take a tenth of the time.",
        minimum=0,
    )
    confusion: str = config.field(
        "ascent",
        "The loss of the encoder against the classifier: ascent on its loss, as "
        "published, or cross-entropy with the uniform distribution, which is bounded.",
        choices=CONFUSIONS,
    )
    biased_decode: bool = config.field(
        False, "Whether codes become sound as in the published code, 11 dB noisier."
    )
    segments: int = config.field(
        128,
        "Segments that a recording is cut into, which are decoded in parallel.",
        minimum=1,
        inference=True,
    )
    lanes: int = config.field(
        2,
        "Loops that share the segments and run side by side; as many as there are "
        "cores is fastest where an operation has one of them.",
        minimum=1,
        inference=True,
    )
    warmup_samples: int = config.field(
        800, "Samples that a segment decodes before its own.", minimum=0, inference=True
    )
    temperature: float = config.field(
        1.0,
        "What logits are divided by before a code is drawn; 0 takes the likeliest.",
        minimum=0.0,
        inference=True,
    )
    top_k: int = config.field(
        0,
        "Codes are drawn from so many likeliest ones; 0 takes all.",
        minimum=0,
        inference=True,
    )
    output: str = config.field(
        "drawn",
        "Output value of a sample: the drawn code, as published, or the expected value "
        "over all codes, which has less sampling and rounding noise; after the "
        "warm-up, its code is what the next samples are conditioned on.",
        choices=OUTPUTS,
        inference=True,
    )
    sampling_seed: int = config.field(
        0, "Seed of the codes that are drawn.", minimum=0, inference=True
    )
    arithmetic: str = config.field(
        "float32", "Arithmetic of the decoding.", choices=ARITHMETICS, inference=True
    )
    weights: dict = config.field(
        {
            "reconstruction": 1.0,
            "paired": 0.0,
            "spectrum": 0.0,
            "confusion": 0.01,
            "classifier": 0.01,
        },
        "Weight of each loss term.",
    )
    warmup: dict = config.field(
        {"confusion": 0.0}, "Steps over which a term's weight rises from zero."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pre_emphasis >= 1.0:
            raise ValueError(f"pre_emphasis={self.pre_emphasis} must be below 1.")
        if self.top_k > mu_law.LEVELS:
            raise ValueError(f"top_k={self.top_k} must be at most {mu_law.LEVELS}.")
        if self.encoder_pretraining_steps and not any(
            map(self.weights.get, ENCODER_TERMS)
        ):
            raise ValueError(
                f"encoder_pretraining_steps={self.encoder_pretraining_steps} needs a "
                "term that the encoder learns from without decoders; give "
                "--weights=spectrum:50."
            )
