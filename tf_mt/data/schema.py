"""The stored schema: the features of one example, a chunk of a recording."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

AUDIO = "audio"

# The stored domain of a recording that is of none of them.
NO_DOMAIN = -1


class Chunk(NamedTuple):
    """What is stored of a chunk beside its audio and the dataset's own labels.

    Attributes:
        sample_rate: Samples per second.
        domain: What the recording is an instance of (an instrument, a composer, ...):
            its name where it is written, its number or `NO_DOMAIN` where it is read.
        recording: The id of the recording, unique within the dataset.
        offset: The position of the chunk in its recording, in samples.
        piece: The id that sample-aligned recordings of one performance in several
            domains have in common; empty where there are none.
    """

    sample_rate: int
    domain: str | int
    recording: str
    offset: int
    piece: str


def features() -> dict[str, Any]:
    """Returns the TFDS features that every dataset has."""
    return {
        # Samples, int16, mono. The Audio feature of TFDS takes three times the space.
        AUDIO: tfds.features.Tensor(shape=(None,), dtype=np.int16, encoding="bytes"),
        **Chunk(
            sample_rate=np.int32,
            domain=tfds.features.ClassLabel(),
            recording=tfds.features.Text(),
            offset=np.int64,
            piece=tfds.features.Text(),
        )._asdict(),
    }


def are_in(stored: tfds.features.FeaturesDict) -> bool:
    """Whether a dataset of these features is one of recordings."""
    return features().keys() <= stored.keys()


def example(pcm: bytes, chunk: Chunk) -> dict[str, Any]:
    """Returns the features of one example, as TFDS encodes them.

    Args:
        pcm: Its samples, 16-bit, little-endian.
        chunk: What else is stored of it; `domain` is the name of one or `NO_DOMAIN`.
    """
    return {AUDIO: np.frombuffer(pcm, "<i2"), **chunk._asdict()}


def parse(stored: Mapping[str, tf.train.Feature]) -> Chunk:
    """Reads what is stored of a chunk beside its audio.

    Args:
        stored: The features of its `tf.train.Example`.

    Raises:
        ValueError: If one of them is missing.
    """
    return Chunk(
        sample_rate=_number(stored, "sample_rate"),
        domain=_number(stored, "domain"),
        recording=_text(stored, "recording"),
        offset=_number(stored, "offset"),
        piece=_text(stored, "piece"),
    )


def _number(stored: Mapping[str, tf.train.Feature], name: str) -> int:
    return _only(name, stored[name].int64_list.value)


def _text(stored: Mapping[str, tf.train.Feature], name: str) -> str:
    return _only(name, stored[name].bytes_list.value).decode()


def _only(name: str, values: Any) -> Any:
    if len(values) != 1:
        raise ValueError(
            f"feature {name!r} has {len(values)} values and must have one; the dataset "
            "is damaged or is none of recordings: convert it again."
        )
    return values[0]
