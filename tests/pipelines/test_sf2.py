"""What is said in a soundfont is checked before it sounds."""

import dataclasses
import tempfile
import time
import tracemalloc
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from pipelines.scores import soundfont
from tests import soundfont_file
from tests.soundfont_file import (
    INSTRUMENT,
    LOOPED,
    PERIOD,
    ROOT_69,
    SAMPLE,
    Header,
    Preset,
    generator,
    span,
)

RATE_HZ = 16000
SINE = [LOOPED, ROOT_69, SAMPLE]


def write(path, *instruments, **parts):
    path.write_bytes(soundfont_file.content(*(instruments or [[SINE]]), **parts))
    return soundfont.Soundfont(path, RATE_HZ)


def frequency(audio):
    """The frequency of the strongest partial, by interpolation of the spectrum."""
    spectrum = np.log(np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) + 1e-12)
    peak = int(np.argmax(spectrum))
    low, middle, high = spectrum[peak - 1 : peak + 2]
    offset = 0.5 * (low - high) / (low - 2 * middle + high)
    return (peak + offset) * RATE_HZ / len(audio)


def cents(font, pitch, domain="flute"):
    """How far a late second of a tone is from the sine that is sampled."""
    audio = font.tone(domain, pitch, 90).audio[3 * RATE_HZ : 4 * RATE_HZ]
    return 1200 * np.log2(frequency(audio) / 441)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"root": 128}, "sample 'sine' has the root key 128; 0 to 127 are keys"),
        ({"root": 254}, "root key 254"),
        ({"rate_hz": 0}, "sample 'sine' has a rate of 0 Hz; 400 to 192000"),
        ({"rate_hz": 2**32 - 1}, "a rate of 4294967295 Hz"),
        ({"end": 10**9}, "sample 'sine' goes from 0 to 1000000000"),
        ({"start": 500, "end": 400}, "goes from 500 to 400"),
        ({"start": 500, "end": 500}, "goes from 500 to 500"),
        ({"kind": 0x8001}, "sample 'sine' is in the memory of a sound card"),
    ],
)
def test_what_cannot_be_of_a_sample_is_refused(tmp_path, header, said):
    font = write(tmp_path / "x.sf2", [[LOOPED, SAMPLE]], headers=[Header(**header)])
    with pytest.raises(ValueError, match=r"x\.sf2': preset 'Flute' \(flute\)") as error:
        font.tone("flute", 69, 90)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("instrument", "preset", "said"),
    [
        ([], [[INSTRUMENT]], "it has no zone that sounds"),
        ([[LOOPED]], [[INSTRUMENT]], "it has no zone that sounds"),
        ([SINE], [], "it has no zone that sounds"),
        ([[span(43, 80, 70), SAMPLE]], [[INSTRUMENT]], "it has no zone that sounds"),
        ([[generator(53, 7)]], [[INSTRUMENT]], "no sample 7; the last is 0"),
        ([[generator(53, 65535)]], [[INSTRUMENT]], "no sample 65535"),
        ([SINE], [[generator(41, 9)]], "no instrument 9; the last is 0"),
        ([[generator(58, 200), SAMPLE]], [[INSTRUMENT]], "the root key 200"),
        ([[generator(56, 32767), SAMPLE]], [[INSTRUMENT]], "octaves from sample"),
        ([[generator(51, -300), SAMPLE]], [[INSTRUMENT]], "octaves from sample"),
        ([[generator(4, 30), SAMPLE]], [[INSTRUMENT]], "nothing is left of sample"),
        ([SINE] * 65, [[INSTRUMENT]], "65 of its zones sound at pitch 69; 64"),
        ([SINE] * 200, [[INSTRUMENT]] * 200, "more than 30000 zones"),
    ],
)
def test_what_cannot_be_of_a_preset_is_refused(tmp_path, instrument, preset, said):
    font = write(tmp_path / "x.sf2", instrument, presets=[Preset(73, preset)])
    with pytest.raises(ValueError, match=r"x\.sf2': preset 'Flute' \(flute\)") as error:
        font.tone("flute", 69, 90)
    assert said in str(error.value)


@pytest.mark.parametrize("chunk", [b"phdr", b"pbag", b"inst", b"ibag"])
def test_zones_out_of_order_are_refused(tmp_path, chunk):
    content = bytearray(soundfont_file.content([SINE]))
    at = content.index(chunk) + 8 + {b"phdr": 24, b"inst": 20}.get(chunk, 0)
    content[at : at + 2] = b"\xff\x7f"
    (tmp_path / "x.sf2").write_bytes(content)
    font = soundfont.Soundfont(tmp_path / "x.sf2", RATE_HZ)
    with pytest.raises(ValueError, match=r"Flute.* go from 32767 to 1,|Flute.* to 3,"):
        font.tone("flute", 69, 90)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: b"", "is empty"),
        (lambda content: b"<region> sample=a.wav", "is not an SF2 or SF3 file"),
        (lambda content: content[:-10], "10 bytes of its chunk 'shdr' are missing"),
        (lambda content: content[:4000], "of its chunk 'smpl' are missing"),
        (lambda content: content[:12], "it has no chunk 'smpl'"),
        (lambda content: content.replace(b"igen", b"egin"), "it has no chunk 'igen'"),
        (
            lambda content: content.replace(b"phdr\x4c", b"phdr\x4b"),
            "its chunk 'phdr' has 75 bytes, where a record has 38",
        ),
    ],
)
def test_a_file_that_is_no_whole_soundfont_is_refused(tmp_path, change, said):
    path = tmp_path / "x.sf2"
    path.write_bytes(change(soundfont_file.content([SINE])))
    with pytest.raises(ValueError, match=r"soundfont='.*x\.sf2' is ") as error:
        soundfont.Soundfont(path, RATE_HZ)
    assert said in str(error.value)


