"""Every format, rate and channel count comes out as the same mono samples."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tf_mt.audio import files, finding

RECORDINGS = Path(
    os.environ.get("TF_MT_RECORDINGS", Path(__file__).parents[4] / "shared" / "data")
)

# Suffix, container and encoding as soundfile names them, and the error that the
# encoding may leave.
LOSSLESS = [
    (".wav", "WAV", "PCM_16", 4e-5),
    (".wav", "WAV", "PCM_24", 2e-7),
    (".wav", "WAV", "PCM_32", 1e-7),
    (".wav", "WAV", "FLOAT", 1e-7),
    (".wav", "WAV", "DOUBLE", 1e-7),
    (".wav", "WAVEX", "PCM_16", 4e-5),
    (".wav", "WAVEX", "PCM_24", 2e-7),
    (".wav", "WAVEX", "FLOAT", 1e-7),
    (".flac", "FLAC", "PCM_16", 4e-5),
    (".flac", "FLAC", "PCM_24", 2e-7),
]


def channels_of(mono, channels):
    """Channels that differ and whose mean is `mono`: [samples, channels]."""
    gains = np.arange(1, channels + 1) / np.mean(np.arange(1, channels + 1))
    return mono[:, np.newaxis] * gains


def tone(rate_hz, seconds=1.0, hz=440.0, amplitude=0.3):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(rate_hz * seconds) / rate_hz)


def fitted_tone(audio, rate_hz, hz=440.0):
    """Amplitude of a tone by least squares, and the RMS of what it leaves.

    The first and last eighth are left out: a tone that starts is not a tone.
    """
    audio = audio[len(audio) // 8 : -len(audio) // 8]
    angle = 2 * np.pi * hz * np.arange(len(audio)) / rate_hz
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    weights, *_ = np.linalg.lstsq(basis, audio, rcond=None)
    return np.hypot(*weights), np.sqrt(np.mean((audio - basis @ weights) ** 2))


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize(("suffix", "container", "encoding", "error"), LOSSLESS)
def test_lossless_formats_are_read_exactly(
    tmp_path, suffix, container, encoding, error, channels
):
    mono = np.random.default_rng(channels).uniform(-0.5, 0.5, 70_000)
    path = tmp_path / f"noise{suffix}"
    soundfile.write(
        path, channels_of(mono, channels), 16_000, encoding, format=container
    )
    audio = files.read(path, 16_000)
    assert audio.dtype == np.float32
    assert audio.shape == mono.shape
    np.testing.assert_allclose(audio, mono, rtol=0, atol=error)
    assert files.duration_seconds(path) == 70_000 / 16_000


@pytest.mark.parametrize(
    ("suffix", "container", "encoding", "channels"),
    [
        (".ogg", "OGG", "VORBIS", 1),
        (".ogg", "OGG", "VORBIS", 5),
        (".ogg", "OGG", "OPUS", 2),
        (".mp3", "MP3", "MPEG_LAYER_III", 1),
        (".mp3", "MP3", "MPEG_LAYER_III", 2),
    ],
)
def test_lossy_formats_keep_tone_and_length(
    tmp_path, suffix, container, encoding, channels
):
    path = tmp_path / f"tone{suffix}"
    heard = channels_of(tone(48_000, seconds=2.0), channels)
    soundfile.write(path, heard, 48_000, encoding, format=container)
    audio = files.read(path, 16_000)
    assert len(audio) == 32_000
    amplitude, rest = fitted_tone(audio, 16_000)
    assert amplitude == pytest.approx(0.3, rel=0.02)
    assert rest < 0.01


def test_an_mp3_of_variable_rate_has_no_seams(tmp_path):
    # Read with seeks in between, as soundfile does, this one breaks at every chunk.
    path = tmp_path / "tone.mp3"
    soundfile.write(path, tone(48_000, seconds=6.0), 48_000, bitrate_mode="VARIABLE")
    whole, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(files.read(path, 48_000), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("wanted_hz", [8_000, 16_000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("stored_hz", [8_000, 11_025, 44_100, 48_000, 96_000])
def test_resampling_keeps_frequency_level_and_length(tmp_path, stored_hz, wanted_hz):
    path = tmp_path / "tone.wav"
    soundfile.write(path, channels_of(tone(stored_hz), 2), stored_hz, "FLOAT")
    audio = files.read(path, wanted_hz)
    assert abs(len(audio) - wanted_hz) <= 1
    amplitude, rest = fitted_tone(audio, wanted_hz)
    assert amplitude == pytest.approx(0.3, rel=1e-3)
    assert rest < 1e-4


def test_what_the_new_rate_cannot_hold_is_removed(tmp_path):
    path = tmp_path / "high.wav"
    soundfile.write(path, tone(48_000, hz=6_000.0), 48_000, "FLOAT")
    audio = files.read(path, 8_000)
    assert np.sqrt(np.mean(audio[1000:-1000] ** 2)) < 1e-4


@pytest.mark.parametrize("block_samples", [1_000, 65_536, 1_000_000])
@pytest.mark.parametrize("stored_hz", [16_000, 44_100])
def test_blocks_together_are_what_read_returns(tmp_path, stored_hz, block_samples):
    path = tmp_path / "noise.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (200_003, 2))
    soundfile.write(path, noise, stored_hz, "PCM_24")
    blocks = list(files.blocks(path, 16_000, block_samples))
    assert all(len(block) == block_samples for block in blocks[:-1])
    assert 0 < len(blocks[-1]) <= block_samples
    np.testing.assert_array_equal(np.concatenate(blocks), files.read(path, 16_000))


def test_blocks_need_no_more_memory_for_a_longer_file(tmp_path):
    def peak_bytes(samples):
        path = tmp_path / "long.wav"
        soundfile.write(path, np.zeros(samples), 44_100)
        tracemalloc.start()
        for _ in files.blocks(path, 16_000, 4_000):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_bytes(100_000)  # What is imported and cached on first use does not count.
    assert peak_bytes(4_000_000) < 1.1 * peak_bytes(1_000_000)


def test_blocks_decode_only_what_is_asked_for(tmp_path, monkeypatch):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(1_000_000), 16_000)
    decoded = []
    read = soundfile.SoundFile.read

    def counting_read(*args, **kwargs):
        audio = read(*args, **kwargs)
        decoded.append(len(audio))
        return audio

    monkeypatch.setattr(soundfile.SoundFile, "read", counting_read)
    next(files.blocks(path, 16_000, 1_000))
    assert sum(decoded) < 100_000


@pytest.mark.parametrize(
    "suffix", [".wav", ".flac", ".ogg", ".mp3", ".aiff", ".caf", ".m4a", ".mkv"]
)
@pytest.mark.parametrize(
    "content", [b"", b"RIFF", np.random.default_rng(0).bytes(20_000)]
)
def test_what_is_not_audio_is_refused_by_name(tmp_path, suffix, content):
    path = tmp_path / f"not_audio{suffix}"
    path.write_bytes(content)
    for use in (
        lambda: files.read(path, 16_000),
        lambda: list(files.blocks(path, 16_000, 1_000)),
        lambda: files.duration_seconds(path),
    ):
        with pytest.raises(
            ValueError, match=rf"not_audio{suffix}.*cannot be read as audio \(.+\)"
        ):
            use()


@pytest.mark.parametrize(
    "name", ["a b.wav", "日本.wav", "line\nbreak.wav", os.fsdecode(b"latin-\xe9.wav")]
)
def test_any_name_will_do(tmp_path, name):
    soundfile.write(os.fsencode(tmp_path / name), tone(16_000), 16_000, format="WAV")
    assert len(files.read(tmp_path / name, 16_000)) == 16_000


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read as audio"):
        files.read(tmp_path, 16_000)


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_damaged_flac_is_refused(tmp_path, damage):
    path = tmp_path / "noise.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 100_000), 16_000)
    content = path.read_bytes()
    half = len(content) // 2
    rest = b"" if damage == "cut" else bytes(5_000) + content[half + 5_000 :]
    path.write_bytes(content[:half] + rest)
    with pytest.raises(ValueError, match=r"noise\.flac.*flac decoder"):
        files.read(path, 16_000)


def test_an_ogg_file_cut_short_gives_what_it_has(tmp_path):
    path = tmp_path / "noise.ogg"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 100_000), 16_000)
    whole = files.read(path, 16_000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    part = files.read(path, 16_000)
    assert 30_000 < len(part) < 51_000
    np.testing.assert_array_equal(part[:30_000], whole[:30_000])


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize("layout", ["WAV", "WAVEX"])
def test_a_wav_file_cut_short_is_refused(tmp_path, layout, subtype):
    path = tmp_path / "noise.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (50_000, 2))
    soundfile.write(path, noise, 16_000, subtype, format=layout)
    content = path.read_bytes()
    path.write_bytes(content[:-1000])
    with pytest.raises(ValueError, match=r"noise\.wav.*cut short; 1000 bytes of its"):
        files.read(path, 16_000)
    with pytest.raises(ValueError, match="cut short"):
        files.duration_seconds(path)


def test_files_without_samples_are_refused(tmp_path):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(0), 16_000)
    with pytest.raises(ValueError, match=r"silent\.wav.*it has no samples"):
        files.read(path, 16_000)
    with pytest.raises(ValueError, match="it has no samples"):
        files.duration_seconds(path)
    soundfile.write(path, np.zeros(1), 96_000)
    with pytest.raises(ValueError, match="it has no sample at 8000 Hz"):
        files.read(path, 8_000)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(tmp_path, value):
    path = tmp_path / "broken.wav"
    audio = np.zeros((200_000, 2))
    audio[150_000] = [value, -value]
    soundfile.write(path, audio, 16_000, "FLOAT")
    with pytest.raises(ValueError, match=r"broken\.wav.*not finite"):
        files.read(path, 16_000)


def test_a_missing_file_is_named(tmp_path):
    for use in (files.duration_seconds, lambda path: files.read(path, 16_000)):
        with pytest.raises(FileNotFoundError, match=r"gone\.wav.*no such file"):
            use(tmp_path / "gone.wav")


def test_write_rounds_and_clips(tmp_path):
    path = tmp_path / "new" / "out.wav"
    files.write(path, np.array([0.0, 0.25, -1.0, 1.0, -7.0, 7.0]), 22_050)
    stored, rate_hz = soundfile.read(path, dtype="int16")
    assert rate_hz == 22_050
    assert stored.tolist() == [0, 8192, -32768, 32767, -32768, 32767]
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.channels) == ("WAV", "PCM_16", 1)


def test_what_is_written_is_read_again(tmp_path):
    audio = np.random.default_rng(0).uniform(-1, 1, 50_000).astype(np.float32)
    files.write(tmp_path / "once.wav", audio, 16_000)
    once = files.read(tmp_path / "once.wav", 16_000)
    np.testing.assert_allclose(once, audio, rtol=0, atol=2.0**-15)
    files.write(tmp_path / "twice.wav", once, 16_000)
    np.testing.assert_array_equal(files.read(tmp_path / "twice.wav", 16_000), once)


def test_writer_joins_blocks(tmp_path):
    audio = np.linspace(-1, 1, 1_000)
    with files.Writer(tmp_path / "blocks.wav", 16_000) as writer:
        for block in np.split(audio, 10):
            writer.write(block)
        assert not (tmp_path / "blocks.wav").exists()
    files.write(tmp_path / "whole.wav", audio, 16_000)
    assert (tmp_path / "blocks.wav").read_bytes() == (
        tmp_path / "whole.wav"
    ).read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_failed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.wav"
    files.write(path, np.zeros(10), 16_000)
    before = path.read_bytes()
    with (
        pytest.raises(ValueError, match="not finite"),
        files.Writer(path, 16_000) as writer,
    ):
        writer.write(np.ones(10))
        writer.write(np.array([np.nan]))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_real_notes_have_the_pitch_in_their_names():
    folder = RECORDINGS / "philharmonia"
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; set TF_MT_RECORDINGS")
    notes = [path for path in finding.find(folder) if "_A4_1_" in path.name]
    assert notes
    for path in notes[::3]:
        audio = files.read(path, 16_000)
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 17))
        hz = np.arange(len(spectrum)) * 16_000 / (1 << 17)
        partials = sum(np.interp(hz * partial, hz, spectrum) for partial in range(1, 5))
        near = (hz > 330) & (hz < 660)
        pitch_hz = hz[near][np.argmax(partials[near])]
        assert 12 * abs(np.log2(pitch_hz / 440.0)) < 0.75, path.name


def test_a_real_phrase_is_read():
    path = RECORDINGS / "phrases" / "solo-trumpet-06.ogg"
    if not path.is_file():
        pytest.skip(f"no recording {path}; set TF_MT_RECORDINGS")
    audio = files.read(path, 16_000)
    assert len(audio) == pytest.approx(files.duration_seconds(path) * 16_000, abs=1)
    assert 0.1 < np.max(np.abs(audio)) <= 1.1
