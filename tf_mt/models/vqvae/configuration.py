"""Configuration of the VQ-VAE, and its presets."""

import dataclasses

from tf_mt import config
from tf_mt.models import translator_config

METHODS = ("none", "codebook", "adain", "wct", "harmonics")
NONE, CODEBOOK, ADAIN, WCT, HARMONICS = METHODS


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    """Config of the VQ-VAE; the defaults are the paper's."""

    levels: int = config.field(3, "Independent autoencoders.", minimum=1)
    first_halvings: int = config.field(
        3, "How often the lowest level halves the number of samples.", minimum=1
    )
    further_halvings: int = config.field(
        2, "How often each level halves it more than the level below.", minimum=1
    )
    first_width: int = config.field(
        64, "Channels of the convolutions of the lowest level.", minimum=1
    )
    first_depth: int = config.field(
        8, "Residual layers after each halving of the lowest level.", minimum=1
    )
    width: int = config.field(
        32, "Channels of the convolutions of the other levels.", minimum=1
    )
    depth: int = config.field(
        4, "Residual layers after each halving of the other levels.", minimum=1
    )
    codes: int = config.field(2048, "Codes of each level.", minimum=2)
    clip_samples: int = config.field(
        393_216, "Length of a training clip in samples.", minimum=256
    )
    average: float = config.field(
        0.99,
        "Share of the old average when the weights, which translate, are averaged.",
        minimum=0.0,
    )
    method: str = config.field(
        ADAIN,
        "How the features of a clip are given the statistics of a reference: the codes "
        "that the reference used, adaptive instance normalisation (AdaIN), whitening "
        "and colouring (WCT), or not at all, which reconstructs; harmonics gives what "
        "is decoded the reference's mean levels at multiples of the pitch.",
        choices=METHODS,
        inference=True,
    )
    level: int = config.field(
        2,
        "Number of the level that is heard; 0 is the lowest.",
        minimum=0,
        inference=True,
    )
    strength: float = config.field(
        1.0,
        "How far AdaIN and WCT go, from 0, which reconstructs, to 1.",
        minimum=0.0,
        inference=True,
    )
    splits: str = config.field(
        "all",
        "Numbers of the layers of the decoder behind which AdaIN and WCT act, with "
        "commas, or all.",
        inference=True,
    )
    weights: dict = config.field(
        {"waveform": 1.0, "peaks": 0.02, "spectral": 1.0, "commitment": 0.02},
        "Weight of each loss term.",
    )
    warmup: dict = config.field({}, "Steps over which a term's weight rises from zero.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average >= 1.0:
            raise ValueError(f"average={self.average} must be below 1.")
        if self.level >= self.levels:
            raise ValueError(
                f"level={self.level} must be below levels={self.levels}; the highest "
                f"is {self.levels - 1}."
            )
        if self.strength > 1.0:
            raise ValueError(f"strength={self.strength} must be 1 or less.")
        highest = self.hop(self.levels - 1)
        if self.clip_samples % highest:
            raise ValueError(
                f"clip_samples={self.clip_samples} must be a multiple of {highest}, a "
                "feature of the highest level."
            )
        self.chosen_splits(self.layers_of_decoder)

    def halvings(self, level: int) -> list[int]:
        """How often each block of a level's encoder halves."""
        return [self.first_halvings] + [self.further_halvings] * level

    def hop(self, level: int) -> int:
        """Samples that a feature of a level stands for."""
        return 2 ** sum(self.halvings(level))

    def sizes(self, level: int) -> tuple[int, int]:
        """Width and depth of a level."""
        if level == 0:
            return self.first_width, self.first_depth
        return self.width, self.depth

    @property
    def layers_of_decoder(self) -> int:
        """Layers of the decoder of the level that is heard."""
        halvings = self.halvings(self.level)
        return sum(halvings) * (1 + self.sizes(self.level)[1]) + len(halvings) + 1

    def chosen_splits(self, layers: int) -> list[int]:
        """Which layers of a decoder AdaIN and WCT act behind.

        Args:
            layers: How many it has; the last gives audio, and is none of them.

        Raises:
            ValueError: `splits` is neither "all" nor their numbers.
        """
        if self.splits == "all":
            return list(range(layers - 1))
        try:
            numbers = [int(number) for number in self.splits.split(",")]
        except ValueError:
            numbers = [-1]
        if not all(0 <= number < layers - 1 for number in numbers):
            raise ValueError(
                f"splits={self.splits!r} must be all, or numbers from 0 to "
                f"{layers - 2} with commas."
            )
        return sorted(set(numbers))


PRESETS = {
    "paper": config.Preset(
        Config(),
        config.Training(
            steps=384_000,
            epoch_steps=1000,
            batch_size=256,
            learning_rate=3e-4,
            warmup_steps=100,
            decay_from=1.0,
            clip_norm=1.0,
        ),
    ),
    "small": config.Preset(
        Config(
            levels=2,
            first_width=32,
            first_depth=4,
            codes=1024,
            clip_samples=16_384,
            level=1,
        ),
        config.Training(
            steps=5000,
            epoch_steps=500,
            batch_size=8,
            learning_rate=3e-4,
            warmup_steps=100,
            decay_from=0.5,
            clip_norm=1.0,
            validation_batches=4,
            sampled_epochs=2,
        ),
    ),
    "tiny": config.Preset(
        Config(
            levels=2,
            first_halvings=2,
            further_halvings=1,
            first_width=8,
            first_depth=2,
            width=8,
            depth=2,
            codes=16,
            clip_samples=2048,
            level=1,
        ),
        config.Training(steps=4, epoch_steps=2, batch_size=2, validation_batches=1),
    ),
}
