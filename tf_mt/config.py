"""Configurations: frozen dataclasses, from which flags, help and JSON are derived."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from absl import flags

from tf_mt import names


def field(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    minimum: float | None = None,
    inference: bool = False,
) -> Any:
    """Declares one field of a `Config` class.

    Args:
        default: The value when nobody sets it; its type is the field's type. A dict's
            keys are all the keys that it may have.
        help: A whole sentence, shown by `--help`.
        choices: The only strings allowed.
        minimum: The smallest number allowed.
        inference: Whether it is an inference option: it changes what a trained model
            gives, not its weights, so it can be changed after the training.

    Returns:
        A dataclass field.
    """
    metadata = {
        "help": help,
        "choices": choices,
        "minimum": minimum,
        "inference": inference,
    }
    if isinstance(default, dict):
        return dataclasses.field(
            default_factory=lambda: types.MappingProxyType(default),
            metadata=metadata,
        )
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of every configuration: checks its values when it is made.

    Raises:
        ValueError: A value has the wrong type, is no choice, or is too small.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            object.__setattr__(self, field.name, _checked(field, value))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Makes the configuration that `to_json` wrote."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise ValueError(names.unknown("config field", name, known))
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Returns the values as JSON can hold them."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in values.items()
        }


def _checked(field: dataclasses.Field, value: Any) -> Any:
    if field.default is dataclasses.MISSING:
        return _checked_mapping(field, value)
    wanted = type(field.default)
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise ValueError(f"{field.name}={value!r} must be of type {wanted.__name__}.")
    choices, minimum = field.metadata["choices"], field.metadata["minimum"]
    if choices is not None and value not in choices:
        raise ValueError(names.unknown(field.name, value, choices))
    if minimum is not None and value < minimum:
        raise ValueError(f"{field.name}={value} must be at least {minimum}.")
    return value


def _checked_mapping(field: dataclasses.Field, value: Mapping) -> Mapping:
    defaults = field.default_factory()
    for key, number in value.items():
        if key not in defaults:
            raise ValueError(names.unknown(f"{field.name} key", key, defaults))
        if not isinstance(number, int | float):
            raise ValueError(f"{field.name}[{key!r}]={number!r} must be a number.")
    merged = {**defaults, **{key: float(number) for key, number in value.items()}}
    return types.MappingProxyType(merged)


@dataclasses.dataclass(frozen=True)
class Training(Config):
    """How a model is trained, whatever its approach."""

    steps: int = field(10_000, "Optimisation steps of the whole run.", minimum=1)
    epoch_steps: int = field(
        500,
        "Steps between two checkpoints; validation and logs come with each.",
        minimum=1,
    )
    batch_size: int = field(
        8,
        "Examples per step over all replicas; an example is one clip, or one clip of "
        "every domain for an approach that trains on stacks.",
        minimum=1,
    )
    learning_rate: float = field(1e-4, "Adam's highest step size.", minimum=0.0)
    beta_1: float = field(0.9, "Adam's decay of the first moment.", minimum=0.0)
    warmup_steps: int = field(
        0, "Steps over which the step size rises from zero.", minimum=0
    )
    decay_from: float = field(
        0.5,
        "Share of the run after which the step size falls linearly to zero; 1 keeps "
        "it constant.",
        minimum=0.0,
    )
    clip_norm: float = field(
        0.0, "Largest global norm of a part's gradient; 0 does not clip.", minimum=0.0
    )
    precision: str = field(
        "float32",
        "Arithmetic of the layers; losses and spectrograms stay float32. auto takes "
        "what is fastest on the machine where the run begins.",
        choices=("float32", "mixed_bfloat16", "auto"),
    )
    gain_db: float = field(
        0.0, "Each clip is made louder or softer by up to so much.", minimum=0.0
    )
    noise_db: float = field(
        -120.0, "Level of the white noise added to each clip; -120 adds none."
    )
    pitch_semitones: float = field(
        0.0,
        "A stretch of the encoder input of each clip is detuned by up to so many "
        "semitones; 0 detunes none.",
        minimum=0.0,
    )
    equaliser_db: float = field(
        0.0,
        "The encoder input of each clip goes through a random smooth equaliser of up "
        "to so much.",
        minimum=0.0,
    )
    room_seconds: float = field(
        0.0,
        "The encoder input of each clip sounds as in a random room of up to this "
        "reverberation time; 0 is none.",
        minimum=0.0,
    )
    coloured_noise_db: float = field(
        -120.0,
        "Level, relative to the clip, of the noise between white and brown that is "
        "added to each encoder input; -120 adds none.",
    )
    clipping_db: float = field(
        0.0,
        "The encoder input of each clip is clipped at up to so much below its peak.",
        minimum=0.0,
    )
    band_hz: float = field(
        0.0,
        "The encoder input of each clip goes through a low-pass whose cut-off "
        "frequency is at least this; 0 has none.",
        minimum=0.0,
    )
    heard_share: float = field(
        0.0,
        "Share of the clips, up to 1, for which the encoder hears the same music by an "
        "instrument that is heard only (--heard_domains); for batches of pairs.",
        minimum=0.0,
    )
    validation_batches: int = field(
        8, "Batches of the validation split that each epoch is tested on.", minimum=1
    )
    sampled_epochs: int = field(
        10, "Epochs of the run that log sound and spectrograms.", minimum=0
    )
    seed: int = field(0, "Seed of the weights, the clips and all noise.", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps % self.epoch_steps:
            raise ValueError(
                f"steps={self.steps} must be a multiple of "
                f"epoch_steps={self.epoch_steps}."
            )
        if self.heard_share > 1.0:
            raise ValueError(f"heard_share={self.heard_share} must be at most 1.")


class Preset(NamedTuple):
    """A named configuration of an approach: of its network and of its training."""

    model: Config
    training: Training


def define_flags(
    flag_values: flags.FlagValues,
    module: str,
    *kinds: type[Config],
    inference: bool = False,
):
    """Defines a flag for each field; without it the preset's value stays.

    Args:
        flag_values: Where to define them.
        module: The heading under which `--help` lists them.
        *kinds: Configuration classes with no name in common.
        inference: Whether to define inference options only.
    """
    for kind in kinds:
        for field in dataclasses.fields(kind):
            if inference and not field.metadata["inference"]:
                continue
            flags.DEFINE_flag(_flag(field), flag_values, module_name=module)


def peek_flag(name: str, arguments: list[str]) -> str | None:
    """Returns a string flag's value before the other flags are known.

    Args:
        name: The flag.
        arguments: The whole command line.
    """
    peeked = flags.FlagValues()
    flags.DEFINE_string(name, None, "", flag_values=peeked)
    peeked(arguments, known_only=True)
    return peeked[name].value


def read_flags(preset: Config, flag_values: flags.FlagValues) -> Config:
    """Returns the preset with the values that the command line gives.

    Fields for which no flag is defined stay as they are.

    Raises:
        ValueError: A value breaks its field's rule.
    """
    given = {
        field.name: flag_values[field.name].value
        for field in dataclasses.fields(preset)
        if field.name in flag_values and flag_values[field.name].present
    }
    for name, value in given.items():
        if isinstance(getattr(preset, name), Mapping):
            given[name] = {**getattr(preset, name), **value}
    return dataclasses.replace(preset, **given)


def _flag(field: dataclasses.Field) -> flags.Flag:
    text = field.metadata["help"]
    if field.default is dataclasses.MISSING:
        text += f" Keys: {', '.join(field.default_factory())}; as key:number,key:number"
        parser, serializer = _MappingParser(), _MappingSerializer()
    elif field.metadata["choices"]:
        text += f" One of: {', '.join(field.metadata['choices'])}."
        parser, serializer = flags.ArgumentParser(), flags.ArgumentSerializer()
    else:
        kinds = {
            int: flags.IntegerParser,
            float: flags.FloatParser,
            str: flags.ArgumentParser,
            bool: flags.BooleanParser,
        }
        parser, serializer = kinds[type(field.default)](), flags.ArgumentSerializer()
    if type(field.default) is bool:
        return flags.BooleanFlag(field.name, None, text)
    return flags.Flag(parser, serializer, field.name, None, text)


class _MappingParser(flags.ArgumentParser):
    syntactic_help = "key:number,key:number"

    def parse(self, argument: str | Mapping) -> Mapping[str, float]:
        if not isinstance(argument, str):
            return argument
        pairs = [pair.partition(":") for pair in argument.split(",") if pair]
        try:
            return {key.strip(): float(number) for key, _, number in pairs}
        except ValueError as error:
            raise ValueError(
                f"{argument!r} must have the form {self.syntactic_help}."
            ) from error

    def flag_type(self) -> str:
        return "mapping"


class _MappingSerializer(flags.ArgumentSerializer):
    def serialize(self, value: Mapping[str, float]) -> str:
        return ",".join(f"{key}:{number}" for key, number in value.items())


def differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Lists the leaves in which two JSON trees differ, as `path=mine, not theirs`."""
    found = []
    for name in sorted({*mine, *theirs}):
        left, right = mine.get(name), theirs.get(name)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += [f"{name}.{line}" for line in differences(left, right)]
        elif left != right:
            found.append(f"{name}={left!r}, not {right!r}")
    return found
