"""Reports on a converted dataset: a table, warnings and a page of spectrograms."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import librosa
import tensorflow_datasets as tfds

from pipelines import example_page, survey
from tf_mt.data import chunk, domains, index, schema

MOSTLY_SILENT = 0.5
CLIPS_A_LOT = 0.001
MUCH_LESS = 0.1

# The longest clip that a preset trains on, and the longest of those for 32 kHz.
CLIP_SAMPLES = 32768
CLIP_SAMPLES_32KHZ = 65536
_CLIPPED_SPLITS = ("train", "validation")

_HEADER = (
    *("split", "domain", "recordings", "length", "level", "peak"),
    *("silent", "clipped", "pitch"),
)


def inspect(data_dir: Path, picture: Path) -> None:
    """Reads a whole dataset, prints what it holds, and draws some of it.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.
        picture: The PNG file to draw in.

    Raises:
        FileNotFoundError: If there is no dataset.
        ValueError: If there are several.
        OSError: If the picture cannot be written.
    """
    dataset = index.open_dataset(data_dir)
    rate = int(dataset.info.metadata["sample_rate_hz"])
    stored = domains.read(dataset)
    translated = dict(enumerate(stored.translated))
    heard = {
        number: f"{name} (heard only)"
        for number, name in enumerate(stored.heard, start=len(translated))
    }
    names = {**translated, **heard}
    found = survey.survey(dataset)
    print(_origin(dataset, rate))
    print(table(found, {**names, schema.NO_DOMAIN: "(none)"}, rate))
    for warning in warnings(found.figures, translated, rate, heard):
        print(f"warning: {warning}")
    print(_draw(found, names, rate, picture))


def _origin(dataset: tfds.core.DatasetBuilder, sample_rate_hz: int) -> str:
    info = dataset.info
    lines = [f"{info.full_name}: {sample_rate_hz} Hz, in {dataset.data_dir}"]
    # `info.homepage` invents one where there is none.
    lines += [f"homepage: {url}" for url in info.as_proto.location.urls]
    if licence := info.as_proto.redistribution_info.license:
        lines.append(f"licence: {licence}")
    return "\n".join(lines)


def table(found: survey.Survey, names: Mapping[int, str], sample_rate_hz: int) -> str:
    """The figures of each domain in each split, and of all, as text.

    Args:
        found: What was found in the dataset.
        names: The names of all domains that may be there.
        sample_rate_hz: The dataset's sample rate.
    """

    def row(split: str, domain: str, figures: survey.Figures) -> tuple[str, ...]:
        return split, domain, *_cells(figures, sample_rate_hz)

    rows = [_HEADER]
    for split in (splits := _splits(found.figures)):
        own = {n: found.figures[split, n] for n in names if (split, n) in found.figures}
        rows += [row(split, names[number], own[number]) for number in own]
        if len(own) > 1:
            rows.append(row(split, "total", _total(own.values())))
    if len(splits) > 1:
        rows.append(row("all", "total", _total(found.figures.values())))
    return "\n".join([*_aligned(rows), _legend(found.labelled)])


def warnings(
    figures: Mapping[tuple[str, int], survey.Figures],
    names: Mapping[int, str],
    sample_rate_hz: int,
    heard: Mapping[int, str],
) -> Iterator[str]:
    """What may spoil a training run, in a sentence each.

    Args:
        figures: What was counted.
        names: The names of the domains.
        sample_rate_hz: The dataset's sample rate.
        heard: The names of those that are heard only, which need not be in every split
            or have much.
    """
    # A split of what is of no domain cannot lack one.
    splits = [s for s in _splits(figures) if any((s, n) in figures for n in names)]
    most = max(f.samples for (_, n), f in figures.items() if n in names)
    for number, name in names.items():
        own = {s: figures[s, number] for s in splits if (s, number) in figures}
        if not own:
            yield f"{name} has no recordings."
            continue
        yield from _of_sound(name, _total(own.values()))
        if missing := [split for split in splits if split not in own]:
            yield f"{name} is in {', '.join(own)} but not in {', '.join(missing)}."
        if "train" in own and own["train"].samples < MUCH_LESS * most:
            yield (
                f"{name} has {own['train'].samples / most:.1%} of the training audio "
                "of the largest domain; each domain is in a batch equally often, so it "
                "will be repeated often."
            )
        yield from _of_length(name, own, sample_rate_hz)
    for number, name in heard.items():
        own = {s: found for (s, n), found in figures.items() if n == number}
        if own:
            yield from _of_sound(name, _total(own.values()))
            yield from _of_length(name, own, sample_rate_hz)


def _of_sound(name: str, figures: survey.Figures) -> Iterator[str]:
    if figures.silence() > MOSTLY_SILENT:
        yield (
            f"{name} is mostly silent: {figures.silence():.0%} of it is below "
            f"{survey.SILENCE_DB:.0f} dB; cut it out, or training learns silence."
        )
    if figures.clipping() > CLIPS_A_LOT:
        yield (
            f"{name} clips a lot: {figures.clipping():.2%} of its samples; find "
            "recordings that were made at a lower level."
        )


def _of_length(
    name: str, figures: Mapping[str, survey.Figures], sample_rate_hz: int
) -> Iterator[str]:
    clip_samples = CLIP_SAMPLES if sample_rate_hz < 32_000 else CLIP_SAMPLES_32KHZ
    told = [
        f"{figures[split].longest_samples / sample_rate_hz:.2f} s in {split}"
        for split in _CLIPPED_SPLITS
        if split in figures and figures[split].longest_samples < clip_samples
    ]
    if told:
        yield (
            f"{name} is too short for a clip of {clip_samples / sample_rate_hz:.2f} s, "
            f"the longest that a preset takes: its longest stretch is "
            f"{' and '.join(told)}."
        )


def _total(figures: Iterable[survey.Figures]) -> survey.Figures:
    return sum(figures, survey.Figures())


def _splits(figures: Mapping[tuple[str, int], survey.Figures]) -> list[str]:
    """The splits, those that every dataset has first."""
    found = sorted({split for split, _ in figures})
    return sorted(found, key=[*chunk.SPLITS, *found].index)


def _cells(figures: survey.Figures, sample_rate_hz: int) -> tuple[str, ...]:
    sounds = figures.sounding_samples > 0
    return (
        f"{figures.recordings}",
        _length(figures.samples / sample_rate_hz),
        f"{figures.level_db():z.1f} dB" if sounds else "-",
        f"{figures.peak_db():z.1f} dB" if figures.peak else "-",
        f"{figures.silence():.1%}",
        _clipped(figures),
        _pitches(figures),
    )


def _clipped(figures: survey.Figures) -> str:
    if not figures.clipped_samples:
        return "0"
    return f"{figures.clipping():.2%}" if figures.clipping() > 1e-4 else "<0.01%"


def _pitches(figures: survey.Figures) -> str:
    if not figures.pitches.any():
        return "-"
    return "-".join(librosa.midi_to_note(figures.pitch_range(), unicode=False))


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """The rows of a table as lines, names to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells)


