"""Lengths that headers do not tell, or tell wrongly."""

import numpy as np
import pytest
import soundfile

from tf_mt.audio import ffmpeg, files

RATE_HZ = 16_000


def noise(seconds=1.0, channels=1):
    shape = round(seconds * RATE_HZ), channels
    return np.random.default_rng(0).uniform(-0.5, 0.5, shape)


def mp3(path, audio):
    soundfile.write(path, audio, RATE_HZ, format="MP3", bitrate_mode="VARIABLE")
    return path.read_bytes()


def seconds(path):
    """The length, which all ways to get it agree on."""
    read = len(files.read(path, RATE_HZ))
    assert sum(map(len, files.blocks(path, RATE_HZ, 1000))) == read
    assert files.duration_seconds(path) == read / RATE_HZ
    return read / RATE_HZ


@pytest.mark.parametrize(
    ("suffix", "container", "encoding"),
    [
        (".AIFF", "AIFF", "PCM_16"),
        (".aifc", "AIFF", "FLOAT"),
        (".au", "AU", "PCM_16"),
        (".caf", "CAF", "ALAC_16"),
        (".oga", "OGG", "VORBIS"),
        (".opus", "OGG", "OPUS"),
        (".rf64", "RF64", "PCM_24"),
        (".voc", "VOC", "PCM_16"),
        (".w64", "W64", "PCM_16"),
        (".wav", "WAV", "IMA_ADPCM"),
        (".wav", "WAV", "ULAW"),
    ],
)
def test_what_libsndfile_decodes_is_read(tmp_path, suffix, container, encoding):
    path = tmp_path / f"a{suffix}"
    tone = 0.5 * np.sin(0.1 * np.arange(RATE_HZ))
    soundfile.write(path, tone, RATE_HZ, encoding, format=container)
    audio = files.read(path, RATE_HZ)
    assert len(audio) == pytest.approx(RATE_HZ, abs=400)
    np.testing.assert_allclose(audio[2000:14_000], tone[2000:14_000], atol=0.05)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_flac_of_a_stream_leaves_its_length_open(tmp_path, channels):
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(channels=channels), RATE_HZ)
    whole = files.read(path, RATE_HZ)
    content = bytearray(path.read_bytes())
    # The length is the last 36 bits before the checksum of STREAMINFO.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert soundfile.info(path).frames == 2**63 - 1
    np.testing.assert_array_equal(files.read(path, RATE_HZ), whole)
    assert seconds(path) == 1.0


@pytest.mark.parametrize("tag", [b"", b"ID3\3\0\0\0\0\2\0" + bytes(256), bytes(3000)])
def test_an_mp3_is_decoded_to_its_end_without_a_header_of_its_length(tmp_path, tag):
    path = tmp_path / "a.mp3"
    audio = np.concatenate([noise(0.5), np.zeros((4 * RATE_HZ, 1)), noise(0.5)])
    content = mp3(path, audio)
    assert b"Xing" in content
    path.write_bytes(tag + content.replace(b"Xing", bytes(4)))
    assert soundfile.info(path).frames < 3 * RATE_HZ
    # The silence that the encoder adds, which the header would have told, is left.
    assert seconds(path) == pytest.approx(5.0, abs=0.25)
    assert np.abs(files.read(path, RATE_HZ)[-RATE_HZ // 2 :]).max() > 0.2


def test_mp3s_in_a_row_are_all_decoded(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(mp3(path, noise(2.0)) + mp3(path, noise(3.0)))
    assert soundfile.info(path).frames == 2 * RATE_HZ
    assert seconds(path) == pytest.approx(5.0, abs=0.4)


@pytest.mark.parametrize("tag", [b"TAG" + bytes(125), b"APETAGEX" + bytes(50_000)])
def test_tags_behind_an_mp3_do_not_change_it(tmp_path, tag):
    path = tmp_path / "a.mp3"
    content = mp3(path, noise(2.0))
    whole = files.read(path, RATE_HZ)
    path.write_bytes(content + tag)
    np.testing.assert_array_equal(files.read(path, RATE_HZ), whole)
    assert seconds(path) == 2.0


def chunk_length(content, name, length):
    place = content.index(name) + 4
    return content[:place] + length.to_bytes(4, "little") + content[place + 4 :]


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_leaves_its_length_open(tmp_path, length):
    path = tmp_path / "a.wav"
    audio = noise()
    audio[:3000] = 0.0
    soundfile.write(path, audio, RATE_HZ)
    whole = files.read(path, RATE_HZ)
    path.write_bytes(chunk_length(path.read_bytes(), b"data", length))
    np.testing.assert_array_equal(files.read(path, RATE_HZ), whole)
    assert seconds(path) == 1.0


def test_a_wav_without_samples_is_said_to_have_none(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0.0), RATE_HZ)
    path.write_bytes(path.read_bytes() + b"LIST\4\0\0\0INFO")
    with pytest.raises(ValueError, match=r"a\.wav.*it has no samples"):
        files.read(path, RATE_HZ)


@pytest.mark.parametrize("surplus", [1, 8, 44])
def test_a_length_that_counts_the_header_is_forgiven(tmp_path, surplus):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE_HZ)
    path.write_bytes(chunk_length(path.read_bytes(), b"data", 2 * RATE_HZ + surplus))
    assert seconds(path) == 1.0


@pytest.mark.parametrize("container", ["WAV", "RF64"])
def test_less_than_the_header_tells_is_refused(tmp_path, container):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE_HZ, "PCM_16", format=container)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"a\.wav.*cut short; 1000 bytes of its"):
        files.read(path, RATE_HZ)


