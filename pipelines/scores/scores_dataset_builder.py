"""The TFDS builder of `scores`: the same music played by every instrument."""

import collections
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from pipelines.scores import (
    instruments,
    notes,
    performance,
    single_notes,
    soundfont,
    tones,
)
from tf_mt import names
from tf_mt.data import builder, chunk, storing
from tf_mt.data import notes as stored_notes

SOUNDFONT_DOMAINS = (
    "acoustic_grand_piano",
    "violin",
    "cello",
    "flute",
    "trumpet",
    "acoustic_guitar_nylon",
)


@dataclasses.dataclass(frozen=True)
class Settings(builder.Settings):
    """How scores become recordings.

    Attributes:
        corpus: The composer in music21's corpus whose scores are used when `source`,
            a folder of MIDI files, is empty.
        max_scores: The most scores to use, chosen by a hash of their names; all if 0.
        domains: The instruments, as General MIDI names them, or as the folder of
            single notes does; if empty, `SOUNDFONT_DOMAINS`, or all of that folder.
        soundfont: An SF2 or SF3 file; the one of pretty_midi if empty.
        notes: A folder of single notes to play with instead of a soundfont.
        voices: "separate", each part of a score is a piece; "together", they are one.
        common_range: Whether all domains keep to the pitches that all of them play.
        renditions: Performances of each piece, except in the test split.
        test_pieces: The most pieces in the test split.
        seed: The seed of the performances.
    """

    corpus: str = "bach"
    max_scores: int = 0
    domains: tuple[str, ...] = ()
    soundfont: str = ""
    notes: str = ""
    voices: str = "separate"
    common_range: bool = False
    renditions: int = 1
    test_pieces: int = 20
    seed: int = 0


class Builder(builder.RecordingsBuilder):
    """Scores, performed and rendered."""

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {
        "1.0.0": "First version.",
        "1.1.0": "The notes of each chunk are stored.",
    }
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(
            name="unpaired",
            description="One instrument plays a piece; all play the test pieces.",
        ),
        tfds.core.BuilderConfig(
            name="paired", description="All instruments play every piece."
        ),
    ]
    SETTINGS = Settings

    def plan(self, source: Path | None) -> builder.Plan:
        """Performs the pieces of each split; see `builder.RecordingsBuilder`."""
        settings = self.settings
        found, ranges = self._instruments()
        common = functools.reduce(instruments.Range.common, ranges.values())
        own = dict.fromkeys(ranges, common) if settings.common_range else ranges
        play = _by_all if self.builder_config.name == "paired" else _by_one
        pieces = self._pieces(source)
        recordings = {
            "train": play(pieces["train"], own, settings.renditions, settings.seed),
            "validation": play(
                pieces["validation"], own, settings.renditions, settings.seed
            ),
            "test": _by_all(pieces["test"], own, 1, settings.seed)[
                : settings.test_pieces * len(ranges)
            ],
        }
        for split, chosen in recordings.items():
            if not chosen:
                raise ValueError(
                    f"none of the {len(pieces[split])} pieces of split {split!r} fits "
                    "the pitches of its instruments: "
                    + ", ".join(f"{name} {r}" for name, r in ranges.items())
                    + f"; all of them {common}. Give more scores or other domains."
                )
        rate = settings.sample_rate
        renderer = tones.Renderer(found, ranges, rate)
        return builder.Plan(
            list(ranges),
            recordings,
            functools.partial(_audio, renderer),
            functools.partial(_timed_labels, renderer, rate),
        )

    def labels(self) -> dict[str, tfds.features.FeatureConnector]:
        """The notes of each chunk."""
        return {stored_notes.LABEL: stored_notes.feature()}

    def _instruments(self) -> tuple[tones.Tones, dict[str, instruments.Range]]:
        """What is played with, and the range of each domain."""
        settings = self.settings
        if settings.notes and settings.soundfont:
            raise ValueError("notes and soundfont are both given; leave one out.")
        found: tones.Tones
        if settings.notes:
            found = single_notes.SingleNotes(
                Path(settings.notes), settings.sample_rate, self.leave_out
            )
            known = found.ranges
            domains = settings.domains or tuple(known)
        else:
            path = Path(settings.soundfont or soundfont.default_path())
            found = soundfont.Soundfont(path, settings.sample_rate)
            known = instruments.RANGES
            domains = settings.domains or SOUNDFONT_DOMAINS
        for domain in domains:
            if domain not in known:
                raise ValueError(names.unknown("domains", domain, known))
        return found, {domain: known[domain] for domain in domains}

    def _pieces(self, source: Path | None) -> dict[str, list[notes.Piece]]:
        """The pieces of each split, in an order that their names alone decide."""
        settings = self.settings
        if source is None:
            cache = Path(self.data_dir_root) / "corpus"
            scores = notes.read_corpus(settings.corpus, settings.max_scores, cache)
        else:
            scores = {}
            for score, path in notes.midi_files(source, settings.max_scores).items():
                try:
                    scores[score] = notes.read_midi(path)
                except ValueError as error:
                    self.leave_out(error)
        pieces = collections.defaultdict(list)
        together = settings.voices == "together"
        divided = self.divide(
            "scores",
            [chunk.Source("", score, parts) for score, parts in scores.items()],
            lambda score: notes.seconds(score.origin),
            kind="score",
        )
        for split, score in divided:
            parts = notes.cut(score.origin, score.part) if score.part else score.origin
            pieces[split] += notes.pieces(score.recording, parts, together)
        for found in pieces.values():
            found.sort(key=lambda piece: chunk.hashed(piece.name))
        return pieces


