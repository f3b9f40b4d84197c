import pytest

from pipelines.scores import midi
from tests import midi_file
from tests.midi_file import control, note, off, on, tempo, track

SCALE = (67, 69, 71, 72)
MELODY = [message for i, p in enumerate(SCALE) for message in note(480 * i, 480, p)]
PLAIN = midi_file.content(MELODY)
TRACK = track(MELODY)


def strokes(content):
    """The seconds and pitch of each note that is struck, by sequence."""
    return [
        [(e.seconds, e.data[0]) for e in sequence.events if e.kind == midi.NOTE_ON]
        for sequence in midi.read(content)
    ]


EXPECTED = [[(0.5 * i, pitch) for i, pitch in enumerate(SCALE)]]


def head(kind=0, tracks=1, division=480, length=6):
    words = b"".join(n.to_bytes(2) for n in (kind, tracks, division))
    return b"MThd" + length.to_bytes(4) + words


RIFF = b"RMIDdata" + len(PLAIN).to_bytes(4, "little") + PLAIN


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"RIFF" + len(RIFF).to_bytes(4, "little") + RIFF + b"LIST\4\0\0\0INFO",
        b"\0" * 128 + PLAIN,
        PLAIN + b"\0" * 57,
        head(tracks=5) + TRACK,
        head(tracks=0) + TRACK,
        head(kind=9) + TRACK,
        head(length=8) + b"\0\0" + TRACK,
        head(length=0) + TRACK,
        head(length=0xFFFFFFFF) + TRACK,
        head() + b"XFIH\0\0\0\4abcd" + TRACK,
        head() + TRACK + b"XFIH\0\0\0\4abcd",
        head() + b"MTrk\0\0\0\x0a" + TRACK[8:],
        head() + b"MTrk\xff\xff\xff\xff" + TRACK[8:],
        head() + b"MTrk\0\0\0\0" + TRACK[8:] + track([]),
        head() + TRACK[:-4],
        head() + TRACK[:-5],
    ],
    ids=lambda content: content[:24].hex(),
)
def test_wrong_containers_are_read_as_what_they_mean(content):
    assert strokes(content) == EXPECTED


def body(messages):
    return head() + b"MTrk" + len(messages).to_bytes(4) + messages


@pytest.mark.parametrize(
    ("messages", "pitches"),
    [
        (b"\0\x90\x43\x50\x60\x43\0\0\x45\x50\x60\x45\0", [67, 67, 69, 69]),
        (b"\0\x90\x43\x50\0\xff\1\2hi\0\x45\x50", [67, 69]),
        (b"\0\xff\3\5Fl\xfbte\0\x90\x43\x50", [67]),
        (b"\0\xff\3\4\x83\x74\xff\x2f\0\x90\x43\x50", [67]),
        (b"\0\xf0\3\x7e\x7f\x09\0\x90\x43\x50", [67]),
        (b"\0\xf8\0\xfe\0\x90\x43\x50", [67]),
        (b"\0\x90\xf8\x43\x50\0\x45\x50", [67, 69]),
        (b"\0\x90\xc8\x50\0\x90\x43\x50", [67]),
        (b"\0\xf2\1\2\0\x90\x43\x50", [67]),
        (b"\0\x43\x50\0\x90\x43\x50", []),
        (b"\0\x90\x43\x50\xff\xff\xff\xff\x7f\x90\x45\x50", [67]),
        (b"\0\x90\x43\x50\0\xff\x7f\xff\xff\xff\x7f", [67]),
    ],
    ids=[
        "running status",
        "running status after text",
        "a name in Latin-1",
        "a name in Shift-JIS, with the bytes of an end of track",
        "SysEx",
        "real time",
        "real time in a message",
        "a message begins in another",
        "song position",
        "no status",
        "a number too long",
        "a length too long",
    ],
)
def test_messages(messages, pitches):
    for content in (body(messages), body(messages + b"\0" + midi_file.END_OF_TRACK)):
        assert [pitch for _, pitch in strokes(content)[0]] == pitches


def test_the_tempo_is_that_of_all_tracks_from_its_tick_on():
    changes = [tempo(480, 1_000_000), tempo(960, 250_000)]
    assert strokes(midi_file.content(MELODY, changes)) == [
        [(0.0, 67), (0.5, 69), (1.5, 71), (1.75, 72)]
    ]


def test_independent_tracks_have_tempos_of_their_own():
    content = midi_file.content([tempo(0, 1_000_000), *MELODY], MELODY, kind=2)
    assert strokes(content) == [[(2 * t, p) for t, p in EXPECTED[0]], *EXPECTED]


@pytest.mark.parametrize(
    ("frames", "ticks", "rate_hz"),
    [(24, 80, 24), (25, 40, 25), (29, 100, 30 / 1.001), (30, 80, 30)],
)
def test_time_code_does_not_follow_the_tempo(frames, ticks, rate_hz):
    messages = [tempo(0, 1), *note(frames * ticks, 1, 60)]
    content = midi_file.content(messages, division=256 - frames << 8 | ticks)
    ((found,),) = strokes(content)
    assert found == (pytest.approx(frames / rate_hz), 60)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>", "no header MThd and begins with b'<!DOCTYPE ht'"),
        (PLAIN[:13], "ends within its header"),
        (PLAIN[:16], "ends before the first of its 1 tracks"),
        (midi_file.content(MELODY, division=0), "division of 0"),
        (midi_file.content(MELODY, division=256 - 25 << 8), "division of 0"),
        (midi_file.content(MELODY, division=0xFF01), "1 frames a second; .*24, 25"),
        (midi_file.content([tempo(480, 0), *MELODY]), "tempo of 0"),
        (bytes(midi.MAX_BYTES + 1), "longer than 4 MiB"),
    ],
)
def test_what_has_no_meaning_is_refused(content, reason):
    with pytest.raises(ValueError, match=reason):
        midi.read(content)


def test_ports_have_channels_of_their_own():
    second = [(0, b"\xff\x21\1\1"), on(0, 60, channel=3)]
    (sequence,) = midi.read(midi_file.content([on(0, 62, channel=3)], second))
    assert [event.channel for event in sequence.events] == [3, 19]


def test_events_of_one_time_are_by_track_and_then_as_they_come():
    tracks = [[control(0, 64, 127), off(0, 60)], [on(0, 61)]]
    (sequence,) = midi.read(midi_file.content(*tracks, ticks=960))
    assert [event.kind for event in sequence.events] == [0xB0, 0x80, 0x90]
    assert sequence.seconds == 1.0
