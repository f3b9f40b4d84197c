"""The approaches, by name."""

from typing import NamedTuple

from tf_mt import config, keras_settings, names

# Before the models, whose layers are laid out for these settings.
keras_settings.check()

from tf_mt.models import cpc, gains, harmonics, translator, umt  # noqa: E402
from tf_mt.models.cyclegan import configuration as cyclegan_configuration  # noqa: E402
from tf_mt.models.cyclegan import model as cyclegan_model  # noqa: E402
from tf_mt.models.lord import amortised as lord_amortised  # noqa: E402
from tf_mt.models.lord import configuration as lord_configuration  # noqa: E402
from tf_mt.models.lord import model as lord_model  # noqa: E402
from tf_mt.models.vae_gan import configuration as vae_gan_configuration  # noqa: E402
from tf_mt.models.vae_gan import model as vae_gan_model  # noqa: E402
from tf_mt.models.vqvae import configuration as vqvae_configuration  # noqa: E402
from tf_mt.models.vqvae import model as vqvae_model  # noqa: E402


class Approach(NamedTuple):
    """A family of models.

    Attributes:
        config_class: Class of its configuration.
        model: Its `Translator`.
        presets: Its named configurations.
    """

    config_class: type[config.Config]
    model: type[translator.Translator]
    presets: dict[str, config.Preset]


APPROACHES = {
    "umt": Approach(umt.Config, umt.Umt, umt.PRESETS),
    "cpc_gru": Approach(cpc.Config, cpc.CpcGru, cpc.GRU_PRESETS),
    "cpc_wavenet": Approach(cpc.WaveNetConfig, cpc.CpcWaveNet, cpc.WAVENET_PRESETS),
    "cyclegan": Approach(
        cyclegan_configuration.Config,
        cyclegan_model.CycleGan,
        cyclegan_configuration.PRESETS,
    ),
    "gains": Approach(gains.Config, gains.Gains, gains.PRESETS),
    "harmonics": Approach(harmonics.Config, harmonics.HarmonicMeans, harmonics.PRESETS),
    "lord": Approach(
        lord_configuration.Config, lord_model.Lord, lord_configuration.PRESETS
    ),
    "lord_amortised": Approach(
        lord_configuration.AmortisedConfig,
        lord_amortised.LordAmortised,
        lord_configuration.AMORTISED_PRESETS,
    ),
    "vae_gan": Approach(
        vae_gan_configuration.Config,
        vae_gan_model.VaeGan,
        vae_gan_configuration.PRESETS,
    ),
    "vqvae": Approach(
        vqvae_configuration.Config, vqvae_model.VqVae, vqvae_configuration.PRESETS
    ),
}


def approach(name: str) -> Approach:
    """Returns the approach of that name.

    Raises:
        ValueError: There is none; the message lists those there are.
    """
    if name not in APPROACHES:
        raise ValueError(names.unknown("approach", name, APPROACHES))
    return APPROACHES[name]


def preset(approach_name: str, preset_name: str) -> config.Preset:
    """Returns a preset of an approach.

    Raises:
        ValueError: There is none of that name; the message lists those there are.
    """
    presets = approach(approach_name).presets
    if preset_name not in presets:
        raise ValueError(names.unknown("preset", preset_name, presets))
    return presets[preset_name]