def test_a_broken_preset_spares_the_others(tmp_path):
    presets = [Preset(), Preset(40, [[generator(41, 1)]], b"Violin")]
    font = write(tmp_path / "x.sf2", [SINE], [[generator(53, 9)]], presets=presets)
    assert cents(font, 69) == pytest.approx(0, abs=0.5)
    with pytest.raises(ValueError, match=r"preset 'Violin' \(violin\).* no sample 9"):
        font.tone("violin", 69, 90)


def test_says_which_domains_there_are(tmp_path):
    presets = [Preset(), Preset(40), Preset(3, bank=128)]
    font = write(tmp_path / "x.sf2", presets=presets)
    with pytest.raises(ValueError, match=r"has no 'oboe'.* domains: violin, flute"):
        font.zones("oboe")


def test_a_soundfont_of_drums_has_no_melodic_instrument(tmp_path):
    font = write(tmp_path / "x.sf2", presets=[Preset(0, bank=128), Preset(0, bank=1)])
    with pytest.raises(ValueError, match=r"x\.sf2' has no melodic instrument"):
        font.zones("acoustic_grand_piano")


def test_a_sample_without_pitch_sounds_at_its_rate_at_middle_c(tmp_path):
    font = write(tmp_path / "x.sf2", [[LOOPED, SAMPLE]], headers=[Header(root=255)])
    assert cents(font, 60) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(
    "loop",
    [
        {
            "loop_start": 0,
            "loop_end": 100 * PERIOD,
        },  # Before a sample that starts later.
        {"loop_end": 10**9},
        {"start": 0, "loop_start": 0, "loop_end": 2**32 - 1},
    ],
)
def test_a_loop_ends_where_the_sample_does(tmp_path, loop):
    header = dataclasses.replace(Header(start=20 * PERIOD), **loop)
    font = write(tmp_path / "x.sf2", headers=[header])
    assert cents(font, 69) == pytest.approx(0, abs=0.5)
    assert len(font.tone("flute", 69, 90).audio) == pytest.approx(8 * RATE_HZ, abs=10)


@pytest.mark.parametrize("length", [-5, 0, 1])
def test_a_loop_that_is_too_short_is_none(tmp_path, length):
    header = Header(loop_start=4000, loop_end=4000 + length)
    font = write(tmp_path / "x.sf2", headers=[header])
    assert len(font.tone("flute", 69, 90).audio) == pytest.approx(RATE_HZ, abs=10)


def test_sf3_without_padding(tmp_path):
    ogg = soundfont_file.compressed()
    ogg += bytes(1 - len(ogg) % 2)
    header = Header(end=len(ogg), kind=0x11)
    for padded in (False, True):
        path = tmp_path / f"{padded}.sf3"
        font = write(path, headers=[header], samples=ogg, padded=padded)
        assert cents(font, 69) == pytest.approx(0, abs=0.5)


def test_sf3_samples_start_where_the_zone_says(tmp_path):
    ogg = soundfont_file.compressed()
    header = Header(end=len(ogg), kind=0x11)
    zone = [ROOT_69, generator(0, 22050), generator(1, -4410), SAMPLE]
    font = write(tmp_path / "x.sf3", [zone], headers=[header], samples=ogg)
    assert len(font.tone("flute", 69, 90).audio) == pytest.approx(0.4 * RATE_HZ, abs=5)


def test_sf3_samples_are_decoded_when_they_sound(tmp_path):
    ogg, both = soundfont_file.compressed(), soundfont_file.compressed(channels=2)
    samples = ogg + both + b"no Vorbis"
    ends = [0, len(ogg), len(ogg) + len(both), len(samples)]
    headers = [
        Header(name, first, end, kind=0x11)
        for name, first, end in zip(
            (b"good", b"stereo", b"bad"), ends, ends[1:], strict=False
        )
    ]
    zones = [
        [span(43, 0, 69), ROOT_69, LOOPED, SAMPLE],
        [span(43, 70, 79), ROOT_69, generator(53, 1)],
        [span(43, 80, 127), ROOT_69, generator(53, 2)],
    ]
    font = write(tmp_path / "x.sf3", zones, headers=headers, samples=samples)
    assert cents(font, 69) == pytest.approx(0, abs=0.5)
    with pytest.raises(ValueError, match=r"Flute.*sample 'stereo' has 2 channels"):
        font.tone("flute", 70, 90)
    with pytest.raises(ValueError, match=r"Flute.*sample 'bad' cannot be decoded"):
        font.tone("flute", 80, 90)


