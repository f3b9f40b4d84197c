"""The audio files of an evaluation: its clips, and each system's outputs."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_mt import atomic
from tf_mt.audio import files
from tf_mt.evaluation.protocol import cases, systems

SOURCE, TRUTH, STYLE, RANDOM = "source.wav", "truth.wav", "style.wav", "random.wav"
NOTES = "notes.npy"
# What a system makes of a case.
OUTPUT, CYCLE, RECONSTRUCTION = "output.wav", "cycle.wav", "reconstruction.wav"
RESYNTHESIS = "resynthesis.wav"

_OUTPUTS_FOLDER = "systems"
_TIMES = "times.json"


class AudioCache:
    """Writes the clips of each case and what systems make of them, each once.

    ```
    CASE/source.wav ...               the case
    CASE/systems/ROW/output.wav ...   what a system makes of it; no name can clash
    ```

    Args:
        folder: Of all files, with a folder for each case.
        sources: The recordings that are translated, with `audio(entry, start, samples)`
            and `notes(entry)`.
        test: Those of the test split, with the truth.
        train: Those of the training split.
        sample_rate_hz: The rate of all.
        samples: The most of a recording that is used.
    """

    def __init__(
        self,
        folder: Path,
        sources: Any,
        test: Any,
        train: Any,
        sample_rate_hz: int,
        samples: int,
    ):
        self._folder = folder
        self._sources = sources
        self._test = test
        self._train = train
        self._sample_rate_hz = sample_rate_hz
        self._samples = samples
        self._warm: set[str] = set()

    def folder(self, case: cases.Case) -> Path:
        """The folder of a case."""
        return self._folder / case.name

    def output(self, case: cases.Case, row: str, file: str) -> Path:
        """The path of a file that a system made of a case.

        Args:
            case: The case.
            row: The name of the system's row.
            file: `OUTPUT`, `CYCLE`, `RECONSTRUCTION` or `RESYNTHESIS`.
        """
        return self.folder(case) / _OUTPUTS_FOLDER / row / file

    def write_case(self, case: cases.Case) -> None:
        """Writes the source, the truth, the notes and the other clips of a case."""
        folder = self.folder(case)
        if (folder / RANDOM).exists():
            return
        samples = min(self._samples, case.recording.samples)
        source = self._sources.audio(case.recording, 0, samples)
        self._write(folder / SOURCE, source)
        if case.answer is not None:
            truth = self._test.audio(case.answer, 0, samples)
            self._write(folder / TRUTH, cases.fit(truth, samples))
        if case.answer is not None:
            notes = self._test.notes(case.answer)
        else:
            notes = self._sources.notes(case.recording)
        if notes is not None:
            within = notes[notes["onset_seconds"] < samples / self._sample_rate_hz]
            with atomic.path(folder / NOTES) as temporary, temporary.open("wb") as file:
                np.save(file, within)
        if case.reference is None:
            self._write_clip(folder / STYLE, self._train, case.style)
        else:
            self._write_clip(folder / STYLE, self._test, case.reference)
        # The last file: it marks the case as complete.
        self._write_clip(folder / RANDOM, self._train, case.random)

    def _write_clip(self, path: Path, split: Any, entry: Any) -> None:
        self._write(path, split.audio(entry, 0, min(self._samples, entry.samples)))

    def write_outputs(
        self, scored: systems.ScoredSystem, mode: str, case: cases.Case
    ) -> None:
        """Runs a system on a case in one mode, and times it.

        A translation is translated back, and the source to its own domain, too. There
        is no such thing for a transfer, which would need a second reference.
        """
        row = scored.row_name(mode)
        times = self.output(case, row, _TIMES)
        if times.exists():
            return
        source = self.read(self.folder(case) / SOURCE)
        reference = self.read(self.folder(case) / STYLE)
        if row not in self._warm:
            # Tracing and compiling happen in the first call, and are no part of speed.
            one_window = source[: scored.info.window_samples]
            scored.run(mode, one_window, case.target, reference)
            self._warm.add(row)
        began = time.perf_counter()
        output = scored.run(mode, source, case.target, reference)
        seconds = time.perf_counter() - began
        made = {OUTPUT: output}
        if mode == systems.TRANSLATION:
            made[CYCLE] = scored.run(mode, output, case.source, reference)
            made[RECONSTRUCTION] = scored.run(mode, source, case.source, reference)
        for file, audio in made.items():
            self._write(self.output(case, row, file), audio)
        with atomic.path(times) as temporary:
            temporary.write_text(
                json.dumps(
                    {
                        "seconds": seconds,
                        "audio_seconds": len(source) / self._sample_rate_hz,
                    }
                )
            )

    def write_resynthesis(self, scored: systems.ScoredSystem, case: cases.Case) -> None:
        """Writes the truth after a system's analysis and synthesis alone."""
        path = self.output(case, scored.name, RESYNTHESIS)
        if not path.exists():
            self._write(path, scored.resynthesise(self.read(self.truth(case))))

    def truth(self, case: cases.Case) -> Path:
        """The truth of a case; its source where the truth is not known."""
        return self.folder(case) / (SOURCE if case.answer is None else TRUTH)

    def speed(self, row: str, chosen: Sequence[cases.Case]) -> float:
        """How many times faster than real time a system was on these cases."""
        times = [
            json.loads(self.output(case, row, _TIMES).read_text()) for case in chosen
        ]
        audio_seconds = sum(one["audio_seconds"] for one in times)
        return audio_seconds / sum(one["seconds"] for one in times)

    def read(self, path: Path) -> np.ndarray:
        """Reads one of the files: float32 `[samples]`."""
        return files.read(path, self._sample_rate_hz)

    def _write(self, path: Path, audio: np.ndarray) -> None:
        files.write(path, audio, self._sample_rate_hz)
