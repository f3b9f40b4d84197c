"""A run folder: what was trained, its checkpoints and its logs.

```
config.json            what is trained, hparams, dataset: all that weights depend on
checkpoints/00000500/  weights.h5 (model and optimizers) and state.json, after 500 steps
logs/                  TensorBoard
```
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from tf_mt import atomic, config, dataset, models, weights_file
from tf_mt.models import translator, translator_config
from tf_mt.training import precision

KEPT_CHECKPOINTS = 2
WEIGHTS = "model.weights.h5"


class Run:
    """The folder of one training.

    Args:
        path: The folder; it need not exist yet.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.logs = self.path / "logs"
        self._config = self.path / "config.json"
        self._checkpoints = self.path / "checkpoints"

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is one to go on from; without one, a run is new."""
        return self._config.exists() and bool(self._steps())

    def settle(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Writes the settings of a new run, or compares them with those of an old one.

        Args:
            settings: JSON tree with all that the weights depend on.

        Returns:
            The settings of the run. Those of an old one may differ in what a place or a
            machine decides: the path of the run that it was initialised from, and what
            precision `auto` was.

        Raises:
            ValueError: The run was begun with other settings; names each.
        """
        if not self.has_checkpoint:
            with atomic.path(self._config) as temporary:
                temporary.write_text(json.dumps(settings, indent=2) + "\n")
            return self.settings()
        begun = self.settings()
        found = config.differences(_comparable(settings), _comparable(begun))
        if found:
            raise ValueError(
                f"run={self.path} was begun with other settings: {'; '.join(found)}. "
                "Give the same flags to go on, or another --run to begin anew."
            )
        return begun

    def settings(self) -> dict[str, Any]:
        """Returns the settings that the run was begun with.

        Raises:
            FileNotFoundError: The folder holds no run.
        """
        if not self._config.exists():
            raise FileNotFoundError(
                f"run={self.path} holds no config.json; give a folder that the --run "
                "of `python -m tf_mt.train` or `tf_mt.train_vocoder` made."
            )
        return _upgraded(json.loads(self._config.read_text()))

    def save(self, model: keras.Model, step: int, history: list[dict]) -> None:
        """Writes a checkpoint, whole or not at all, and drops old ones.

        Args:
            model: Its weights and those of its optimizers are kept.
            step: Steps done.
            history: What was logged so far, one dict per epoch.
        """
        with atomic.path(self._checkpoints / f"{step:08d}") as temporary:
            temporary.mkdir()
            weights_file.save(model, temporary / WEIGHTS, _optimizers(model))
            state = {"step": step, "history": history}
            (temporary / "state.json").write_text(json.dumps(state))
        for old in self._steps()[:-KEPT_CHECKPOINTS]:
            shutil.rmtree(self._checkpoints / f"{old:08d}")

    def restore(self, model: keras.Model) -> tuple[int, list[dict]]:
        """Loads the newest checkpoint, if there is one.

        Args:
            model: Compiled as it was when it was saved.

        Returns:
            The steps done and what was logged; 0 and an empty list for a new run.
        """
        steps = self._steps()
        if not steps:
            return 0, []
        newest = self._checkpoints / f"{steps[-1]:08d}"
        model.load_weights(newest / WEIGHTS)
        state = json.loads((newest / "state.json").read_text())
        return state["step"], state["history"]

    def weights(self) -> Path:
        """Returns the weights file of the newest checkpoint.

        Raises:
            FileNotFoundError: The run has none yet.
        """
        steps = self._steps()
        if not steps:
            raise FileNotFoundError(
                f"run={self.path} has no checkpoint yet; train it for an epoch first."
            )
        return self._checkpoints / f"{steps[-1]:08d}" / WEIGHTS

    def _steps(self) -> list[int]:
        if not self._checkpoints.is_dir():
            return []
        return sorted(
            int(p.name) for p in self._checkpoints.iterdir() if p.name.isdigit()
        )


