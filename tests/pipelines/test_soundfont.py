import numpy as np
import pytest

from pipelines.scores import instruments, soundfont
from tests import soundfont_file
from tests.soundfont_file import INSTRUMENT, LOOPED, ROOT_69, SAMPLE, generator, span

RATE_HZ = 16000


def write(path, *zones, preset=(), compressed=False, flute_preset=73):
    """Writes a soundfont whose flute is a sine, with the generators of its zones."""
    header, samples = soundfont_file.Header(), None
    if compressed:
        samples = soundfont_file.compressed()
        header = soundfont_file.Header(end=len(samples), kind=0x11)
    flute = soundfont_file.Preset(flute_preset, [[*preset, INSTRUMENT]])
    path.write_bytes(
        soundfont_file.content(
            zones, presets=[flute], headers=[header], samples=samples
        )
    )
    return soundfont.Soundfont(path, RATE_HZ)


def frequency(audio, rate_hz=RATE_HZ):
    """The frequency of the strongest partial, by interpolation of the spectrum."""
    spectrum = np.log(np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) + 1e-12)
    peak = int(np.argmax(spectrum))
    low, middle, high = spectrum[peak - 1 : peak + 2]
    offset = 0.5 * (low - high) / (low - 2 * middle + high)
    return (peak + offset) * rate_hz / len(audio)


def cents(hz, wanted_hz):
    return 1200 * np.log2(hz / wanted_hz)


def steady(tone):
    return tone.audio[RATE_HZ : 2 * RATE_HZ]


@pytest.mark.parametrize("pitch", [45, 57, 68, 69, 70, 81, 93])
def test_pitch_follows_the_root_key_of_the_zone(tmp_path, pitch):
    font = write(tmp_path / "x.sf2", [LOOPED, ROOT_69, SAMPLE])
    wanted_hz = 441 * 2 ** ((pitch - 69) / 12)
    hz = frequency(steady(font.tone("flute", pitch, 90)))
    assert cents(hz, wanted_hz) == pytest.approx(0, abs=0.5)


def test_pitch_follows_the_sample_without_a_root_key(tmp_path):
    font = write(tmp_path / "x.sf2", [LOOPED, SAMPLE])
    assert cents(frequency(steady(font.tone("flute", 60, 90))), 441) < 0.5


def test_tuning_of_zone_and_preset_adds_up(tmp_path):
    font = write(
        tmp_path / "x.sf2",
        [LOOPED, ROOT_69, generator(51, -2), generator(52, 30), SAMPLE],
        preset=[generator(52, 20)],
    )
    hz = frequency(steady(font.tone("flute", 69, 90)))
    assert cents(hz, 441) == pytest.approx(-150, abs=0.5)


def test_a_loop_holds_and_no_loop_ends(tmp_path):
    looped = write(tmp_path / "x.sf2", [LOOPED, ROOT_69, SAMPLE]).tone("flute", 69, 90)
    assert len(looped.audio) == pytest.approx(8 * RATE_HZ, abs=10)
    late = looped.audio[7 * RATE_HZ :][:RATE_HZ]
    assert np.sqrt(np.mean(late**2)) == pytest.approx(0.5 / np.sqrt(2), rel=1e-2)
    assert cents(frequency(late), 441) == pytest.approx(0, abs=0.5)
    once = write(tmp_path / "y.sf2", [ROOT_69, SAMPLE]).tone("flute", 69, 90)
    assert len(once.audio) == pytest.approx(RATE_HZ, abs=10)


def test_compressed_samples_sound_the_same(tmp_path):
    zone = [LOOPED, ROOT_69, SAMPLE]
    plain = write(tmp_path / "x.sf2", zone).tone("flute", 72, 90).audio
    packed = (
        write(tmp_path / "x.sf3", zone, compressed=True).tone("flute", 72, 90).audio
    )
    np.testing.assert_allclose(packed, plain, atol=0.02)


def test_attenuation_counts_for_four_tenths(tmp_path):
    plain = write(tmp_path / "x.sf2", [LOOPED, ROOT_69, SAMPLE])
    softer = write(tmp_path / "y.sf2", [LOOPED, ROOT_69, generator(48, 100), SAMPLE])
    ratio = steady(softer.tone("flute", 69, 90)) / steady(plain.tone("flute", 69, 90))
    assert 20 * np.log10(np.median(ratio)) == pytest.approx(-4, abs=1e-3)


