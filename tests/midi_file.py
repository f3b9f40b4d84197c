"""Writes MIDI files for tests, byte by byte, so that they can be odd."""

import pathlib
from collections.abc import Iterable, Sequence

Message = tuple[int, bytes]

HEAD = b"MThd\0\0\0\6"
TICKS = 480  # Of a quarter, which lasts half a second if nothing sets the tempo.
END_OF_TRACK = b"\xff\x2f\0"


def on(tick: int, pitch: int, velocity: int = 80, channel: int = 0) -> Message:
    return tick, bytes([0x90 | channel, pitch, velocity])


def off(tick: int, pitch: int, channel: int = 0) -> Message:
    return tick, bytes([0x80 | channel, pitch, 64])


def note(tick: int, ticks: int, pitch: int, channel: int = 0) -> list[Message]:
    return [on(tick, pitch, channel=channel), off(tick + ticks, pitch, channel)]


def control(tick: int, number: int, value: int, channel: int = 0) -> Message:
    return tick, bytes([0xB0 | channel, number, value])


def bend(tick: int, value: int, channel: int = 0) -> Message:
    """A bend from -8192 to 8191."""
    return tick, bytes([0xE0 | channel, value + 8192 & 0x7F, value + 8192 >> 7])


def tempo(tick: int, microseconds: int) -> Message:
    return tick, b"\xff\x51\3" + microseconds.to_bytes(3)


def number(value: int) -> bytes:
    """A number as MIDI writes those of variable length."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.insert(0, 0x80 | value & 0x7F)
    return bytes(found)


def track(messages: Iterable[Message], ticks: int = 0) -> bytes:
    """A track of messages, those of one tick in their order; it ends at `ticks`."""
    last, body = 0, b""
    for tick, message in sorted(messages, key=lambda message: message[0]):
        body += number(tick - last) + message
        last = tick
    body += number(max(ticks - last, 0)) + END_OF_TRACK
    return b"MTrk" + len(body).to_bytes(4) + body


def content(
    *tracks: Sequence[Message],
    kind: int = 1,
    division: int = TICKS,
    ticks: int = 0,
) -> bytes:
    head = HEAD + b"".join(n.to_bytes(2) for n in (kind, len(tracks), division))
    return head + b"".join(track(messages, ticks) for messages in tracks)


def write(path: pathlib.Path, *tracks: Iterable[tuple[int, int, int]]) -> None:
    """Writes tracks of notes `(tick, ticks, pitch)`, and makes folders for them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    played = [[message for n in notes for message in note(*n)] for notes in tracks]
    path.write_bytes(content(*played))
