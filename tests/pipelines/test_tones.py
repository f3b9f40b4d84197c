import numpy as np
import pytest

from pipelines.scores import instruments, performance, tones
from pipelines.scores.notes import NOTE

RATE_HZ = 8000
RANGES = {"loud": instruments.Range(60, 72), "soft": instruments.Range(60, 72)}


class Sines:
    """A tone is a sine of its pitch; "loud" is ten times as loud as "soft".

    A "plucked" tone ends after half a second.
    """

    source = "sines"

    def tone(self, domain, pitch, velocity, held_seconds):
        plucked = domain == "plucked"
        seconds = 0.5 if plucked else tones.tone_seconds(held_seconds)
        time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
        sine = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
        level = {"soft": 0.1, "silent": 0.0}.get(domain, 1.0)
        if domain == "uneven":
            level = 10.0 if pitch >= 70 else 0.0 if pitch <= 61 else 1.0
        return tones.Tone((level * sine).astype(np.float32), 0.1)


def performed(domain, *played):
    return performance.Performance(
        domain, np.array([(*note, 0) for note in played], NOTE)
    )


@pytest.fixture(scope="module")
def render():
    return tones.Renderer(Sines(), RANGES, RATE_HZ)


def rms(audio):
    return float(np.sqrt(np.mean(np.square(audio))))