def test_the_pitch_envelope_counts_where_it_settles(tmp_path):
    half = [generator(7, 100), generator(29, 500)]
    font = write(tmp_path / "x.sf2", [[*half, *SINE]])
    assert cents(font, 69) == pytest.approx(50, abs=0.5)


@pytest.mark.parametrize("scale_cents", [0, 50, -100, 200])
def test_keys_are_as_far_apart_as_the_scale_says(tmp_path, scale_cents):
    font = write(tmp_path / "x.sf2", [[generator(56, scale_cents), *SINE]])
    for pitch in (62, 69, 76):
        wanted = (pitch - 69) * scale_cents
        assert cents(font, pitch) == pytest.approx(wanted, abs=0.5)


@pytest.mark.parametrize(("mode", "seconds"), [(0, 1), (1, 8), (2, 1), (3, 8)])
def test_a_sample_loops_in_modes_1_and_3(tmp_path, mode, seconds):
    font = write(tmp_path / "x.sf2", [[generator(54, mode), ROOT_69, SAMPLE]])
    length = len(font.tone("flute", 69, 90).audio)
    assert length == pytest.approx(seconds * RATE_HZ, abs=10)


def test_a_zone_may_be_of_one_key(tmp_path):
    font = write(tmp_path / "x.sf2", [[generator(46, 57), *SINE]])
    assert cents(font, 80) == pytest.approx(-1200, abs=0.5)


def test_a_preset_does_not_change_what_is_the_instruments_alone(tmp_path):
    alone = [generator(53, 3), generator(58, 9), generator(46, 5), generator(54, 1)]
    preset = Preset(zones=[[*alone, INSTRUMENT]])
    font = write(tmp_path / "x.sf2", presets=[preset])
    assert cents(font, 69) == pytest.approx(0, abs=0.5)


def test_decay_follows_the_key(tmp_path):
    decay = [generator(36, 1200), generator(37, 1000), generator(40, 100)]
    font = write(tmp_path / "x.sf2", [[*decay, *SINE]])
    for pitch, seconds in ((60, 2.0), (72, 1.0)):
        audio = font.tone("flute", pitch, 90).audio[: RATE_HZ // 2]
        early, late = (np.std(audio[i * 1600 :][:1600]) for i in (0, 4))
        falls_db = 20 * np.log10(early / late)
        assert falls_db == pytest.approx(100 * 0.4 / seconds, rel=0.03)


def test_a_large_file_is_not_read_as_a_whole(tmp_path):
    path, gap = tmp_path / "x.sf2", 1 << 30
    small = soundfont_file.content([SINE])
    at = small.index(b"smpl") + 4
    size = int.from_bytes(small[at : at + 4], "little")
    content = bytearray(small[: at + 4 + size])
    rest = small[at + 4 + size :]
    content[at : at + 4] = (size + gap).to_bytes(4, "little")
    content[at - 12 : at - 8] = (12 + size + gap).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(content)
        file.seek(gap, 1)
        file.write(rest)
    tracemalloc.start()
    font = soundfont.Soundfont(path, RATE_HZ)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert cents(font, 69) == pytest.approx(0, abs=0.5)


SEEDS = [
    soundfont_file.content([SINE], presets=[Preset(0)]),
    soundfont_file.content(
        [[ROOT_69], [span(43, 0, 80), LOOPED, SAMPLE], [span(43, 70, 127), SAMPLE]],
        presets=[Preset(0, [[generator(51, 1)], [INSTRUMENT], [INSTRUMENT]])],
        headers=[Header(end=len(soundfont_file.compressed(2000)), kind=0x11)],
        samples=soundfont_file.compressed(2000),
        padded=False,
    ),
]


@st.composite
def damaged(draw):
    """A soundfont with some of its bytes behind the samples changed, or cut short."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    lists = content.rindex(b"LIST")
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(lists, len(content) - 1))
        content[at] = draw(st.integers(0, 255))
    if draw(st.integers(0, 9)) == 0:
        del content[draw(st.integers(0, len(content))) :]
    return bytes(content)


@hypothesis.settings(max_examples=120, deadline=None, derandomize=True)
@hypothesis.given(st.one_of(damaged(), st.binary(max_size=400)))
def test_any_bytes_sound_or_are_refused(content):
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.sf2"
        path.write_bytes(content)
        try:
            font = soundfont.Soundfont(path, RATE_HZ)
            audio = font.tone("acoustic_grand_piano", 69, 90, 1.0).audio
        except ValueError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error)
        else:
            assert len(audio) <= 9 * RATE_HZ
            assert np.all(np.isfinite(audio))
    assert time.perf_counter() - start < 5
