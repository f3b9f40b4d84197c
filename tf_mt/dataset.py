"""Descriptions of a dataset and of its batches, shared by models and data."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tf_mt import names

# What the slots of a batch hold; see `batch_features`.
FORMS = ("mixed", "stacked", "paired", "indexed")
_ALL_DOMAINS = ("stacked", "paired")

# The row of a clip that is not in the grid of training clips.
NO_ROW = -1

# What the encoder hears where that is of none of the domains.
NO_DOMAIN = -1


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """What a model must know of the dataset it is trained on.

    Attributes:
        name: The dataset's name, with its configuration where it has several.
        sample_rate_hz: Samples per second of every clip.
        domains: Names of the domains that are translated to; a domain's number is its
            position.
        indexed_clips: Number of clips in the grid of training clips, for a model with
            a row for each; 0 where batches are not "indexed".
    """

    name: str
    sample_rate_hz: int
    domains: tuple[str, ...]
    indexed_clips: int = 0


@dataclasses.dataclass(frozen=True)
class Feature:
    """What a tensor of a batch is.

    Attributes:
        name: Its key in the batch.
        shape: Its shape; None is the number of slots, which replicas divide.
        dtype: The name of its type.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    @property
    def per_slot(self) -> bool:
        """Whether its first axis is that of the slots; else it is one for the step."""
        return self.shape[:1] == (None,)

    def __str__(self) -> str:
        return _described(self.dtype, self.shape)


def batch_features(
    form: str, domains: int, clip_samples: int, encoder_audio: bool = False
) -> dict[str, Feature]:
    """Declares the features of a training batch.

    * `audio`: float32 `[slots, samples]`; `[slots, domains, samples]` where each slot
      has a clip of every domain.
    * `domain`: int32, the domain number of each clip.
    * `encoder_audio`: float32 as `audio`, the encoder's input in place of it; only
      where augmentation changes it.
    * `encoder_domain`: int32 as `domain`, that of `encoder_audio`, and there with it:
      `NO_DOMAIN` where an instrument that is heard only plays the same music.
    * `clip`: int32 `[slots]`, the row of each clip in the grid of training clips, or
      `NO_ROW`; only in the form "indexed".
    * `seed`: int32 `[2]`, another one for each step.
    * `step`: int64 scalar, the number of the step, from 0.

    Args:
        form: "mixed": each slot has a clip of one domain. "stacked": each slot has a
            clip of every domain. "paired": the same, and the clips of a slot are the
            same music at the same time. "indexed": each slot has a clip of a fixed
            grid.
        domains: The number of domains.
        clip_samples: The length of a clip.
        encoder_audio: Whether the encoder has an input of its own.

    Returns:
        The features by their names.

    Raises:
        ValueError: If the form is not known.
    """
    if form not in FORMS:
        raise ValueError(names.unknown("form", form, FORMS))
    clips = (None, domains) if form in _ALL_DOMAINS else (None,)
    features = [
        Feature("audio", (*clips, clip_samples), "float32"),
        Feature("domain", clips, "int32"),
        Feature("seed", (2,), "int32"),
        Feature("step", (), "int64"),
    ]
    if encoder_audio:
        features.append(Feature("encoder_audio", (*clips, clip_samples), "float32"))
        features.append(Feature("encoder_domain", clips, "int32"))
    if form == "indexed":
        features.append(Feature("clip", clips, "int32"))
    return {feature.name: feature for feature in features}


def check_batch(features: Mapping[str, Feature], spec: Mapping[str, Any]) -> None:
    """Checks a batch against its declaration.

    Args:
        features: The declaration, from `batch_features`.
        spec: By name, tensors or the `element_spec` of a `tf.data.Dataset`.

    Raises:
        ValueError: If a feature is missing, not declared, or of another shape or type.
    """
    for name, feature in features.items():
        found = "missing"
        if name in spec:
            shape, dtype = spec[name].shape, spec[name].dtype.name
            if dtype == feature.dtype and _fits(shape, feature.shape):
                continue
            found = _described(dtype, None if shape.rank is None else tuple(shape))
        raise ValueError(
            f"batch feature {name!r} must be {feature} but is {found}; "
            "tf_mt.dataset.batch_features declares what a batch has."
        )
    if undeclared := sorted(spec.keys() - features.keys()):
        raise ValueError(
            f"batch feature {undeclared[0]!r} is not declared; this batch has "
            f"{', '.join(features)}. Add it to tf_mt.dataset.batch_features."
        )


def _fits(found: Any, declared: tuple[int | None, ...]) -> bool:
    return found.rank == len(declared) and all(
        wanted in (None, size) for size, wanted in zip(found, declared, strict=True)
    )


def _described(dtype: str, shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return f"{dtype} of unknown shape"
    return f"{dtype} [{', '.join('?' if n is None else str(n) for n in shape)}]"
