"""Stores recordings on many machines, with Apache Beam."""

import dataclasses
import functools
import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options import pipeline_options

from tf_mt.data import chunk, storing

_LEFT_OUT = "left_out"


def options(line: str) -> pipeline_options.PipelineOptions:
    """Reads Beam's options from one line.

    Args:
        line: As on Beam's own command lines: "--runner=FlinkRunner --parallelism=8".

    Raises:
        ValueError: If it does not name a runner.
    """
    made = pipeline_options.PipelineOptions(shlex.split(line))
    if made.view_as(pipeline_options.StandardOptions).runner is None:
        raise ValueError(
            f"beam_options={line!r} must name a runner, such as --runner=DirectRunner."
        )
    return made


class Examples(beam.PTransform):
    """The examples of a split, each recording read by a worker that is free.

    What had to be left out is written beside the examples; see `left_out`.

    Args:
        split: The name of the split.
        plan: How a recording is read.
        sample_rate_hz: The rate that it is stored at.
        folder: Where the dataset is written; all workers see it.
    """

    def __init__(
        self, split: str, plan: storing.Plan, sample_rate_hz: int, folder: Path
    ):
        super().__init__()
        self.recordings = plan.recordings[split]
        self.list_path = _list_path(folder, split)
        # The workers have no use for the list of all recordings.
        lean = dataclasses.replace(plan, recordings={})
        self.read = functools.partial(_read, lean, sample_rate_hz)

    def expand(self, pipeline: Any) -> Any:
        """Key and features of every chunk; see `beam.PTransform`."""
        found = (
            pipeline
            | beam.Create(self.recordings, reshuffle=True)
            | beam.FlatMap(self.read).with_outputs(_LEFT_OUT, main="examples")
        )
        _ = (
            found[_LEFT_OUT]
            | beam.combiners.ToList()
            | beam.Map(_write_list, self.list_path)
        )
        return found["examples"]


def left_out(folder: Path, splits: Sequence[str]) -> Iterator[Exception]:
    """What the workers left out, and why.

    Args:
        folder: The `folder` of `Examples`.
        splits: The splits that were made.

    Yields:
        The errors of `storing.spool`.
    """
    kinds = {k.__name__: k for k in (storing.UnreadableError, storing.SilentError)}
    for split in splits:
        path = _list_path(folder, split)
        for kind, reason in json.loads(path.read_text()):
            yield kinds[kind](reason)
        path.unlink()


def _list_path(folder: Path, split: str) -> Path:
    return Path(folder) / f"left_out_{split}.json"


def _read(
    plan: storing.Plan, sample_rate_hz: int, recording: chunk.Source
) -> Iterator[Any]:
    try:
        with storing.spool(plan, recording, sample_rate_hz) as spooled:
            yield from spooled.examples()
    except (storing.UnreadableError, storing.SilentError) as error:
        yield beam.pvalue.TaggedOutput(_LEFT_OUT, (type(error).__name__, str(error)))


def _write_list(reasons: list[tuple[str, str]], path: Path) -> None:
    path.write_text(json.dumps(sorted(reasons)))
