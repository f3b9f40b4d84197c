import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.scores import channels, notes
from tests import midi_file
from tests.midi_file import bend, control, note, off, on

SUSTAIN, SOSTENUTO = 64, 66
SOUND_OFF, RESET, NOTES_OFF = 120, 121, 123
DOWN, UP = 127, 0


def read(folder, *tracks, **settings):
    path = folder / "a.mid"
    path.write_bytes(midi_file.content(*tracks, **settings))
    return channels.read(path)


def played(folder, *messages, ticks=0):
    """Pitch, onset and end of each note, in quarters."""
    parts = read(folder, messages, ticks=ticks).parts
    return sorted(
        (int(n["pitch"]), 2 * float(n["onset"]), 2 * float(n["onset"] + n["duration"]))
        for part in parts
        for n in part
    )


def quarters(*rows):
    return [pytest.approx(row) for row in rows]


def test_a_note_lasts_from_its_stroke_until_it_is_let_go(tmp_path):
    (part,) = read(tmp_path, note(480, 240, 60)).parts
    assert part.dtype == notes.NOTE
    assert part.tolist() == [(0.5, 0.25, 60, 80, 0)]


def test_parts_are_those_of_tracks_channels_and_programs_without_drums(tmp_path):
    program = (960, b"\xc0\x28")
    score = read(
        tmp_path,
        [*note(0, 480, 60, 1), *note(0, 480, 61), program, *note(960, 480, 62)],
        [*note(0, 480, 63), *note(0, 480, 36, 9)],
    )
    assert [part["pitch"].tolist() for part in score.parts] == [[61], [62], [60], [63]]


@pytest.mark.parametrize("pedal", [SUSTAIN, SOSTENUTO])
def test_a_pedal_holds_notes_until_it_is_let_go(tmp_path, pedal):
    messages = [
        on(0, 60),
        control(10, pedal, DOWN),
        off(48, 60),
        control(1920, pedal, 63),
    ]
    assert played(tmp_path, *messages) == quarters((60, 0, 4))


def test_the_sustain_pedal_holds_what_is_struck_while_it_is_down(tmp_path):
    pedal = [control(0, SUSTAIN, 64), control(960, SUSTAIN, UP)]
    messages = [*pedal, *note(480, 48, 60), *note(960, 48, 62)]
    assert played(tmp_path, *messages) == quarters((60, 1, 2), (62, 2, 2.1))


def test_the_sostenuto_pedal_holds_only_what_was_down(tmp_path):
    pedal = [control(240, SOSTENUTO, DOWN), control(1920, SOSTENUTO, UP)]
    messages = [*note(0, 480, 60), *pedal, *note(480, 48, 62)]
    assert played(tmp_path, *messages) == quarters((60, 0, 4), (62, 1, 1.1))


def test_a_held_note_ends_when_its_key_is_struck_again(tmp_path):
    pedal = [control(0, SUSTAIN, DOWN), control(1920, SUSTAIN, UP)]
    messages = [*pedal, *note(0, 48, 60), *note(480, 48, 60)]
    assert played(tmp_path, *messages) == quarters((60, 0, 1), (60, 1, 4))


def test_a_key_that_is_down_when_the_pedal_goes_up_sounds_on(tmp_path):
    pedal = [control(0, SUSTAIN, DOWN), control(480, SUSTAIN, UP)]
    assert played(tmp_path, *pedal, *note(0, 960, 60)) == quarters((60, 0, 2))


def test_a_pedal_is_that_of_its_channel_in_all_tracks(tmp_path):
    pedal = [control(0, SUSTAIN, DOWN, 1), control(960, SUSTAIN, UP, 1)]
    score = read(tmp_path, pedal, note(0, 480, 60, 1), note(0, 480, 61, 2))
    assert [part["duration"].tolist() for part in score.parts] == [[1.0], [0.5]]


def test_notes_of_no_length_are_left_out(tmp_path):
    messages = [on(0, 60), off(0, 60), *note(0, 480, 60), on(480, 62), off(480, 62)]
    assert played(tmp_path, *messages) == quarters((60, 0, 1))


def test_of_two_strokes_of_a_key_the_first_is_let_go_first(tmp_path):
    messages = [on(0, 69), on(480, 69), off(720, 69), off(1200, 69)]
    assert played(tmp_path, *messages) == quarters((69, 0, 1.5), (69, 1, 2.5))


def test_a_note_never_let_go_ends_with_the_file_or_the_next_stroke(tmp_path):
    messages = [on(0, 60), on(480, 62), on(960, 60)]
    assert played(tmp_path, *messages, ticks=1920) == quarters(
        (60, 0, 2), (60, 2, 4), (62, 1, 4)
    )


def test_a_note_never_let_go_ends_after_some_seconds(tmp_path):
    pedal = [control(0, SUSTAIN, DOWN)]
    messages = [on(0, 60), *pedal, *note(0, 480, 62), *note(96000, 480, 64)]
    found = {pitch: end for pitch, _, end in played(tmp_path, *messages)}
    assert found[60] == pytest.approx(2 * channels.UNENDED_SECONDS)
    assert found[62] == pytest.approx(1 + 2 * channels.UNENDED_SECONDS)


def test_a_note_lasts_at_most_two_minutes(tmp_path):
    (row,) = played(tmp_path, *note(0, 480 * 1000, 60))
    assert row == (60, 0, pytest.approx(2 * channels.LONGEST_SECONDS))


