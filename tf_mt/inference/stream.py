"""Translation of files of any length: a file or a folder in, the same out.

What translates is a function from the blocks of a recording to those of its
translation: a server's client, or a bundle in this process.
"""

import collections
import contextlib
import datetime
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from tf_mt import progress
from tf_mt.audio import files, finding

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s [{elapsed}<{remaining}]"

# Who has more to translate than so much is told before how long it will take, which is
# found by translating a little.
LONG_SECONDS = 60.0
TRIED_SECONDS = 4.0


def translate_files(
    source: Path,
    target: Path,
    sample_rate_hz: int,
    translate: Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]],
) -> list[Path]:
    """Translates a file, or every audio file of a folder, to WAV files.

    Memory does not grow with the length of a file, and none is left half-written. A
    progress bar counts seconds of audio, and before much of it a line tells about how
    long it will take. In a folder, a file that cannot be translated is reported on
    stderr at the end and the others go on; any other error ends the work.

    Args:
        source: An audio file, or a folder of them.
        target: A WAV file or a folder for a file; for a folder, the folder that
            receives its tree.
        sample_rate_hz: The rate at which `translate` takes and gives samples.
        translate: Makes float32 `[any]` blocks of float32 `[any]` blocks, as many
            samples in all.

    Returns:
        The files of the folder that could not be translated.

    Raises:
        FileNotFoundError: If there is nothing to translate.
        ValueError: If the target does not suit the source, or if the source is one file
            and cannot be translated.
    """
    source = Path(source)
    targets = find_targets(source, target)
    failed: dict[Path, str] = {}
    samples = sum(round(_seconds(path) * sample_rate_hz) for path in targets)
    if samples > LONG_SECONDS * sample_rate_hz:
        print(_foretold(samples, sample_rate_hz, translate), flush=True)
    with (
        _summary(failed, len(targets)),
        progress.bar(
            total=samples, unit_scale=1 / sample_rate_hz, desc="audio", bar_format=_BAR
        ) as bar,
    ):
        for path, written in targets.items():
            try:
                for done in translate_file(path, written, sample_rate_hz, translate):
                    # Headers do not always tell the length to the sample.
                    bar.update(min(done, bar.total - bar.n))
            except (ValueError, FileNotFoundError) as error:
                if path == source:
                    raise
                failed[path] = str(error)
    return list(failed)


def find_targets(source: Path, target: Path) -> dict[Path, Path]:
    """Finds what is translated, and to where, as `translate_files` does.

    Args:
        source: An audio file, or a folder of them.
        target: A WAV file or a folder for a file; a folder for a folder.

    Returns:
        The WAV file to write for each audio file.

    Raises:
        FileNotFoundError: If there is nothing to translate.
        ValueError: If the target does not suit the source.
    """
    source, target = Path(source), Path(target)
    of_kind = _file_target if source.is_file() else _folder_targets
    return of_kind(source, target)


def translate_file(
    source: Path,
    target: Path,
    sample_rate_hz: int,
    translate: Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]],
) -> Iterator[int]:
    """Translates one file to a WAV file, which appears whole once all is consumed.

    Args:
        source: An audio file.
        target: The WAV file to write.
        sample_rate_hz: As for `translate_files`.
        translate: As for `translate_files`.

    Yields:
        Samples that were written since the last time.

    Raises:
        FileNotFoundError: There is no such source.
        ValueError: It cannot be read or translated.
    """
    blocks = files.blocks(source, sample_rate_hz, block_samples=sample_rate_hz)
    with files.Writer(target, sample_rate_hz) as writer:
        for block in translate(blocks):
            writer.write(block)
            yield len(block)


@contextlib.contextmanager
def _summary(failed: Mapping[Path, str], total: int) -> Iterator[None]:
    """Says in the end, and after an interruption, which files could not be read."""
    try:
        yield
    finally:
        if failed:
            print(f"left out {len(failed)} of {total} files:", file=sys.stderr)
        for reason in failed.values():
            print(f"error: {reason}", file=sys.stderr)


def _foretold(
    samples: int,
    sample_rate_hz: int,
    translate: Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]],
) -> str:
    """Says how long a translation will take, by the pace of a short one of noise."""
    tried = round(TRIED_SECONDS * sample_rate_hz)
    noise = np.random.default_rng(0).normal(0.0, 0.1, tried).astype(np.float32)
    began = time.perf_counter()
    collections.deque(translate([noise]), maxlen=0)
    taken = (time.perf_counter() - began) * samples / tried
    return (
        f"{_clock(samples / sample_rate_hz)} of audio will take about {_clock(taken)}, "
        f"by the pace of a first {TRIED_SECONDS:g} s."
    )


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds: 0:02:40."""
    return str(datetime.timedelta(seconds=round(seconds)))


def _file_target(source: Path, target: Path) -> dict[Path, Path]:
    if target.is_dir():
        target /= f"{source.stem}.wav"
    if target.suffix.lower() != ".wav":
        raise ValueError(
            f"output={str(target)!r} must end in .wav, which is what is written, or be "
            "a folder that exists."
        )
    if target.resolve() == source.resolve():
        raise ValueError(f"output={str(target)!r} is the input; choose another name.")
    return {source: target}


def _folder_targets(source: Path, target: Path) -> dict[Path, Path]:
    """The file to write for each file to read."""
    if target.is_file():
        raise ValueError(f"output={str(target)!r} is a file, but the input is not.")
    if target.resolve().is_relative_to(source.resolve()):
        raise ValueError(
            f"output={str(target)!r} lies in the input, which would then hold its own "
            "translations; choose a folder beside it."
        )
    found = finding.find(source)
    plain = {path: path.with_suffix(".wav") for path in found}
    count = collections.Counter(plain.values())
    sources: dict[Path, Path] = {}
    for path in found:
        # Files that differ in their suffix only keep it in the names of theirs.
        name = plain[path] if count[plain[path]] == 1 else f"{path}.wav"
        written = target / Path(name).relative_to(source)
        if written in sources:
            raise ValueError(
                f"{str(sources[written])!r} and {str(path)!r} would both be written to "
                f"{str(written)!r}; rename one."
            )
        sources[written] = path
    return {path: written for written, path in sources.items()}


def _seconds(path: Path) -> float:
    try:
        return files.duration_seconds(path)
    except (ValueError, FileNotFoundError):
        return 0.0  # It will be reported in its turn.
