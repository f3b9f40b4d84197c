"""Runs of vocoders: their settings, and models for their weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf_mt import config, dataset
from tf_mt.layers import spectrogram, synthesis
from tf_mt.models import translator
from tf_mt.training import run
from tf_mt.vocoders import configuration, vocoder


def front_of(model: translator.Translator) -> spectrogram.LogMel:
    """Returns what the spectrograms that a model generates are of.

    Raises:
        ValueError: It generates none.
    """
    if not hasattr(model, "synthesis"):
        raise ValueError(
            f"run: its model, a {type(model).__name__}, makes no audio from log-mel "
            "spectrograms and has no use for a vocoder; give one that does, such as a "
            "vae_gan or a lord."
        )
    return model.front


def settings_of(
    preset: config.Preset, front: spectrogram.LogMel, info: dataset.DatasetInfo
) -> dict[str, Any]:
    """Gathers all that a vocoder's weights depend on, as JSON."""
    return {"vocoder_of": front.settings, **run.trained_with(preset, info)}


def build(settings: Mapping[str, Any]) -> vocoder.Vocoder:
    """Makes the untrained vocoder of a run's settings.

    Args:
        settings: As `settings_of` gives them.

    Raises:
        ValueError: The run is none of a vocoder.
    """
    if "vocoder_of" not in settings:
        raise ValueError(
            f"vocoder: the run is of the approach {settings['approach']!r}; give one "
            "that `python -m tf_mt.train_vocoder` made."
        )
    front = spectrogram.LogMel(**settings["vocoder_of"])
    hparams = configuration.Config.from_json(settings["model"])
    return vocoder.Vocoder(hparams, front, run.info_of(settings))


def load(path: Path) -> vocoder.Vocoder:
    """Returns the vocoder of a run with its newest weights, in float32.

    Args:
        path: The run folder.

    Raises:
        FileNotFoundError: It holds no run, or no checkpoint yet.
        ValueError: The run is none of a vocoder.
    """
    folder = run.Run(path)
    model = build(folder.settings())
    model.load_weights(folder.weights())
    return model


def attach(model: translator.Translator, made: vocoder.Vocoder) -> None:
    """Has a model make its audio with a vocoder.

    Args:
        model: A trained model of log-mel spectrograms.
        made: A vocoder of the same spectrograms.

    Raises:
        ValueError: The model generates none, or others.
    """
    front = front_of(model)
    differing = {
        name: (value, made.front.settings[name])
        for name, value in front.settings.items()
        if made.front.settings[name] != value
    }
    if differing:
        told = ", ".join(
            f"{name}={own} and not {other}" for name, (own, other) in differing.items()
        )
        raise ValueError(
            f"vocoder: the run's spectrograms have {told}; give one that was trained "
            "with this run as its --front."
        )
    model.synthesis = synthesis.SYNTHESES[model.hparams.phase](
        front, model.hparams.griffin_lim_iterations, made.magnitudes
    )
    # A layer of the model, so that its numbers count as parameters.
    model.vocoder = made.network
