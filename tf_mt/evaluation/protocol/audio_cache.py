"""The sounds that are scored: what each model makes of each case, as files."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_mt import atomic
from tf_mt.audio import files
from tf_mt.evaluation.protocol import cases

SOURCE, TRUTH, STYLE, CHANCE = "source.wav", "truth.wav", "style.wav", "chance.wav"
NOTES = "notes.npy"


class Model(NamedTuple):
    """What is judged: a live run, a bundle or a model of a server.

    Attributes:
        name: As in the scorecard.
        about: What the scorecard tells of it.
        translate: Plays a recording `[samples]` with the timbre of a domain.
        resynthesise: Takes a recording apart and puts it together again.
    """

    name: str
    about: Mapping[str, str | int | float]
    translate: Callable[[np.ndarray, str], np.ndarray]
    resynthesise: Callable[[np.ndarray], np.ndarray]


class Stage:
    """Plays the cases of an evaluation; what has been played is not played again.

    Args:
        folder: Where the sounds are kept, a folder for each case.
        test: The recordings of the test split, with `audio(entry, start, samples)` and
            `notes(entry)`.
        train: Those of the training split.
        sample_rate_hz: The rate of both.
        samples: The most of a recording that is played.
    """

    def __init__(
        self, folder: Path, test: Any, train: Any, sample_rate_hz: int, samples: int
    ):
        self._folder = folder
        self._test = test
        self._train = train
        self._sample_rate_hz = sample_rate_hz
        self._samples = samples

    def folder(self, case: cases.Case) -> Path:
        """Where the sounds of a case are."""
        return self._folder / case.name

    def set(self, case: cases.Case) -> None:
        """Writes what a case is made of: source, truth, notes, and other clips."""
        folder = self.folder(case)
        if (folder / CHANCE).exists():
            return
        samples = min(self._samples, case.recording.samples)
        source = self._test.audio(case.recording, 0, samples)
        self._write(folder / SOURCE, source)
        if case.answer is not None:
            truth = self._test.audio(case.answer, 0, samples)
            self._write(folder / TRUTH, cases.fit(truth, samples))
        played = self._test.notes(case.answer or case.recording)
        if played is not None:
            heard = played[played["onset_seconds"] < samples / self._sample_rate_hz]
            with atomic.path(folder / NOTES) as temporary, temporary.open("wb") as file:
                np.save(file, heard)
        for name, entry in ((STYLE, case.style), (CHANCE, case.chance)):
            audio = self._train.audio(entry, 0, min(samples, entry.samples))
            self._write(folder / name, cases.fit(audio, samples))

    def play(self, model: Model, case: cases.Case) -> None:
        """Has a model translate a case, there and back, and what it is held against."""
        folder = self.folder(case)
        told = folder / f"{model.name}.json"
        if told.exists():
            return
        source = self.read(folder / SOURCE)
        began = time.perf_counter()
        translated = model.translate(source, case.target)
        seconds = time.perf_counter() - began
        sounds = {
            "": translated,
            ".cycle": model.translate(translated, case.source),
            ".reconstruction": model.translate(source, case.source),
            ".resynthesis": model.resynthesise(self.read(self.answer(case))),
        }
        for kind, audio in sounds.items():
            self._write(folder / f"{model.name}{kind}.wav", audio)
        with atomic.path(told) as temporary:
            temporary.write_text(
                json.dumps(
                    {
                        "seconds": seconds,
                        "audio_seconds": len(source) / self._sample_rate_hz,
                    }
                )
            )

    def answer(self, case: cases.Case) -> Path:
        """The truth of a case; its source where there is none."""
        folder = self.folder(case)
        return folder / (SOURCE if case.answer is None else TRUTH)

    def speed(self, model: Model, played: Sequence[cases.Case]) -> float:
        """How many times faster than real time a model has translated."""
        told = [
            json.loads((self.folder(case) / f"{model.name}.json").read_text())
            for case in played
        ]
        audio_seconds = sum(one["audio_seconds"] for one in told)
        return audio_seconds / sum(one["seconds"] for one in told)

    def read(self, path: Path) -> np.ndarray:
        """Reads a sound that was played: float32 `[samples]`."""
        return files.read(path, self._sample_rate_hz)

    def _write(self, path: Path, audio: np.ndarray) -> None:
        files.write(path, audio, self._sample_rate_hz)