def _legend(labelled: bool) -> str:
    seconds = survey.STRETCHES * survey.STRETCH_SECONDS
    source = (
        "of the labelled notes"
        if labelled
        else f"estimated by YIN on up to {seconds:.0f} s each, for one voice at a time"
    )
    return (
        "level, peak: in decibels of full scale; the level is the RMS of what sounds\n"
        f"silent: in frames of {1000 * survey.FRAME_SECONDS:.0f} ms below "
        f"{survey.SILENCE_DB:.0f} dB\n"
        f"clipped: {survey.CLIPPED_RUN} or more samples in a row at full scale\n"
        f"pitch: 1st to 99th percentile, {source}"
    )


def _draw(
    found: survey.Survey, names: Mapping[int, str], sample_rate_hz: int, picture: Path
) -> str:
    """Draws stretches of the first split, which is for training, and says so."""
    split = _splits(found.figures)[0]
    rows = {
        name: found.stretches[split, number]
        for number, name in names.items()
        if found.stretches.get((split, number))
    }
    if not rows:
        return f"Nothing sounds in {split}; no picture is drawn."
    example_page.draw(rows, sample_rate_hz, picture)
    shown = min(len(rows), example_page.ROWS)
    few = f"{shown} of the {len(rows)} domains" if shown < len(rows) else "each domain"
    return f"Stretches of {few} in {split} are drawn in {picture}."