def test_volume_envelope(tmp_path):
    second, half = 0, -1200  # Timecents.
    font = write(
        tmp_path / "x.sf2",
        [
            *(LOOPED, ROOT_69),
            *(generator(34, second), generator(35, half), generator(36, second)),
            *(generator(37, 200), generator(38, half), SAMPLE),
        ],
    )
    tone = font.tone("flute", 69, 90)
    assert tone.release_seconds == 0.5
    frames = tone.audio[: 5 * RATE_HZ].reshape(-1, RATE_HZ // 20)
    level = np.sqrt(2 * np.mean(np.square(frames), axis=1)) / 0.5
    assert level[10] == pytest.approx(0.525, abs=0.01)  # Half way up the attack.
    assert level[25] == pytest.approx(1.0, abs=0.01)  # Held.
    falling_db = 20 * np.log10(level[32])  # 0.125 s into a fall of 100 dB a second.
    assert falling_db == pytest.approx(-12.5, abs=1)
    assert 20 * np.log10(level[60]) == pytest.approx(-20, abs=0.2)  # Sustained.


def test_the_filter_takes_highs(tmp_path):
    cutoff_cents = 1200 * np.log2(220.5 / 8.176)  # An octave below the sine.
    plain = write(tmp_path / "x.sf2", [LOOPED, ROOT_69, SAMPLE])
    dark = write(
        tmp_path / "y.sf2", [LOOPED, ROOT_69, generator(8, round(cutoff_cents)), SAMPLE]
    )
    levels = [np.std(steady(font.tone("flute", 69, 90))) for font in (plain, dark)]
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(-12.3, abs=0.5)


def test_zones_are_chosen_by_pitch_and_velocity(tmp_path):
    def zone(kind, low, high, attenuation):
        return [span(kind, low, high), LOOPED, generator(48, attenuation), SAMPLE]

    font = write(tmp_path / "x.sf2", zone(43, 0, 69, 0), zone(43, 70, 127, 500))
    low, high = (np.std(steady(font.tone("flute", p, 90))) for p in (69, 70))
    assert high == pytest.approx(low / 10, rel=0.02)
    font = write(tmp_path / "y.sf2", zone(44, 0, 60, 0), zone(44, 50, 127, 500))
    both, loud = (np.std(steady(font.tone("flute", 60, v))) for v in (55, 61))
    assert both == pytest.approx(11 * loud, rel=0.02)


def test_a_note_between_zones_sounds_with_the_nearest(tmp_path):
    def zone(low, high, attenuation):
        return [span(43, low, high), LOOPED, generator(48, attenuation), SAMPLE]

    font = write(tmp_path / "x.sf2", zone(0, 60, 0), zone(70, 127, 500))
    low, near_low, near_high = (
        np.std(steady(font.tone("flute", pitch, 90))) for pitch in (60, 63, 66)
    )
    assert near_low == pytest.approx(low, rel=0.02)
    assert near_high == pytest.approx(low / 10, rel=0.02)


def test_a_global_zone_holds_for_the_others(tmp_path):
    plain = write(tmp_path / "x.sf2", [LOOPED, ROOT_69, generator(48, 100), SAMPLE])
    split = write(tmp_path / "y.sf2", [ROOT_69, generator(48, 100)], [LOOPED, SAMPLE])
    np.testing.assert_array_equal(
        plain.tone("flute", 69, 90).audio, split.tone("flute", 69, 90).audio
    )


def test_refuses_what_it_cannot_play(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"soundfont=.*no such file"):
        soundfont.Soundfont(tmp_path / "none.sf2", RATE_HZ)
    (tmp_path / "x.sf2").write_bytes(b"RIFF\x04\0\0\0DLS ")
    with pytest.raises(ValueError, match="is not an SF2 or SF3 file"):
        soundfont.Soundfont(tmp_path / "x.sf2", RATE_HZ)
    font = write(tmp_path / "y.sf2", [SAMPLE], flute_preset=1)
    with pytest.raises(ValueError, match="has no 'flute'; choose other domains"):
        font.tone("flute", 60, 90)


@pytest.mark.parametrize(
    "domain", ["acoustic_grand_piano", "violin", "cello", "flute", "trumpet", "oboe"]
)
def test_the_default_soundfont_is_in_tune(domain):
    librosa = pytest.importorskip("librosa")
    font = soundfont.Soundfont(soundfont.default_path(), RATE_HZ)
    playable = instruments.RANGES[domain]
    for pitch in range(max(48, playable.low), min(80, playable.high), 5):
        audio = font.tone(domain, pitch, 90).audio[RATE_HZ // 10 : RATE_HZ]
        wanted_hz = 440 * 2 ** ((pitch - 69) / 12)
        hz = librosa.yin(audio, fmin=wanted_hz / 1.6, fmax=wanted_hz * 1.6, sr=RATE_HZ)
        assert abs(cents(np.median(hz), wanted_hz)) < 20, pitch


def test_the_default_soundfont_has_every_melodic_instrument():
    font = soundfont.Soundfont(soundfont.default_path(), RATE_HZ)
    for domain in instruments.RANGES:
        assert font.zones(domain)


def test_a_looped_sample_sounds_as_long_as_it_is_held(tmp_path):
    looped = write(tmp_path / "x.sf2", [LOOPED, ROOT_69, SAMPLE])
    short = looped.tone("flute", 69, 90).audio
    long = looped.tone("flute", 69, 90, held_seconds=20.0).audio
    assert len(short) == pytest.approx(8 * RATE_HZ, rel=0.001)
    assert len(long) >= 21 * RATE_HZ
    last = long[20 * RATE_HZ : 21 * RATE_HZ]
    assert np.std(last) == pytest.approx(np.std(short[RATE_HZ : 2 * RATE_HZ]), rel=0.01)
