import numpy as np
import pytest

from pipelines.scores import instruments, performance, tones
from pipelines.scores.notes import NOTE

RATE_HZ = 8000
RANGES = {"loud": instruments.Range(60, 72), "soft": instruments.Range(60, 72)}


class Sines:
    """A tone is a sine of its pitch; "loud" is ten times as loud as "soft"."""

    def tone(self, domain, pitch, velocity):
        time = np.arange(int(tones.HELD_SECONDS * RATE_HZ)) / RATE_HZ
        sine = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
        level = {"loud": 1.0, "soft": 0.1, "silent": 0.0}[domain]
        return tones.Tone((level * sine).astype(np.float32), 0.1)


def performed(domain, *played):
    return performance.Performance(domain, np.array(list(played), NOTE))


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


def test_a_note_longer_than_its_tone_ends(render):
    audio = render(performed("loud", (0.0, tones.HELD_SECONDS + 3, 69, 100)))
    assert not np.any(audio[int(tones.HELD_SECONDS * RATE_HZ) :])


def test_a_silent_domain_is_refused():
    ranges = {"silent": instruments.Range(60, 72)}
    with pytest.raises(ValueError, match="'silent' is silent from 60 to 72"):
        tones.Renderer(Sines(), ranges, RATE_HZ)