def _optimizers(model: keras.Model) -> list[keras.optimizers.Optimizer]:
    """Those of a model's parts; none before it is compiled."""
    return list(getattr(model, "optimizers", {}).values())


def _upgraded(settings: dict[str, Any]) -> dict[str, Any]:
    """Brings the settings of a run that an older version began into today's form."""
    # Fields that are newer than the run do nothing by default.
    settings["training"] = config.Training().to_json() | settings["training"]
    settings.setdefault("resolved_precision", settings["training"]["precision"])
    if isinstance(settings.get("init_from"), str):
        settings["init_from"] = {"run": settings["init_from"]}
    if "approach" in settings:
        model = settings["model"]
        if "listening_steps" in model:
            model["encoder_pretraining_steps"] = model.pop("listening_steps")
        # It changes no weight; what is new is the default, as of any inference option.
        model.setdefault("loudness", translator_config.SOURCE)
    return settings


def _comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without what may differ between two commands for the same run."""
    copied = json.loads(json.dumps(settings))
    copied.pop("resolved_precision", None)
    copied.get("init_from", {}).pop("run", None)
    return copied


def build(settings: Mapping[str, Any]) -> translator.Translator:
    """Makes the untrained model of a run's settings.

    Layers take the precision that is set when this is called.

    Args:
        settings: As `settings_of` gives them.
    """
    model = models.approach(approach_of(settings)).model
    return model(config_of(settings), info_of(settings))


def info_of(settings: Mapping[str, Any]) -> dataset.DatasetInfo:
    """Returns what a run's model knows of its dataset.

    Args:
        settings: As `settings_of` gives them.
    """
    stored = settings["dataset"]
    return dataset.DatasetInfo(
        stored["name"],
        stored["sample_rate_hz"],
        tuple(stored["domains"]),
        stored.get("indexed_clips", 0),
    )


def settings_of(
    approach: str, preset: config.Preset, info: dataset.DatasetInfo
) -> dict[str, Any]:
    """Gathers all that a run's weights depend on, as JSON."""
    return {"approach": approach, **trained_with(preset, info)}


def trained_with(preset: config.Preset, info: dataset.DatasetInfo) -> dict[str, Any]:
    """The settings that runs of all kinds of models have, as JSON.

    Precision is there twice: as it was given, and which one "auto" is on this machine.
    """
    return {
        "model": preset.model.to_json(),
        "training": preset.training.to_json(),
        "dataset": {
            "name": info.name,
            "sample_rate_hz": info.sample_rate_hz,
            "domains": list(info.domains),
            **({"indexed_clips": info.indexed_clips} if info.indexed_clips else {}),
        },
        "resolved_precision": precision.resolved(preset.training.precision),
    }


def approach_of(settings: Mapping[str, Any]) -> str:
    """Returns the name of the approach that a run is of.

    Args:
        settings: As `settings_of` gives them.

    Raises:
        ValueError: They are those of a vocoder.
    """
    if "approach" not in settings:
        raise ValueError(
            "run: it is of a vocoder, which translates nothing by itself; give the run "
            "of a model that does."
        )
    return settings["approach"]


def config_of(settings: Mapping[str, Any]) -> config.Config:
    """Returns the configuration of a run's network.

    Args:
        settings: As `settings_of` gives them.

    Raises:
        ValueError: They are those of a vocoder.
    """
    config_class = models.approach(approach_of(settings)).config_class
    return config_class.from_json(settings["model"])


def load_model(
    path: Path, hparams: config.Config | None = None
) -> translator.Translator:
    """Returns the model of a run with its newest weights, in float32.

    Args:
        path: The run folder.
        hparams: Its configuration with other inference options; None for the run's own.

    Raises:
        FileNotFoundError: It holds no run, or no checkpoint yet.
    """
    run = Run(path)
    settings = run.settings()
    if hparams is not None:
        settings["model"] = hparams.to_json()
    weights = run.weights()
    model = build(settings)
    model.load_weights(weights)
    return model
