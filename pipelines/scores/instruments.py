"""The melodic instruments of General MIDI and the pitches that they play."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Range:
    """The pitches that an instrument plays, both ends included, as MIDI numbers."""

    low: int
    high: int

    def common(self, other: "Range") -> "Range":
        """The pitches that both play; empty when `low` is above `high`."""
        return Range(max(self.low, other.low), min(self.high, other.high))

    def holds(self, pitches: np.ndarray) -> bool:
        """Whether all of some pitches, one or more, are among them."""
        return bool(self.low <= np.min(pitches) and np.max(pitches) <= self.high)

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


# In the order of their programs, from 0; lowest and highest pitch.
_TABLE = """
acoustic_grand_piano 21 108
bright_acoustic_piano 21 108
electric_grand_piano 21 108
honky_tonk_piano 21 108
electric_piano_1 28 103
electric_piano_2 28 103
harpsichord 29 89
clavinet 36 96
celesta 60 108
glockenspiel 72 108
music_box 60 96
vibraphone 53 89
marimba 45 96
xylophone 65 96
tubular_bells 60 77
dulcimer 48 84
drawbar_organ 36 96
percussive_organ 36 96
rock_organ 36 96
church_organ 36 96
reed_organ 36 96
accordion 53 89
harmonica 60 96
tango_accordion 53 89
acoustic_guitar_nylon 40 83
acoustic_guitar_steel 40 84
electric_guitar_jazz 40 86
electric_guitar_clean 40 86
electric_guitar_muted 40 86
overdriven_guitar 40 86
distortion_guitar 40 86
guitar_harmonics 52 96
acoustic_bass 28 60
electric_bass_finger 28 60
electric_bass_pick 28 60
fretless_bass 28 60
slap_bass_1 28 60
slap_bass_2 28 60
synth_bass_1 28 60
synth_bass_2 28 60
violin 55 96
viola 48 84
cello 36 79
contrabass 28 60
tremolo_strings 36 96
pizzicato_strings 36 96
orchestral_harp 24 103
timpani 36 57
string_ensemble_1 36 96
string_ensemble_2 36 96
synth_strings_1 36 96
synth_strings_2 36 96
choir_aahs 48 79
voice_oohs 48 79
synth_voice 48 84
orchestra_hit 48 72
trumpet 54 84
trombone 40 74
tuba 28 60
muted_trumpet 54 84
french_horn 41 77
brass_section 36 84
synth_brass_1 36 96
synth_brass_2 36 96
soprano_sax 56 88
alto_sax 49 81
tenor_sax 44 76
baritone_sax 36 69
oboe 58 91
english_horn 52 81
bassoon 34 72
clarinet 50 91
piccolo 74 108
flute 60 96
recorder 60 96
pan_flute 60 96
blown_bottle 60 96
shakuhachi 55 84
whistle 60 96
ocarina 60 84
lead_1_square 36 96
lead_2_sawtooth 36 96
lead_3_calliope 36 96
lead_4_chiff 36 96
lead_5_charang 36 96
lead_6_voice 36 96
lead_7_fifths 36 96
lead_8_bass_lead 36 96
pad_1_new_age 36 96
pad_2_warm 36 96
pad_3_polysynth 36 96
pad_4_choir 36 96
pad_5_bowed 36 96
pad_6_metallic 36 96
pad_7_halo 36 96
pad_8_sweep 36 96
fx_1_rain 36 96
fx_2_soundtrack 36 96
fx_3_crystal 36 96
fx_4_atmosphere 36 96
fx_5_brightness 36 96
fx_6_goblins 36 96
fx_7_echoes 36 96
fx_8_sci_fi 36 96
sitar 48 77
banjo 48 84
shamisen 50 79
koto 55 84
kalimba 48 79
bagpipe 60 84
fiddle 55 96
shanai 60 84
"""

_ROWS = [line.split() for line in _TABLE.split("\n") if line]
PROGRAMS = {name: program for program, (name, _, _) in enumerate(_ROWS)}
RANGES = {name: Range(int(low), int(high)) for name, low, high in _ROWS}

# Those whose notes have other pitches beside or instead of the one that is written, or
# none that is clear: a source of theirs would teach wrong notes. Stops an octave
# below, bells, chords, effects; and the default soundfont's whistle is out of tune.
UNCLEAR = (
    "glockenspiel",
    "tubular_bells",
    "drawbar_organ",
    "percussive_organ",
    "rock_organ",
    "church_organ",
    "guitar_harmonics",
    "timpani",
    "orchestra_hit",
    "whistle",
    "lead_7_fifths",
    *(name for name in PROGRAMS if name.startswith("fx_")),
)