def test_a_note_sounds_where_it_should_and_then_fades(render):
    audio = render(performed("loud", (0.5, 1.0, 69, 100)))
    assert audio.dtype == np.float32
    assert audio.shape == (int(2.5 * RATE_HZ),)
    assert not np.any(audio[: RATE_HZ // 2])
    held = audio[RATE_HZ // 2 : 3 * RATE_HZ // 2]
    assert rms(held[:1000]) == pytest.approx(rms(held[-1000:]), rel=0.01)
    release = audio[3 * RATE_HZ // 2 :]
    # 100 dB in a tenth of a second: 30 dB down after 30 ms, and silent after 100 ms.
    assert rms(release[200:280]) < 0.05 * rms(held)
    assert not np.any(release[RATE_HZ // 10 :])


def test_all_domains_are_equally_loud(render):
    note = (0.0, 1.0, 69, 100)
    loud, soft = (render(performed(domain, note)) for domain in ("loud", "soft"))
    np.testing.assert_allclose(loud, soft, atol=1e-5)
    assert rms(loud[: RATE_HZ // 2]) == pytest.approx(tones.LEVEL, rel=0.1)


def test_a_few_notes_that_are_louder_or_silent_make_the_others_no_softer():
    render = tones.Renderer(Sines(), {"uneven": RANGES["loud"]}, RATE_HZ)
    most, louder = (
        render(performed("uneven", (0.0, 1.0, pitch, 50))) for pitch in (69, 70)
    )
    level = tones.LEVEL * (50 / tones.SCALE_VELOCITY) ** 2
    assert rms(most[: RATE_HZ // 2]) == pytest.approx(level, rel=0.1)
    assert rms(louder[: RATE_HZ // 2]) == pytest.approx(10 * level, rel=0.1)


def test_the_level_of_a_note_is_that_of_its_louder_half():
    held = np.where(np.arange(RATE_HZ) < RATE_HZ // 4, 0.5, 0.1)
    assert tones.note_level(held, RATE_HZ) == pytest.approx(0.5)
    assert tones.note_level(held[:3], RATE_HZ) == pytest.approx(0.5)
    assert tones.note_level(held[:0], RATE_HZ) == 0.0


def test_velocity_makes_louder(render):
    loud = render(performed("loud", (0.0, 1.0, 69, 100)))
    soft = render(performed("loud", (0.0, 1.0, 69, 50)))
    np.testing.assert_allclose(soft, loud / 4, atol=1e-6)


def test_notes_add_up(render):
    one, other = (0.0, 0.5, 62, 90), (0.25, 0.5, 69, 60)
    both = render(performed("loud", one, other))
    first, second = (render(performed("loud", note)) for note in (one, other))
    np.testing.assert_allclose(
        both[: len(first)] - first, second[: len(first)], atol=1e-5
    )


def test_too_many_notes_do_not_clip(render):
    chord = [(0.0, 1.0, 60 + 4 * i % 12, 127) for i in range(20)]
    audio = render(performed("loud", *chord))
    assert np.max(np.abs(audio)) == pytest.approx(tones.PEAK, abs=1e-4)


@pytest.mark.parametrize("seconds", [7.5, 11.0, 40.0])
def test_a_long_note_is_held_to_its_end_and_then_fades(render, seconds):
    played = performed("loud", (0.0, seconds, 69, 100))
    audio = render(played)
    end = int(seconds * RATE_HZ)
    assert render.held_samples(played).tolist() == [end]
    assert rms(audio[end - 1000 : end]) == pytest.approx(rms(audio[:1000]), rel=0.01)
    assert rms(audio[end + 200 : end + 280]) < 0.05 * rms(audio[:1000])
    assert not np.any(audio[end + RATE_HZ // 10 :])


def test_a_tone_that_ends_before_its_note_ends_softly_and_is_told_of():
    ranges = {"plucked": instruments.Range(60, 72)}
    render = tones.Renderer(Sines(), ranges, RATE_HZ)
    played = performed("plucked", (0.0, 3.0, 70, 100), (1.0, 0.3, 70, 100))
    audio = render(played)
    assert render.held_samples(played).tolist() == [RATE_HZ // 2, 3 * RATE_HZ // 10]
    end = RATE_HZ // 2
    steps = np.abs(np.diff(audio))
    assert np.max(steps[end - 10 : end + 10]) < 0.2 * np.max(steps[:1000])
    assert not np.any(audio[end:RATE_HZ])


def test_a_silent_domain_is_refused():
    ranges = {"silent": instruments.Range(60, 72)}
    with pytest.raises(ValueError, match="sines: 'silent' is silent from 60 to 72"):
        tones.Renderer(Sines(), ranges, RATE_HZ)


def bent(*played, bends):
    notes = np.array(list(played), NOTE)
    return performance.Performance("loud", notes, tuple(map(np.array, bends)))


def test_a_bend_moves_the_pitch_from_when_it_holds(render):
    curve = [[0.0, 0.0], [0.5, 2.0], [1.0, -1.0]]
    played = bent((0.0, 1.5, 69, 100, 1), bends=[curve])
    audio = render(played)
    assert render.held_samples(played).tolist() == [3 * RATE_HZ // 2]
    # The phase is that of the pitch added up: without a break at the changes.
    hz = 440 * 2.0 ** (np.repeat([0, 2, -1], RATE_HZ // 2) / 12)
    sine = np.sin(2 * np.pi * (np.cumsum(hz) - hz) / RATE_HZ)
    plain = render(performed("loud", (0.0, 1.5, 69, 100)))
    level = np.max(np.abs(plain))
    inside = slice(50, 3 * RATE_HZ // 2 - 50)
    np.testing.assert_allclose(audio[inside], level * sine[inside], atol=0.01 * level)


def test_a_bend_of_nothing_changes_nothing(render):
    plain = render(performed("loud", (0.0, 1.0, 69, 100)))
    audio = render(bent((0.0, 1.0, 69, 100, 1), bends=[[[0.0, 0.0]]]))
    np.testing.assert_allclose(audio[50:], plain[50:], atol=0.01 * np.max(plain))


def test_each_note_has_its_own_bend(render):
    rows = [(0.0, 1.0, 60, 100, 0), (1.5, 1.0, 60, 100, 2)]
    audio = render(bent(*rows, bends=[[[0.0, -7.0]], [[0.0, 7.0]]]))
    for second, pitch in ((0, 60), (1.5, 67)):
        part = audio[int((second + 0.1) * RATE_HZ) :][: RATE_HZ // 2]
        peak = np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)))))
        assert 2 * peak == pytest.approx(440 * 2 ** ((pitch - 69) / 12), abs=2)


def test_a_long_note_is_held_to_its_end_at_any_bend(render):
    played = bent((0.0, 12.0, 69, 100, 1), bends=[[[0.0, 12.0]]])
    audio = render(played)
    end = 12 * RATE_HZ
    assert render.held_samples(played).tolist() == [end]
    assert rms(audio[end - 1000 : end]) == pytest.approx(rms(audio[100:1100]), rel=0.01)


def test_what_a_bend_would_mirror_at_half_of_the_rate_is_gone():
    hz = 3000.0
    time = np.arange(RATE_HZ) / RATE_HZ
    tone = tones.Tone(np.sin(2 * np.pi * hz * time).astype(np.float32), 0.1)
    high = tones.bent(tone, np.array([[0.0, 12.0]]), RATE_HZ, 0.5)
    assert rms(high.audio[100:-100]) < 0.01
    low = tones.bent(tone, np.array([[0.0, -12.0]]), RATE_HZ, 0.5)
    sine = np.sin(np.pi * hz * time[: len(low.audio)])
    np.testing.assert_allclose(low.audio[100:-100], sine[100:-100], atol=0.02)
