"""How many clips a second are scored, where the time goes, and what sharing saves.

python tests/benchmarks/scorecard.py --seconds=8 --pieces=2
"""

import collections
import contextlib
import functools
import os
import statistics
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import machine
import numpy as np
from absl import flags

from tf_mt import script
from tf_mt.embedders import classifier, cnn, embedder, trained
from tf_mt.evaluation.protocol import (
    analysis,
    audio_cache,
    baselines,
    cases,
    clip_scores,
    reference_set,
    scorecard,
    systems,
)

SECONDS = flags.DEFINE_float("seconds", 8.0, "Length of the clips.", lower_bound=1.0)
PIECES = flags.DEFINE_integer("pieces", 2, "Each is played by three instruments.")
REPEATS = flags.DEFINE_integer("repeats", 3, "Runs of each; their median is printed.")
EMBEDDER = flags.DEFINE_string(
    "embedder", None, "As in tf_mt.evaluate; an untrained network if not given."
)

RATE_HZ = 16_000
NOTE_SECONDS = 0.4
NOTE = np.dtype([("onset_seconds", float), ("duration_seconds", float), ("pitch", int)])
# How strong each instrument's partials are.
PARTIALS = {"bell": (1, 0, 0.5, 0, 0.3), "horn": (1, 0.6, 0.3), "reed": (0.3, 0, 1, 1)}


class Entry(NamedTuple):
    """One piece on one instrument, as an index has it."""

    domain: str
    recording: str
    piece: str
    samples: int


class Recordings:
    """A split of made-up melodies; has what the reader of a dataset has."""

    def __init__(self, split: str):
        samples = round(SECONDS.value * RATE_HZ)
        self.entries = [
            Entry(domain, f"{split}{number}/{domain}", f"{split}{number}", samples)
            for number in range(PIECES.value)
            for domain in PARTIALS
        ]

    def notes(self, entry: Entry) -> np.ndarray:
        """One note after the other, the same for all instruments."""
        random = np.random.default_rng(list(entry.piece.encode()))
        notes = np.zeros(int(SECONDS.value / NOTE_SECONDS), NOTE)
        notes["onset_seconds"] = NOTE_SECONDS * np.arange(len(notes))
        notes["duration_seconds"] = 0.9 * NOTE_SECONDS
        notes["pitch"] = random.integers(55, 80, len(notes))
        return notes

    def audio(self, entry: Entry, start: int, samples: int) -> np.ndarray:
        """Renders the notes of a piece, each with an exponential decay."""
        audio = np.zeros(entry.samples)
        for onset, duration, pitch in self.notes(entry).tolist():
            clock = np.arange(round(duration * RATE_HZ)) / RATE_HZ
            phase = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * clock
            tone = sum(
                a * np.sin(n * phase) for n, a in enumerate(PARTIALS[entry.domain], 1)
            )
            first = round(onset * RATE_HZ)
            audio[first : first + len(tone)] += 0.1 * np.exp(-4 * clock) * tone
        return audio[start : start + samples].astype(np.float32)


