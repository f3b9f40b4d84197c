"""Synthesises single notes from soundfonts: SF2 and SF3 files of SoundFont 2.04.

What makes the timbre is here: samples, loops, tuning, volume envelope and the low-pass
filter with its envelope. Vibrato, tremolo, glides, modulators, panning and effects are
left out.
"""

import copy
import importlib.util
from pathlib import Path
from typing import Self

import numpy as np

from pipelines.scores import instruments
from pipelines.scores.sf2 import envelopes, file, layers, presets
from pipelines.scores.tones import HELD_SECONDS, Tone, tone_seconds

_MOST_LAYERS = 64


def default_path() -> Path:
    """The small General MIDI soundfont that pretty_midi carries.

    Raises:
        FileNotFoundError: If pretty_midi is not installed.
    """
    package = importlib.util.find_spec("pretty_midi")
    if package is None or package.origin is None:
        raise FileNotFoundError(
            "soundfont='': the default one comes with pretty_midi, which is not "
            "installed; install it or name a soundfont."
        )
    return Path(package.origin).with_name("TimGM6mb.sf2")


class Soundfont:
    """The tones of a soundfont's instruments.

    Its samples stay in the file until they sound. An instrument is checked when it is
    first asked for, so that one which is broken spares the others.

    Args:
        path: An SF2 or SF3 file with the programs of General MIDI.
        sample_rate_hz: The rate of the tones.

    Attributes:
        source: What messages call it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a soundfont, or cut short or damaged.
    """

    def __init__(self, path: Path, sample_rate_hz: int):
        self.source = f"soundfont={str(path)!r}"
        if not Path(path).is_file():
            raise FileNotFoundError(f"{self.source}: no such file.")
        self._sample_rate_hz = sample_rate_hz
        try:
            self._file = file.read(Path(path))
        except ValueError as error:
            raise ValueError(f"{self.source} {error}") from error
        self._zones: dict[str, list[presets.Zone]] = {}
        # Several velocities sound with the same samples.
        self._tones: dict[tuple[str, int, tuple[int, ...], float], Tone] = {}

    def zones(self, domain: str) -> list[presets.Zone]:
        """The zones of an instrument, as General MIDI names it.

        Raises:
            ValueError: If the soundfont does not have it, or it cannot be played.
        """
        if domain not in self._zones:
            preset = self._preset(domain)
            try:
                self._zones[domain] = presets.zones(self._file, preset)
            except ValueError as error:
                raise self._refused(domain, error) from error
        return self._zones[domain]

    def tone(
        self,
        domain: str,
        pitch: int,
        velocity: int,
        held_seconds: float = HELD_SECONDS,
    ) -> Tone:
        """A note at full velocity; a sample that loops sounds as long as it is held.

        Args:
            domain: The instrument.
            pitch: MIDI note number.
            velocity: 1 to 127; chooses the samples, and does not scale them.
            held_seconds: How long it is to be held.

        Raises:
            ValueError: If the soundfont does not have the instrument, or it cannot be
                played.
        """
        distances = [zone.distance(pitch, velocity) for zone in self.zones(domain)]
        # Some soundfonts have holes; the nearest zone fills them.
        nearest = tuple(np.flatnonzero(np.equal(distances, min(distances))))
        seconds = tone_seconds(held_seconds)
        key = (domain, pitch, nearest, seconds)
        if key not in self._tones:
            chosen = [self.zones(domain)[i] for i in nearest]
            try:
                self._tones[key] = self._tone(pitch, chosen, seconds)
            except ValueError as error:
                raise self._refused(domain, error) from error
        return self._tones[key]

    def anew(self) -> Self:
        """The same soundfont, without the tones that are in memory."""
        other = copy.copy(self)
        other._tones = {}
        return other

    def _preset(self, domain: str) -> int:
        """The number of an instrument's preset, the first one of its program."""
        heads = self._file.records["phdr"][:-1]
        wanted = instruments.PROGRAMS[domain]
        melodic = heads["bank"] == 0
        found = np.flatnonzero(melodic & (heads["program"] == wanted))
        if not len(found):
            there = set(heads["program"][melodic].tolist())
            known = [name for name, i in instruments.PROGRAMS.items() if i in there]
            if not known:
                raise ValueError(
                    f"{self.source} has no melodic instrument (bank 0 of General "
                    "MIDI); choose another soundfont."
                )
            raise ValueError(
                f"{self.source} has no {domain!r}; choose other domains or another "
                f"soundfont; its domains: {', '.join(known)}."
            )
        return int(found[0])

    def _refused(self, domain: str, error: ValueError) -> ValueError:
        preset = self._file.name("phdr", self._preset(domain))
        return ValueError(
            f"{self.source}: preset {preset!r} ({domain}) cannot be played: {error}"
        )

    def _tone(self, pitch: int, chosen: list[presets.Zone], seconds: float) -> Tone:
        if len(chosen) > _MOST_LAYERS:
            raise ValueError(
                f"{len(chosen)} of its zones sound at pitch {pitch}; {_MOST_LAYERS} at "
                "most can."
            )
        sounds = [
            layers.render(zone, pitch, seconds, self._sample_rate_hz) for zone in chosen
        ]
        audio = np.zeros(max(map(len, sounds)), np.float32)
        for layer in sounds:
            audio[: len(layer)] += layer
        release = max(envelopes.release_seconds(zone.generators) for zone in chosen)
        return Tone(audio, release)
