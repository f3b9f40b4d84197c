"""Makes soundfonts for tests."""

import dataclasses
import io
import struct
from collections.abc import Sequence

import numpy as np
import soundfile

RATE_HZ = 44100
PERIOD = 100  # Samples of the sine that is sampled: 441 Hz.

Zone = Sequence[bytes]


def chunk(name, data, padded=True):
    padding = b"\0" * (len(data) % 2) if padded else b""
    return struct.pack("<4sI", name, len(data)) + data + padding


def generator(kind, amount):
    return struct.pack("<HH", kind, amount & 0xFFFF)


def span(kind, low, high):
    """The generator of a range of keys (43) or velocities (44)."""
    return generator(kind, low | high << 8)


SAMPLE = generator(53, 0)
INSTRUMENT = generator(41, 0)
LOOPED = generator(54, 1)
ROOT_69 = generator(58, 69)


def sine(samples=RATE_HZ, period=PERIOD):
    """16-bit samples at half of full scale."""
    wave = 0.5 * np.sin(2 * np.pi * np.arange(samples) / period)
    return (wave * 32767).astype("<i2").tobytes()


def compressed(samples=RATE_HZ, period=PERIOD, channels=1):
    """The same as Ogg Vorbis."""
    wave = 0.5 * np.sin(2 * np.pi * np.arange(samples) / period)
    ogg = io.BytesIO()
    wave = np.repeat(wave[:, None], channels, axis=1)
    soundfile.write(ogg, wave, RATE_HZ, format="OGG")
    return ogg.getvalue()


@dataclasses.dataclass(frozen=True)
class Header:
    """What the file says of a sample."""

    name: bytes = b"sine"
    start: int = 0
    end: int = RATE_HZ
    loop_start: int = 50 * PERIOD
    loop_end: int = 400 * PERIOD
    rate_hz: int = RATE_HZ
    root: int = 60
    correction: int = 0
    link: int = 0
    kind: int = 1

    def packed(self):
        return struct.pack("<20s5IBbHH", *dataclasses.astuple(self))


@dataclasses.dataclass(frozen=True)
class Preset:
    """A preset with its zones."""

    program: int = 73  # The flute.
    zones: Sequence[Zone] = ((INSTRUMENT,),)
    name: bytes = b"Flute"
    bank: int = 0


def lists(items):
    """Where the zones of each item begin, the zones' chunk and their generators'."""
    firsts, bags, generators = [], b"", b""
    for zones in items:
        firsts.append(len(bags) // 4)
        for zone in zones:
            bags += struct.pack("<HH", len(generators) // 4, 0)
            generators += b"".join(zone)
    firsts.append(len(bags) // 4)
    bags += struct.pack("<HH", len(generators) // 4, 0)
    return firsts, bags, generators + generator(0, 0)


def content(
    *instruments: Sequence[Zone],
    presets: Sequence[Preset] = (Preset(),),
    headers: Sequence[Header] = (Header(),),
    samples: bytes | None = None,
    padded: bool = True,
) -> bytes:
    """A soundfont with those instruments; the first preset plays the first one."""
    samples = sine() + bytes(92) if samples is None else samples
    firsts, pbag, pgen = lists([preset.zones for preset in presets])
    phdr = b"".join(
        struct.pack(
            "<20s3H3I", preset.name, preset.program, preset.bank, first, 0, 0, 0
        )
        for preset, first in zip(presets, firsts, strict=False)
    )
    phdr += struct.pack("<20s3H3I", b"EOP", 0, 0, firsts[-1], 0, 0, 0)
    firsts, ibag, igen = lists(instruments)
    inst = b"".join(struct.pack("<20sH", b"tone", first) for first in firsts)
    shdr = b"".join(header.packed() for header in headers)
    pdta = {
        **{b"phdr": phdr, b"pbag": pbag, b"pmod": bytes(10), b"pgen": pgen},
        **{b"inst": inst, b"ibag": ibag, b"imod": bytes(10), b"igen": igen},
        b"shdr": shdr + struct.pack("<46s", b"EOS"),
    }
    body = chunk(b"LIST", b"sdta" + chunk(b"smpl", samples, padded), padded)
    body += chunk(b"LIST", b"pdta" + b"".join(chunk(k, v) for k, v in pdta.items()))
    return chunk(b"RIFF", b"sfbk" + body, padded)