def _by_all(
    pieces: Sequence[notes.Piece],
    ranges: Mapping[str, instruments.Range],
    renditions: int,
    seed: int,
) -> list[chunk.Source]:
    """Every domain plays every piece that all of them can play, in the same way."""
    common = functools.reduce(instruments.Range.common, ranges.values())
    recordings = []
    for piece in pieces:
        for rendition in range(renditions if performance.fits(piece, common) else 0):
            played = performance.perform(piece, common, seed, rendition)
            name = _name(piece, rendition)
            recordings += [_recording(name, domain, played, name) for domain in ranges]
    return recordings


def _by_one(
    pieces: Sequence[notes.Piece],
    ranges: Mapping[str, instruments.Range],
    renditions: int,
    seed: int,
) -> list[chunk.Source]:
    """One domain plays each piece: of those that can, the one with the least music.

    A domain that no piece is left for plays the first one that it can, too.
    """
    seconds = dict.fromkeys(ranges, 0.0)
    players: list[tuple[notes.Piece, str]] = []
    for piece in pieces:
        able = [domain for domain in ranges if performance.fits(piece, ranges[domain])]
        if able:
            domain = min(able, key=seconds.__getitem__)
            seconds[domain] += performance.seconds(piece)
            players.append((piece, domain))
    for domain in [domain for domain in ranges if not seconds[domain]]:
        able = [piece for piece in pieces if performance.fits(piece, ranges[domain])]
        players += [(piece, domain) for piece in able[:1]]
    recordings = []
    for piece, domain in players:
        for rendition in range(renditions):
            played = performance.perform(piece, ranges[domain], seed, domain, rendition)
            recordings.append(_recording(_name(piece, rendition), domain, played))
    return recordings


def _name(piece: notes.Piece, rendition: int) -> str:
    return f"{piece.name}.{rendition}" if rendition else piece.name


def _recording(
    name: str, domain: str, played: np.ndarray, piece: str = ""
) -> chunk.Source:
    played_by = performance.Performance(domain, played)
    return chunk.Source(domain, f"{name}/{domain}", played_by, piece)


def _audio(
    render: Callable[[performance.Performance], np.ndarray], recording: chunk.Source
) -> Iterator[np.ndarray]:
    yield render(recording.origin)


def _timed_labels(
    renderer: tones.Renderer, sample_rate_hz: int, recording: chunk.Source, samples: int
) -> storing.ChunkLabels:
    del samples
    domain, played = recording.origin.domain, recording.origin.notes
    found = np.zeros(len(played), stored_notes.NOTE)
    # As the renderer rounds them, so that labels are right to the sample.
    found["start"] = np.rint(played["onset"] * sample_rate_hz)
    found["end"] = found["start"] + renderer.held_samples(recording.origin)
    found["pitch"] = played["pitch"]
    found["program"] = instruments.PROGRAMS.get(domain, stored_notes.NO_PROGRAM)
    cut = functools.partial(
        stored_notes.in_chunk, found, sample_rate_hz, sample_rate_hz
    )
    return lambda start, end: {stored_notes.LABEL: cut(start, end)}
