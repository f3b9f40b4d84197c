import dataclasses
import json

import pytest
from absl import flags

from tf_mt import config, models


@dataclasses.dataclass(frozen=True)
class Example(config.Config):
    count: int = config.field(3, "How many.", minimum=1)
    rate: float = config.field(0.5, "How fast.")
    kind: str = config.field("plain", "Which.", choices=("plain", "fancy"))
    on: bool = config.field(False, "Whether.")
    weights: dict = config.field({"a": 1.0, "b": 2.0}, "How much.")


def parsed(*arguments):
    values = flags.FlagValues()
    config.define_flags(values, "example", Example)
    values(["program", *arguments])
    return values


def test_json_round_trip():
    example = Example(count=7, weights={"b": 5})
    again = Example.from_json(json.loads(json.dumps(example.to_json())))
    assert again == example
    assert dict(again.weights) == {"a": 1.0, "b": 5.0}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 0}, "count=0 must be at least 1"),
        ({"count": "3"}, "count='3' must be of type int"),
        ({"count": True}, "count=True must be of type int"),
        ({"kind": "fanzy"}, "kind='fanzy' is not known; did you mean 'fancy'"),
        ({"weights": {"c": 1.0}}, "weights key='c' is not known"),
        ({"weights": {"a": "1"}}, "must be a number"),
    ],
)
def test_refuses_wrong_values(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        Example(**values)


def test_refuses_unknown_field():
    with pytest.raises(ValueError, match="config field='cuont' is not known"):
        Example.from_json({"cuont": 3})


def test_flags_change_only_what_they_name():
    preset = Example(count=9, weights={"a": 4.0})
    values = parsed("--rate=2", "--weights=b:0.25", "--on", "--kind=fancy")
    assert config.read_flags(preset, values) == Example(
        count=9, rate=2.0, kind="fancy", on=True, weights={"a": 4.0, "b": 0.25}
    )


def test_flags_without_arguments_leave_the_preset():
    preset = Example(count=9)
    assert config.read_flags(preset, parsed()) == preset


def test_ill_formed_mapping_flag():
    with pytest.raises(flags.IllegalFlagValueError, match="key:number"):
        parsed("--weights=a=1")


def test_unknown_flag_names_the_nearest():
    with pytest.raises(flags.UnrecognizedFlagError, match="Did you mean: rate"):
        parsed("--rat=1")


def test_peek_flag_ignores_what_it_does_not_know():
    arguments = ["program", "--other=3", "--approach=vae_gan", "--stem", "8"]
    assert config.peek_flag("approach", arguments) == "vae_gan"
    assert config.peek_flag("approach", ["program"]) is None


def test_differences_name_the_leaves():
    mine = {"a": {"b": 1, "c": 2}, "d": 3}
    theirs = {"a": {"b": 1, "c": 5}, "e": 4}
    assert config.differences(mine, theirs) == [
        "a.c=2, not 5",
        "d=3, not None",
        "e=None, not 4",
    ]


@pytest.mark.parametrize("approach", models.APPROACHES)
def test_fields_of_an_approach_have_names_of_their_own(approach):
    def names(kind):
        return {field.name for field in dataclasses.fields(kind)}

    hparams = models.approach(approach).config_class
    assert not names(hparams) & names(config.Training)


def test_every_field_has_a_help_sentence():
    kinds = [config.Training, *(a.config_class for a in models.APPROACHES.values())]
    for kind in kinds:
        for field in dataclasses.fields(kind):
            assert field.metadata["help"].endswith("."), field.name
