"""Bytes are decoded as libsndfile decodes them, however they are split."""

import io

import numpy as np
import pytest
import soundfile

from tf_mt.audio import pcm, wav_pipe

SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
AUDIO = np.random.default_rng(0).uniform(-1, 1, (1001, 3))


@pytest.mark.parametrize("piece_bytes", [1, 7, 10_000_000])
@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_all_encodings(subtype, channels, piece_bytes):
    file = io.BytesIO()
    soundfile.write(file, AUDIO[:, :channels], 22_050, subtype, format="WAV")
    file.seek(0)
    expected, _ = soundfile.read(file, dtype="float32", always_2d=True)
    file.seek(0)
    written, data_bytes = wav_pipe.read_header(file.read)
    assert (written.sample_rate_hz, written.channels) == (22_050, channels)
    data = file.read(data_bytes)
    decoder = pcm.Decoder(written)
    pieces = [data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes)]
    decoded = np.concatenate([decoder.decode(piece) for piece in pieces])
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(decoded, expected.mean(axis=1), atol=1e-7)
    if channels == 1:
        np.testing.assert_array_equal(decoded, expected[:, 0])


def test_what_is_not_finite_is_refused():
    decoder = pcm.Decoder(pcm.Format(8000, value_bytes=4, floating=True))
    with pytest.raises(ValueError, match="input has samples that are not finite"):
        decoder.decode(np.float32([0.0, np.nan]).tobytes())


def test_half_a_sample_at_the_end_is_none():
    decoder = pcm.Decoder(pcm.Format(8000))
    np.testing.assert_array_equal(decoder.decode(b"\0\x40\0"), [0.5])
