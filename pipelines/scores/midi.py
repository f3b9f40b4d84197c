"""Reads the events of MIDI files: Standard MIDI Files, bare, in RIFF or after junk.

Files in the wild have wrong lengths, missing ends and unknown chunks. As by
synthesizers, a track is read to its end-of-track event, or as far as it can be read.
"""

import bisect
import contextlib
import dataclasses
import struct
from collections.abc import Iterator
from typing import NamedTuple

# Scores have below 2 MB; what has more would take minutes and gigabytes.
MAX_BYTES = 1 << 22

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0

_SYSEX, _SYSEX_MORE, _REAL_TIME, _META = 0xF0, 0xF7, 0xF8, 0xFF
_PORT, _END_OF_TRACK, _TEMPO = 0x21, 0x2F, 0x51
_INDEPENDENT_TRACKS = 2
_DEFAULT_TEMPO_US = 500_000

# Data bytes of channel messages by their upper four bits, then of system messages.
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xFF: 1}

# Frames per second that a time code may count; 29 stands for 30 with frames dropped.
_FRAME_RATES_HZ = {24: 24.0, 25: 25.0, 29: 30 / 1.001, 30: 30.0}


class Event(NamedTuple):
    """A channel message.

    Attributes:
        seconds: When, from the start.
        track: The number of its track.
        channel: 0 to 15, and 16 more for each further port.
        kind: `NOTE_OFF`, `NOTE_ON`, `CONTROL`, `PROGRAM` or `BEND`, among others.
        data: Its data bytes, 0 to 127; the second is 0 if it has one.
    """

    seconds: float
    track: int
    channel: int
    kind: int
    data: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Sequence:
    """What is played from one start.

    Attributes:
        events: In the order of time, those of one time by track.
        seconds: When the last track ends.
    """

    events: list[Event]
    seconds: float


@dataclasses.dataclass
class _Track:
    messages: list[tuple[int, int, int, int, int]]  # Tick, channel, kind, data.
    tempos: list[tuple[int, int]]  # Tick, microseconds of a quarter.
    ticks: int = 0