@pytest.mark.parametrize("number", [NOTES_OFF, 124, 127])
def test_all_notes_off_lets_go_of_all_keys_but_not_of_the_pedal(tmp_path, number):
    messages = [on(0, 60), control(480, number, 0), off(960, 60)]
    assert played(tmp_path, *messages) == quarters((60, 0, 1))
    pedal = [control(0, SUSTAIN, DOWN), control(1920, SUSTAIN, UP)]
    assert played(tmp_path, *messages, *pedal) == quarters((60, 0, 4))


def test_all_sound_off_ends_what_the_pedal_holds_too(tmp_path):
    pedal = [control(0, SUSTAIN, DOWN), control(1920, SUSTAIN, UP)]
    messages = [*pedal, on(0, 60), *note(0, 48, 62), control(480, SOUND_OFF, 0)]
    assert played(tmp_path, *messages) == quarters((60, 0, 1), (62, 0, 1))


def test_a_reset_lets_go_of_the_pedal_and_the_bend(tmp_path):
    messages = [control(0, SUSTAIN, DOWN), bend(0, 8191), control(480, RESET, 0)]
    score = read(tmp_path, [*messages, *note(0, 48, 60), *note(480, 480, 62)])
    assert score.parts[0][["pitch", "duration"]].tolist() == [(62, 0.5), (62, 0.5)]


def test_long_rests_are_cut(tmp_path):
    rest = 2 * notes.LONGEST_REST_SECONDS
    later = [*note(0, 480, 60), *note(480 * 100, 480, 62)]
    assert played(tmp_path, *later) == quarters((60, 0, 1), (62, 1 + rest, 2 + rest))
    filled = [*later, *note(480, 480 * 99, 64)]
    assert (62, 100.0, 101.0) in played(tmp_path, *filled)


def bends_of(score):
    """The pitch and the bend of each note of the first part."""
    return [
        (int(n["pitch"]), score.bends[n["bend"] - 1].tolist() if n["bend"] else None)
        for n in score.parts[0]
    ]


def test_a_bend_is_told_from_the_pitch_that_sounds_longest(tmp_path):
    messages = [*note(0, 960, 69), bend(480, 4096), *note(960, 480, 72)]
    messages += [bend(1440, 0), *note(1440, 480, 74), bend(1800, -8192)]
    assert bends_of(read(tmp_path, messages)) == [
        (69, [[0.0, 0.0], [0.5, 1.0]]),
        (73, None),
        (74, [[0.0, 0.0], [0.375, -2.0]]),
    ]


def test_the_range_of_the_bend_is_that_of_the_registered_parameter(tmp_path):
    chosen = [control(0, 101, 0), control(0, 100, 0)]
    set_range = [control(0, 6, 12), control(0, 38, 50)]
    bent = [bend(0, 4096), *note(0, 480, 60), bend(300, 0)]
    ((pitch, curve),) = bends_of(read(tmp_path, [*chosen, *set_range, *bent]))
    assert pitch == 66
    assert curve == [[0.0, 0.25], [0.3125, -6.0]]
    other = [control(0, 99, 0), control(0, 98, 0)]
    ((pitch, _),) = bends_of(read(tmp_path, [*chosen, *other, *set_range, *bent]))
    assert pitch == 61


def test_what_is_not_midi_is_refused_by_name(tmp_path):
    (tmp_path / "x.mid").write_bytes(b"not MIDI at all")
    with pytest.raises(ValueError, match=r"x\.mid'.*cannot be read as MIDI: it has no"):
        channels.read(tmp_path / "x.mid")


MESSAGES = st.tuples(
    st.integers(0, 3000),
    st.one_of(
        st.builds(
            lambda kind, channel, data: bytes([kind | channel, *data]),
            st.sampled_from([0x80, 0x90, 0x90, 0xB0, 0xE0]),
            st.integers(0, 2),
            st.tuples(
                st.sampled_from([0, 6, 60, 61, 64, 66, 100, 101, 120, 121, 123]),
                st.integers(0, 127),
            ),
        ),
        st.binary(max_size=6),
    ),
)
CONTENTS = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=300).map(
        lambda data: midi_file.content()[:14] + b"MTrk" + len(data).to_bytes(4) + data
    ),
    st.builds(
        lambda tracks, division: midi_file.content(*tracks, division=division),
        st.lists(st.lists(MESSAGES, max_size=30), max_size=3),
        st.sampled_from([1, 480, 0xE728, 0x7FFF]),
    ),
)


@settings(max_examples=100, deadline=1000, derandomize=True, database=None)
@given(CONTENTS)
def test_any_bytes_give_notes_or_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.mid"
    path.write_bytes(content)
    try:
        score = channels.read(path)
    except ValueError as error:
        assert str(path) in str(error)
        return
    for part in score.parts:
        assert len(part)
        assert np.all(part["onset"] >= 0)
        assert np.all((part["duration"] > 0) & (part["duration"] <= 120))
        assert np.all((part["bend"] >= 0) & (part["bend"] <= len(score.bends)))
    # However long the rests of the file were.
    count = sum(map(len, score.parts))
    assert notes.seconds(score.parts) <= count * (120 + notes.LONGEST_REST_SECONDS)
    for curve in score.bends:
        assert curve[0, 0] == 0
        assert np.all(np.diff(curve[:, 0]) >= 0)
        assert np.max(np.abs(curve[:, 1])) <= channels.BEND_LIMIT_SEMITONES
