"""The TFDS builder of `scores`: the same music played by every instrument."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from pipelines.scores import (
    channels,
    heard,
    instruments,
    notes,
    performance,
    players,
    single_notes,
    soundfont,
    studies,
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

# More names than this are not listed in a remark; the log has them all.
_LISTED = 10


@dataclasses.dataclass(frozen=True)
class Settings(builder.Settings):
    """How scores become recordings.

    Attributes:
        corpus: The composer in music21's corpus whose scores are used when `source`,
            a folder of MIDI files, is empty.
        max_scores: The most scores to use, chosen by a hash of their names; all if 0.
        studies: So many generated studies are added to the scores.
        domains: The instruments, as General MIDI names them, or as the folder of
            single notes does; if empty, `SOUNDFONT_DOMAINS`, or all of that folder.
        heard_domains: Instruments that play training pieces as sources only, or
            `heard.ALL`; for the configuration `paired`.
        soundfont: SF2 or SF3 files, each a player; the one of pretty_midi if there are
            neither these nor notes. A recording has one of the players, drawn by the
            seed and its name.
        notes: Folders of single notes, each a player as well.
        voices: One of `notes.VOICES`: each part of a score is a piece, they are one
            together, or both.
        common_range: Whether all domains keep to the pitches that all of them play.
        renditions: Performances of each piece, except in the test split.
        test_pieces: The most pieces in the test split.
        seed: The seed of the performances.
    """

    corpus: str = "bach"
    max_scores: int = 0
    studies: int = 0
    domains: tuple[str, ...] = ()
    heard_domains: tuple[str, ...] = ()
    soundfont: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    voices: str = "separate"
    common_range: bool = False
    renditions: int = 1
    test_pieces: int = 20
    seed: int = 0

    def stored(self) -> dict[str, Any]:
        """See `builder.Settings`; without heard-only instruments if there are none.

        So datasets from before there were any are of the same settings.
        """
        stored = super().stored()
        if not self.heard_domains:
            del stored["heard_domains"]
        return stored


class Builder(builder.RecordingsBuilder):
    """Scores, performed and rendered."""

    VERSION = tfds.core.Version("1.4.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {
        "1.0.0": "First version.",
        "1.1.0": "The notes of each chunk are stored.",
        "1.2.0": "MIDI is played with its pedals and bends; long rests are cut.",
        "1.3.0": "Several players may be given.",
        "1.4.0": "Instruments, and single notes within them, have one loudness.",
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
        paired = self.builder_config.name == "paired"
        if settings.heard_domains and not paired:
            raise ValueError(
                f"heard_domains={','.join(settings.heard_domains)!r}: all domains must "
                "play what heard-only instruments do; give --config=paired."
            )
        tones_of_players, ranges, heard_ranges = self._instruments()
        common = functools.reduce(instruments.Range.common, ranges.values())
        own = dict.fromkeys(ranges, common) if settings.common_range else ranges
        play = _by_all if paired else _by_one
        alone = [common] if paired else list(own.values())
        pieces = self._pieces(source, alone)
        for split, of_split in pieces.items():
            playable = [common] if split == "test" else alone
            self._remark_on_unplayed(split, of_split, playable)
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
        # All that the domains play lies within what they have in common.
        within = {name: one.common(common) for name, one in heard_ranges.items()}
        sources = heard.recordings(recordings["train"], within, settings.seed)
        recordings["train"] += sources
        rate = settings.sample_rate
        playing = players.Players(tones_of_players, ranges, within, rate)
        return builder.Plan(
            list(ranges),
            {
                split: [playing.drawn(one, settings.seed) for one in chosen]
                for split, chosen in recordings.items()
            },
            functools.partial(_audio, playing),
            functools.partial(_timed_labels, playing, rate),
            self._that_play(within, sources, common),
        )

    def labels(self) -> dict[str, tfds.features.FeatureConnector]:
        """The notes of each chunk."""
        return {stored_notes.LABEL: stored_notes.feature()}

    def _instruments(
        self,
    ) -> tuple[
        list[tones.Tones], dict[str, instruments.Range], dict[str, instruments.Range]
    ]:
        """The players, and the ranges of domains and of heard-only instruments.

        A range is what all players can play.
        """
        settings, rate = self.settings, self.settings.sample_rate
        recorded = [
            single_notes.SingleNotes(Path(folder), rate, self.leave_out)
            for folder in settings.notes
        ]
        files = settings.soundfont
        if not files and not recorded:
            files = (str(soundfont.default_path()),)
        fonts = [soundfont.Soundfont(Path(path), rate) for path in files]
        ranges = [instruments.RANGES] * len(fonts) + [one.ranges for one in recorded]
        known = [name for name in ranges[-1] if all(name in of for of in ranges)]
        domains = settings.domains or tuple(known if recorded else SOUNDFONT_DOMAINS)
        for domain in domains:
            if domain not in known:
                raise ValueError(names.unknown("domains", domain, known))
        others = heard.chosen(
            settings.heard_domains, domains, known, functools.partial(_all_have, fonts)
        )
        common = functools.partial(functools.reduce, instruments.Range.common)
        found = [
            {name: common([of[name] for of in ranges]) for name in chosen}
            for chosen in (domains, others)
        ]
        return [*fonts, *recorded], *found

    def _that_play(
        self,
        ranges: Mapping[str, instruments.Range],
        sources: Sequence[chunk.Source],
        common: instruments.Range,
    ) -> list[str]:
        """The heard-only instruments that have something to play; remarks on others.

        Raises:
            ValueError: If there are some, and none has.
        """
        playing = {recording.domain for recording in sources}
        idle = [name for name in ranges if name not in playing]
        if idle and not playing:
            raise ValueError(
                f"heard_domains={','.join(self.settings.heard_domains)!r}: one of them "
                "must have all pitches of a training piece, and the pieces are within "
                f"{common}, which all domains have; give other heard_domains."
            )
        if idle:
            self.remarks.append(
                f"heard_domains: {_listed(idle)} have all pitches of no training piece "
                f"within {common}, and play nothing."
            )
        return [name for name in ranges if name in playing]

    def _pieces(
        self, source: Path | None, playable: Sequence[instruments.Range]
    ) -> dict[str, list[notes.Piece]]:
        """The pieces of each split, in an order that their names alone decide.

        Scores that no instrument can play anything of take no place in a split, unless
        there are no others.
        """
        settings = self.settings
        voices = settings.voices
        generated = studies.studies(
            settings.studies, settings.seed, several_voices=voices != "separate"
        )
        scores = self._scores(source) | generated
        played = {
            name: score
            for name, score in scores.items()
            if not all(
                _unfit(piece, playable) for piece in notes.pieces(name, score, voices)
            )
        }
        pieces: dict[str, list[notes.Piece]] = {split: [] for split in chunk.SPLITS}
        divided = self.divide(
            "scores",
            [chunk.Source("", *score) for score in (played or scores).items()],
            lambda source: notes.seconds(source.origin.parts),
            kind="score",
        )
        for split, found in divided:
            score = found.origin
            if found.part:
                parts = notes.cut(score.parts, found.part)
                score = dataclasses.replace(score, parts=parts)
            pieces[split] += notes.pieces(found.recording, score, voices)
        # They count among those of train, so that it is said that they are not played.
        for name in scores.keys() - (played or scores).keys():
            pieces["train"] += notes.pieces(name, scores[name], voices)
        for of_split in pieces.values():
            of_split.sort(key=lambda piece: chunk.hashed(piece.name))
        return pieces

    def _scores(self, source: Path | None) -> dict[str, notes.Score]:
        """The scores that have notes."""
        settings = self.settings
        if source is None:
            cache = Path(self.data_dir_root) / "corpus"
            read = notes.read_corpus(settings.corpus, settings.max_scores, cache)
            return {name: notes.Score(parts) for name, parts in read.items()}
        scores = {}
        empty = []
        for name, path in notes.midi_files(source, settings.max_scores).items():
            try:
                score = channels.read(path)
            except ValueError as error:
                self.leave_out(error)
                continue
            if score.parts:
                scores[name] = score
            else:
                empty.append(str(path.relative_to(source)))
        if empty and not scores:
            raise ValueError(
                f"source={str(source)!r}: no MIDI file there has notes, drums aside: "
                f"{_listed(empty)}; give others."
            )
        self.remarks += [
            f"left out: {name!r} has no notes, drums aside." for name in empty
        ]
        return scores

    def _remark_on_unplayed(
        self,
        split: str,
        pieces: Sequence[notes.Piece],
        playable: Sequence[instruments.Range],
    ) -> None:
        """Says which pieces of a split, with how many notes, no instrument can play."""
        unfit = [piece for piece in pieces if _unfit(piece, playable)]
        if not unfit:
            return
        told = [
            f"{piece.name} ({len(piece.notes)} from {np.min(piece.notes['pitch'])} to "
            f"{np.max(piece.notes['pitch'])})"
            for piece in unfit
        ]
        for piece in told:
            logging.info("%s: no instrument can play %s.", split, piece)
        count = sum(len(piece.notes) for piece in unfit)
        self.remarks.append(
            f"{split}: {count} notes of {len(unfit)} of {len(pieces)} pieces are not "
            f"played, since they span more pitches than instruments: {_listed(told)}."
        )


def _unfit(piece: notes.Piece, playable: Sequence[instruments.Range]) -> bool:
    return not any(performance.fits(piece, one) for one in playable)


def _listed(words: Sequence[str]) -> str:
    """What a sentence lists: the first of them if they are many."""
    more = len(words) - _LISTED
    return ", ".join(words[:_LISTED]) + (f" and {more} more" if more > 0 else "")


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
    assigned: list[tuple[notes.Piece, str]] = []
    for piece in pieces:
        able = [domain for domain in ranges if performance.fits(piece, ranges[domain])]
        if able:
            domain = min(able, key=seconds.__getitem__)
            seconds[domain] += performance.seconds(piece)
            assigned.append((piece, domain))
    for domain in [domain for domain in ranges if not seconds[domain]]:
        able = [piece for piece in pieces if performance.fits(piece, ranges[domain])]
        assigned += [(piece, domain) for piece in able[:1]]
    recordings = []
    for piece, domain in assigned:
        for rendition in range(renditions):
            played = performance.perform(piece, ranges[domain], seed, domain, rendition)
            recordings.append(_recording(_name(piece, rendition), domain, played))
    return recordings


def _name(piece: notes.Piece, rendition: int) -> str:
    return f"{piece.name}.{rendition}" if rendition else piece.name


def _recording(
    name: str, domain: str, played: notes.Piece, piece: str = ""
) -> chunk.Source:
    performed = performance.Performance(domain, played.notes, played.bends)
    return chunk.Source(domain, f"{name}/{domain}", performed, piece)


def _all_have(fonts: Sequence[soundfont.Soundfont], domain: str) -> bool:
    """Whether all soundfonts have an instrument and can play it."""
    try:
        return all(font.zones(domain) for font in fonts)
    except ValueError:
        return False


def _audio(playing: players.Players, recording: chunk.Source) -> Iterator[np.ndarray]:
    yield playing.renderer(recording.origin)(recording.origin)


def _timed_labels(
    playing: players.Players,
    sample_rate_hz: int,
    recording: chunk.Source,
    samples: int,
) -> storing.ChunkLabels:
    del samples
    renderer = playing.renderer(recording.origin)
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