def test_samples_in_several_chunks_are_not_lost_without_a_word(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE_HZ)
    content = path.read_bytes()
    path.write_bytes(content + content[content.index(b"data") :])
    with pytest.raises(ValueError, match=r"a\.wav.*several chunks of samples"):
        files.read(path, RATE_HZ)


@pytest.mark.parametrize("rate_hz", [1, 99, 1_000_001])
def test_rates_of_nothing_that_sounds_are_refused(tmp_path, rate_hz):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE_HZ)
    path.write_bytes(
        path.read_bytes().replace(
            RATE_HZ.to_bytes(4, "little"), rate_hz.to_bytes(4, "little")
        )
    )
    with pytest.raises(ValueError, match=rf"its rate of {rate_hz} Hz is not between"):
        files.read(path, RATE_HZ)


@pytest.mark.parametrize("told_seconds", [0, 3])
def test_the_length_of_a_flac_is_what_can_be_decoded(tmp_path, told_seconds):
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(), RATE_HZ)
    content = bytearray(path.read_bytes())
    content[22:26] = (told_seconds * RATE_HZ).to_bytes(4)
    path.write_bytes(content)
    assert seconds(path) == 1.0


def ogg_pair(folder):
    """Two streams, whose numbers differ, one after the other."""
    contents = []
    for number in range(2):
        path = folder / f"{number}.ogg"
        soundfile.write(path, noise(), RATE_HZ)
        contents.append(path.read_bytes())
        path.unlink()
    assert contents[0][14:18] != contents[1][14:18]
    (folder / "a.ogg").write_bytes(b"".join(contents))
    return folder / "a.ogg"


def test_all_streams_of_an_ogg_file_are_decoded(tmp_path):
    pytest.importorskip("av")
    assert seconds(ogg_pair(tmp_path)) == pytest.approx(2.0, abs=0.05)


def test_without_pyav_an_ogg_file_of_several_streams_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(ffmpeg, "installed", lambda: False)
    with pytest.raises(
        ValueError, match=r"a\.ogg.*several streams in a row, which need"
    ):
        files.read(ogg_pair(tmp_path), RATE_HZ)


def test_a_length_beyond_32_bits_is_not_cut(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE_HZ)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + (1 << 32))  # Takes no room on disk.
    with pytest.raises(ValueError, match=r"a\.wav.*longer than its header can tell"):
        files.read(path, RATE_HZ)


@pytest.mark.parametrize("name", [b"fmt ", b"LIST"])
def test_no_room_is_set_aside_for_what_a_damaged_header_tells(tmp_path, name):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE_HZ)
    content = path.read_bytes().replace(b"data", b"LIST\4\0\0\0INFOdata", 1)
    assert len(files.read(path, RATE_HZ)) == RATE_HZ
    path.write_bytes(chunk_length(content, name, 1 << 30))
    with pytest.raises(ValueError, match=r"a\.wav.*its header is damaged"):
        files.read(path, RATE_HZ)
