"""The programs of installed soundfonts sound at the pitches that their files state."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipelines.scores import instruments, soundfont
from pipelines.scores.sf2 import layers
from tests.pipelines import soundfont_reference

RATE_HZ = 16000
VELOCITY = 90

INSTALLED = [
    Path("/usr/share/sounds") / name
    for name in (
        "sf2/FluidR3_GM.sf2",
        "sf2/TimGM6mb.sf2",
        "sf3/FluidR3Mono_GM.sf3",
        "sf3/MuseScore_General.sf3",
        "sf3/MuseScore_General_Lite.sf3",
    )
]
of_every_font = pytest.mark.parametrize(
    "path",
    [soundfont.default_path(), *INSTALLED],
    ids=["default", *(path.name for path in INSTALLED)],
)

# A filter that is open, and a volume that stays: what is left is the sample's pitch.
PLAIN = {8: 13500, 11: 0, **dict.fromkeys((33, 34, 35, 36), -12000), 37: 0}

# Their samples are steady, without vibrato, chorus or other octaves.
STEADY = (
    *("reed_organ", "flute", "recorder", "ocarina", "piccolo", "bagpipe"),
    *("trumpet", "trombone", "tuba", "french_horn"),
    *("oboe", "english_horn", "clarinet"),
)
MOST_HARMONICS = 12

# A logarithmic axis of frequency, a point for each cent from 40 Hz to 6.8 kHz.
OCTAVES = np.arange(8900) / 1200
LARGEST_SHIFT_CENTS = 1300


def logarithmic_spectrum(audio, rate_hz):
    size = 4 * rate_hz
    found = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    found = np.interp(40 * 2**OCTAVES * size / rate_hz, np.arange(len(found)), found)
    # Without the root and the slope a few partials would decide alone.
    found = np.sqrt(found) * 2 ** (OCTAVES / 4)
    return found - np.mean(found)


def cents_between(spectrum, other):
    """How far a sound is above another, by the shift that makes their spectra agree."""
    size = 1 << 14
    found = np.fft.rfft(spectrum, size) * np.conj(np.fft.rfft(other, size))
    shifts = np.arange(-LARGEST_SHIFT_CENTS, LARGEST_SHIFT_CENTS + 1)
    agreement = np.fft.irfft(found)[shifts]
    peak = int(np.argmax(agreement[1:-1])) + 1
    low, middle, high = agreement[peak - 1 : peak + 2]
    return shifts[peak] + 0.5 * (low - high) / (low - 2 * middle + high)


def harmonics(pitch):
    """A second of a tone of equal temperament."""
    fundamental_hz = 440 * 2 ** ((pitch - 69) / 12)
    count = min(MOST_HARMONICS, int(RATE_HZ / 2 / fundamental_hz))
    numbers = np.arange(1, count + 1)[:, None]
    phases = 2 * np.pi * fundamental_hz * np.arange(RATE_HZ) / RATE_HZ
    return np.sum(np.sin(numbers * phases + numbers**2) / numbers, axis=0)


def opened(path):
    if not path.is_file():
        pytest.skip(f"{path} is not installed")
    return soundfont.Soundfont(path, RATE_HZ)


def rendered(zone, pitch):
    """A second of a zone, without its filter and its envelope of volume."""
    zone = dataclasses.replace(zone, generators={**zone.generators, **PLAIN})
    audio = layers.render(zone, pitch, 1.0, RATE_HZ)[:RATE_HZ]
    return np.pad(audio, (0, RATE_HZ - len(audio)))


def test_the_comparison_finds_shifts():
    for shift in (-100, -3, 0, 7, 50, 1200):
        sound = harmonics(60 + shift / 100)
        spectra = [logarithmic_spectrum(x, RATE_HZ) for x in (sound, harmonics(60))]
        assert cents_between(*spectra) == pytest.approx(shift, abs=0.5)


@pytest.mark.slow
@of_every_font
def test_every_layer_sounds_as_fast_as_the_file_states(path):
    font, reference = opened(path), soundfont_reference.Reference(path)
    wrong, compared = [], set()
    for domain, program in instruments.PROGRAMS.items():
        low, high = dataclasses.astuple(instruments.RANGES[domain])
        for pitch in (low, (low + high) // 2, high):
            stated = reference.layers(program, pitch, VELOCITY)
            zones = [z for z in font.zones(domain) if not z.distance(pitch, VELOCITY)]
            assert len(zones) == len(stated), (domain, pitch)
            for zone, layer in zip(zones, stated, strict=True):
                cents = cents_between(
                    logarithmic_spectrum(rendered(zone, pitch), RATE_HZ),
                    logarithmic_spectrum(*reference.sound(layer, pitch, 1.0, RATE_HZ)),
                )
                compared.add(domain)
                if not abs(cents) < 0.5:
                    wrong.append((domain, pitch, zone.sample.name, round(cents, 1)))
    assert not wrong
    assert compared == set(instruments.PROGRAMS)


@pytest.mark.slow
@of_every_font
def test_steady_instruments_are_in_equal_temperament(path):
    """As far as the files are: samples themselves are up to 17 cents out of tune."""
    font = opened(path)
    found = {}
    for domain in STEADY:
        low, high = dataclasses.astuple(instruments.RANGES[domain])
        for pitch in (low, (low + high) // 2, high):
            audio = font.tone(domain, pitch, VELOCITY).audio[RATE_HZ : 2 * RATE_HZ]
            found[domain, pitch] = cents_between(
                logarithmic_spectrum(audio, RATE_HZ),
                logarithmic_spectrum(harmonics(pitch), RATE_HZ),
            )
    assert {key: cents for key, cents in found.items() if not abs(cents) < 20} == {}
