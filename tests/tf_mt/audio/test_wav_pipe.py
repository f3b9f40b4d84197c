import io
import struct

import numpy as np
import pytest
import soundfile

from tf_mt.audio import pcm, wav_pipe


def wav(length, before=b"", form=(1, 1, 8000, 16000, 2, 16)):
    """A header whose samples claim a length; a chunk before the format."""
    content = struct.pack("<HHIIHH", *form)
    chunk = struct.pack("<4sI", b"fmt ", len(content)) + content
    data = struct.pack("<4sI", b"data", length)
    return b"RIFF" + struct.pack("<I", length) + b"WAVE" + before + chunk + data


def read(data):
    return wav_pipe.read_header(io.BytesIO(data).read)


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_is_unknown(length):
    assert read(wav(length)) == (pcm.Format(8000), None)


def test_a_length_that_is_known():
    assert read(wav(1234)) == (pcm.Format(8000), 1234)


def test_other_chunks_are_passed_over():
    file = io.BytesIO(wav(4, b"LIST" + struct.pack("<I", 3) + b"abc\0") + b"samples")
    assert wav_pipe.read_header(file.read) == (pcm.Format(8000), 4)
    assert file.read() == b"samples"


def test_an_extensible_format():
    plain = soundfile.SoundFile(
        file := io.BytesIO(), "w", 48_000, 2, "FLOAT", format="WAVEX"
    )
    with plain:
        plain.write(np.zeros([10, 2]))
    written, length = read(file.getvalue())
    assert written == pcm.Format(48_000, 2, 4, floating=True)
    assert length == 80


def test_what_is_written_can_be_read():
    header = wav_pipe.header(44_100)
    assert read(header) == (pcm.Format(44_100), None)
    samples = np.arange(100, dtype="<i2")
    file = io.BytesIO(header + samples.tobytes())
    decoded, rate_hz = soundfile.read(file, dtype="int16")
    assert rate_hz == 44_100
    np.testing.assert_array_equal(decoded, samples)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not begin like a WAV file; send one, or give the rate"),
        (b"fLaC" + bytes(100), "does not begin like a WAV file"),
        (wav(0)[:30], "damaged"),
        (wav(0)[:-8], "ends before its first sample"),
        (wav(0, form=(1, 1, 8000, 8000, 1, 12)), "encoding 1 with 12 bits in 1 chan"),
        (wav(0, form=(6, 1, 8000, 8000, 1, 8)), "encoding 6 with 8 bits in 1 chan"),
        (wav(0, form=(1, 0, 8000, 8000, 1, 8)), "with 8 bits in 0 channels"),
    ],
)
def test_words_for_what_is_no_wav_file(data, words):
    with pytest.raises(ValueError, match=words):
        read(data)


def test_damage_is_refused_or_read_over():
    random = np.random.default_rng(0)
    whole = wav(4, b"LIST" + struct.pack("<I", 4) + b"abcd") + bytes(8)
    for _ in range(2000):
        data = bytearray(whole[: random.integers(0, len(whole) + 1)])
        for place in random.integers(0, len(data), 3) if data else ():
            data[place] = random.integers(0, 256)
        try:
            written, _ = read(bytes(data))
        except ValueError as error:
            assert str(error).startswith("input ")
        else:
            assert written.channels > 0
            decoded = pcm.Decoder(written).decode(bytes(100_000))
            assert len(decoded) == 100_000 // (written.channels * written.value_bytes)