def read(content: bytes) -> list[Sequence]:
    """Reads the content of a file.

    Returns:
        One sequence; or one for each track of a file whose tracks are independent.

    Raises:
        ValueError: If it is too long, is not MIDI, has no track, or its time no unit.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is longer than {MAX_BYTES >> 20} MiB")
    head = content.find(b"MThd")
    if head < 0:
        begins = f"begins with {content[:12]!r}" if content else "is empty"
        raise ValueError(f"it has no header MThd and {begins}")
    if len(content) < head + 14:
        raise ValueError("it ends within its header")
    length, kind, count = struct.unpack_from(">IHH", content, head + 4)
    division = content[head + 12 : head + 14]
    tracks = [_track(body) for body in _bodies(content, head + 8 + length, head + 8)]
    if count and not tracks:
        raise ValueError(f"it ends before the first of its {count} tracks")
    independent = kind == _INDEPENDENT_TRACKS
    together = [[track] for track in tracks] if independent else [tracks]
    return [_sequence(some, division) for some in together]


def _bodies(content: bytes, start: int, least: int) -> Iterator[bytes]:
    """The content of each track, and more where its length cannot be right.

    Args:
        content: The file.
        start: Where the header says that it ends.
        least: Where tracks are looked for if there is no chunk at `start`.
    """
    position = start if _chunk_or_end(content, start) else least
    while (position := content.find(b"MTrk", position)) >= 0:
        body = position + 8
        end = body + int.from_bytes(content[position + 4 : body])
        if not _chunk_or_end(content, end):
            end = content.find(b"MTrk", body)
            end = len(content) if end < 0 else end
        yield content[body:end]
        position = end


def _chunk_or_end(content: bytes, position: int) -> bool:
    """Whether a chunk is at a position, or nothing more."""
    size = int.from_bytes(content[position + 4 : position + 8])
    named = content[position : position + 4].isalpha()
    whole = named and position + 8 + size <= len(content)
    return (
        position == len(content) or whole or content[position : position + 4] == b"MTrk"
    )


def _track(body: bytes) -> _Track:
    """The messages of a track, up to its end or the first that is not whole."""
    track = _Track([], [])
    # Where the file is cut off, what came before can be played.
    with contextlib.suppress(IndexError):
        _read_track(body, track)
    return track


def _read_track(body: bytes, track: _Track) -> None:
    """Fills a track.

    Raises:
        IndexError: If it does not end with an end of track.
    """
    position, status, port = 0, 0, 0
    while True:
        ticks, position = _number(body, position)
        track.ticks += ticks
        kind, data, position = _message(body, position, status)
        if kind == _META:
            size, start = _number(body, position)
            position = start + size
            value = body[start:position]
            if data[0] == _END_OF_TRACK:
                return
            if data[0] == _TEMPO and len(value) == 3:
                track.tempos.append((track.ticks, int.from_bytes(value)))
            if data[0] == _PORT and value:
                port = value[0]
        elif kind in (_SYSEX, _SYSEX_MORE):
            size, position = _number(body, position)
            position += size
        elif kind < _SYSEX:
            status = kind
            channel = 16 * port + kind % 16
            track.messages.append((track.ticks, channel, kind & 0xF0, *data))


def _message(
    body: bytes, position: int, status: int
) -> tuple[int, tuple[int, int], int]:
    """The status, the data and the end of a message; without a status, the last's.

    A status byte in the middle of a message begins another one, unless it is of real
    time, which means nothing in a file. Meta events have their type as data; its value
    and that of a SysEx come after.
    """
    if body[position] >= 0x80:
        status = body[position]
        position += 1
    elif not status:
        raise IndexError("There was no status before; what follows cannot be read.")
    data: list[int] = []
    while len(data) < _data_bytes(status):
        byte = body[position]
        position += 1
        if byte < 0x80:
            data.append(byte)
        elif not _REAL_TIME <= byte < _META:
            status, data = byte, []
    return status, (*data, 0, 0)[:2], position


def _data_bytes(status: int) -> int:
    return _DATA_BYTES.get(status & 0xF0, _SYSTEM_DATA_BYTES.get(status, 0))


def _number(body: bytes, position: int) -> tuple[int, int]:
    """A number of variable length, of at most four bytes, and where it ends."""
    number = 0
    for index in range(4):
        number = number << 7 | body[position + index] & 0x7F
        if body[position + index] < 0x80:
            return number, position + index + 1
    raise IndexError("A number is too long; what follows cannot be read.")


def _sequence(tracks: list[_Track], division: bytes) -> Sequence:
    clock = _Clock([tempo for track in tracks for tempo in track.tempos], division)
    merged = [
        (message[0], number, *message[1:])
        for number, track in enumerate(tracks)
        for message in track.messages
    ]
    # Python's sort keeps the order of what is equal: each track's own.
    merged.sort(key=lambda message: message[0])
    events = [
        Event(clock.seconds(tick), track, channel, kind, data)
        for tick, track, channel, kind, *data in merged
    ]
    ends = [clock.seconds(track.ticks) for track in tracks]
    return Sequence(events, max(ends, default=0.0))


class _Clock:
    """Turns ticks into seconds.

    Args:
        tempos: `(tick, microseconds of a quarter)` of each change, in any order.
        division: Two bytes: the ticks of a quarter, or frames per second (negative)
            and the ticks of a frame.

    Raises:
        ValueError: If time would have no unit.
    """

    def __init__(self, tempos: list[tuple[int, int]], division: bytes):
        frames = 256 - division[0]
        if division[0] < 0x80:
            per_unit, rate_hz = int.from_bytes(division), None
        else:
            per_unit, rate_hz = division[1], _FRAME_RATES_HZ.get(frames)
            if rate_hz is None:
                raise ValueError(
                    f"its time code has {frames} frames a second; MIDI knows "
                    f"{', '.join(map(str, _FRAME_RATES_HZ))}"
                )
        if not per_unit:
            raise ValueError("its header has a division of 0 ticks, so time stands")
        if not all(tempo for _, tempo in tempos):
            raise ValueError("it sets a tempo of 0 microseconds a quarter")
        if rate_hz:  # Time code does not follow the tempo.
            tempos, unit_seconds = [], 1 / rate_hz
        else:
            unit_seconds = _DEFAULT_TEMPO_US / 1e6
        self._starts = [(0, 0.0, unit_seconds / per_unit)]
        for tick, tempo in sorted(tempos, key=lambda change: change[0]):
            self._starts.append((tick, self.seconds(tick), tempo / 1e6 / per_unit))

    def seconds(self, tick: int) -> float:
        """The time of a tick."""
        after = bisect.bisect_right(self._starts, tick, key=lambda start: start[0])
        start, passed, tick_seconds = self._starts[after - 1]
        return passed + (tick - start) * tick_seconds