class Noise:
    """A system that adds noise; has what a scored system needs."""

    info = types.SimpleNamespace(window_samples=RATE_HZ)

    def translate_stream(
        self, blocks: Iterable[np.ndarray], domain: str
    ) -> Iterator[np.ndarray]:
        """Adds the same noise to each block."""
        del domain
        random = np.random.default_rng(0)
        for audio in blocks:
            yield audio + random.normal(0.0, 0.01, len(audio)).astype(np.float32)

    def resynthesise_stream(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Reverses each block."""
        return map(np.flip, blocks)


class Stopwatch:
    """Adds up the seconds of calls, by their names, in all threads."""

    def __init__(self):
        self.seconds = collections.Counter()
        self._lock = threading.Lock()

    def timed(self, name: str, call: Callable) -> Callable:
        """The same function, whose calls are timed."""

        @functools.wraps(call)
        def run(*given: Any) -> Any:
            began = time.perf_counter()
            found = call(*given)
            with self._lock:
                self.seconds[name] += time.perf_counter() - began
            return found

        return run


class Timed:
    """Stands for a module or an object, and times the functions that are called."""

    def __init__(self, name: str, original: Any, watch: Stopwatch):
        self._name, self._original, self._watch = name, original, watch

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._original, name)
        if callable(value):
            value = self._watch.timed(f"{self._name}.{name}", value)
        # The same from now on, for `Analysis` goes by the function.
        return self.__dict__.setdefault(name, value)


class Run(NamedTuple):
    """What scorecards of the same clips took.

    Attributes:
        wall_seconds: From begin to end.
        cpu_seconds: Of all cores.
        parts: Seconds of each part, of all threads together; they add up to all that
            the cores had.
    """

    wall_seconds: float
    cpu_seconds: float
    parts: dict[str, float]


def main(argv: list[str]) -> None:
    """Prints a table of times; parts below half a percent are left out."""
    with tempfile.TemporaryDirectory() as folder:
        evaluation = _evaluation(Path(folder))
        shared, anew = _by_turns(evaluation, Path(folder))
    rows, clips = len(evaluation.rows), len(evaluation.cases) * len(evaluation.rows)
    print(
        f"{clips} clips of {SECONDS.value:g} s, {rows} of each case, on "
        f"{machine.description()}; embedder: {evaluation.embedder.name}"
    )
    print(f"{'milliseconds of a core per clip':34}{'shared':>8}{'share':>8}{'anew':>8}")
    whole, whole_anew = (sum(run.parts.values()) for run in (shared, anew))
    for name, seconds in sorted(shared.parts.items(), key=lambda part: -part[1]):
        if seconds > 0.005 * whole:
            _line(name, seconds / clips, seconds / whole, anew.parts[name] / clips)
    _line("all", whole / clips, 1.0, whole_anew / clips)
    for name, run in (("shared", shared), ("anew", anew)):
        print(
            f"{name + ':':8}{clips / run.wall_seconds:6.1f} clips/s, "
            f"{1e3 * run.cpu_seconds / clips:.0f} ms of processor time per clip"
        )
    print(
        f"sharing is {anew.wall_seconds / shared.wall_seconds:.2f} times as fast, by "
        f"processor time {anew.cpu_seconds / shared.cpu_seconds:.2f} times"
    )


def _line(name: str, seconds: float, share: float, seconds_anew: float) -> None:
    print(f"{name:34}{1e3 * seconds:8.2f}{share:8.1%}{1e3 * seconds_anew:8.2f}")


def _evaluation(folder: Path) -> scorecard.Evaluation:
    """One model, which adds noise, and the baselines, on made-up pieces."""
    test, train = Recordings("test"), Recordings("train")
    samples = round(SECONDS.value * RATE_HZ)
    chosen = cases.choose(
        *(test.entries, test.entries, train.entries),
        *(tuple(PARTIALS), 0, samples),
        transfer=False,
    )
    cache = audio_cache.AudioCache(
        folder / "audio", test, test, train, RATE_HZ, samples
    )
    modes = (systems.TRANSLATION,)
    noisy = systems.ScoredSystem("noisy", "noisy", Noise(), Noise.info, modes)
    for case in chosen:
        cache.write_case(case)
        cache.write_outputs(noisy, systems.TRANSLATION, case)
        cache.write_resynthesis(noisy, case)
    rows = baselines.rows(cache, [noisy], chosen)
    found = _embedder()
    targets = reference_set.embed(found, train, tuple(PARTIALS), RATE_HZ, samples)
    return scorecard.Evaluation(cache, rows, chosen, RATE_HZ, found, targets, folder)


def _embedder() -> embedder.Embedder:
    if EMBEDDER.value:
        return embedder.load(EMBEDDER.value)
    about = classifier.About(
        architecture="cnn",
        sizes={},
        front=cnn.front_end(RATE_HZ).settings,
        frames=cnn.FRAMES,
        dataset="nothing",
        domains=tuple(PARTIALS),
        steps=0,
        seed=0,
        validation_accuracy=0.0,
        test_accuracy=0.0,
    )
    return trained.Trained(about, cnn.Network(len(PARTIALS)))


def _by_turns(evaluation: scorecard.Evaluation, folder: Path) -> tuple[Run, Run]:
    """Medians with shared analyses and without, so that other load falls on both."""
    few = evaluation._replace(cases=evaluation.cases[:1], scores_folder=folder / "warm")
    scorecard.measure(few)  # Compiles and warms up.
    runs: tuple[list[Run], list[Run]] = [], []
    for repeat in range(REPEATS.value):
        for way, anew in zip(runs, (False, True), strict=True):
            cache = folder / f"cache {repeat} {anew}"
            way.append(_run(evaluation._replace(scores_folder=cache), anew))
    return _median(runs[0]), _median(runs[1])


def _run(evaluation: scorecard.Evaluation, anew: bool) -> Run:
    """Times one scorecard.

    Args:
        evaluation: What is scored.
        anew: Whether to analyse every recording anew for each clip and metric.
    """
    watch = Stopwatch()
    evaluation = evaluation._replace(
        audio=Timed("audio", evaluation.audio, watch),
        embedder=Timed("embedder", evaluation.embedder, watch),
    )
    wall_seconds, cpu_seconds = time.perf_counter(), time.process_time()
    with _timed_metrics(watch), _forgetful() if anew else contextlib.nullcontext():
        scorecard.measure(evaluation)
    wall_seconds = time.perf_counter() - wall_seconds
    cpu_seconds = time.process_time() - cpu_seconds
    parts = dict(watch.seconds)
    parts["all else"] = wall_seconds * os.cpu_count() - sum(parts.values())
    return Run(wall_seconds, cpu_seconds, parts)


def _timed_metrics(watch: Stopwatch) -> contextlib.AbstractContextManager:
    """Times what `clip_scores.measure` calls, but not what that calls in turn."""
    modules = {
        name: Timed(name, module, watch)
        for name, module in vars(clip_scores).items()
        if isinstance(module, types.ModuleType) and module not in (np, analysis)
    }
    return mock.patch.multiple(clip_scores, **modules)


def _forgetful() -> contextlib.AbstractContextManager:
    return mock.patch.object(
        analysis.Analysis,
        "by",
        lambda self, find: find(self.audio, self.sample_rate_hz),
    )


def _median(runs: list[Run]) -> Run:
    def middle(seconds: Callable[[Run], float]) -> float:
        return statistics.median(map(seconds, runs))

    return Run(
        middle(lambda run: run.wall_seconds),
        middle(lambda run: run.cpu_seconds),
        {
            name: middle(lambda run, name=name: run.parts[name])
            for name in runs[0].parts
        },
    )


if __name__ == "__main__":
    script.run(main)
