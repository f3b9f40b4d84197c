"""What libsndfile does not decode, written by FFmpeg's own encoders."""

import tracemalloc

import numpy as np
import pytest
import soundfile

from tf_mt.audio import ffmpeg, files

av = pytest.importorskip("av")

RATE_HZ = 48_000


def write(path, audio, codec, **options):
    """Encodes float `[channels, samples]`."""
    layout = {1: "mono", 2: "stereo"}[len(audio)]
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=RATE_HZ, layout=layout)
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(np.float32(audio), "fltp", layout)
        frame.sample_rate = RATE_HZ
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


def tone(seconds=1.0, hz=440.0):
    angle = 2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return 0.5 * np.sin(angle)[np.newaxis]


def heard(audio, rate_hz, hz):
    """The amplitude of a tone in the middle half of a recording."""
    middle = audio[len(audio) // 4 : 3 * len(audio) // 4]
    angle = 2 * np.pi * hz * np.arange(len(middle)) / rate_hz
    return 2 * abs(np.mean(middle * np.exp(-1j * angle)))


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.m4a", "aac"),
        ("a.M4A", "alac"),
        ("a.aac", "aac"),
        ("a.mp4", "aac"),
        ("a.mov", "pcm_s16le"),
        ("a.mkv", "pcm_s16le"),
        ("a.webm", "libopus"),
        ("a.wma", "wmav2"),
        ("a.wv", "wavpack"),
        ("a.ac3", "ac3"),
        ("a.tta", "tta"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_pitch_level_and_length_are_kept(tmp_path, name, codec, channels):
    path = tmp_path / name
    write(path, np.repeat(tone(2.0), channels, axis=0), codec)
    audio = files.read(path, 16_000)
    assert audio.dtype == np.float32
    assert len(audio) == pytest.approx(32_000, abs=2_000)
    assert heard(audio, 16_000, 440.0) == pytest.approx(0.5, abs=0.03)
    assert files.duration_seconds(path) == pytest.approx(len(audio) / 16_000, abs=1e-4)


def test_lossless_samples_are_exact(tmp_path):
    write(tmp_path / "a.m4a", 0.9 * tone(), "alac")
    np.testing.assert_allclose(
        files.read(tmp_path / "a.m4a", RATE_HZ), 0.9 * tone()[0], atol=4e-5
    )


def test_channels_that_cancel_are_not_averaged(tmp_path):
    write(tmp_path / "a.m4a", np.concatenate([tone(), -tone()]), "alac")
    np.testing.assert_allclose(
        np.abs(files.read(tmp_path / "a.m4a", RATE_HZ)), np.abs(tone()[0]), atol=4e-5
    )


def test_memory_does_not_grow_with_the_length(tmp_path):
    def peak_bytes(seconds):
        path = tmp_path / f"{seconds}.m4a"
        write(path, np.zeros((1, seconds * RATE_HZ)), "alac")
        tracemalloc.start()
        for _ in files.blocks(path, 16_000, 4_000):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_bytes(1)
    assert peak_bytes(60) < 1.1 * peak_bytes(15)


def test_a_picture_has_no_sound(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        frame = av.VideoFrame(16, 16, "yuv420p")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    with pytest.raises(ValueError, match=r"a\.mp4.*it has no sound"):
        files.read(tmp_path / "a.mp4", 16_000)


def test_playlists_are_not_followed(tmp_path):
    soundfile.write(tmp_path / "secret.wav", tone()[0], RATE_HZ)
    for name, text in [
        ("a.m4a", "#EXTM3U\n#EXTINF:1,\nsecret.wav\n#EXT-X-ENDLIST\n"),
        ("b.m4a", "ffconcat version 1.0\nfile secret.wav\n"),
    ]:
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=r"m4a.*cannot be read as audio"):
            files.read(tmp_path / name, 16_000)


def test_a_name_that_looks_like_a_protocol_is_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.m4a", tone(), "alac")
    (tmp_path / "a.m4a").rename(tmp_path / "pipe:0.m4a")
    assert len(files.read("pipe:0.m4a", RATE_HZ)) == RATE_HZ


def test_without_pyav_it_is_said_what_to_install(tmp_path, monkeypatch):
    write(tmp_path / "a.m4a", tone(), "alac")
    monkeypatch.setattr(ffmpeg, "installed", lambda: False)
    with pytest.raises(
        ValueError, match=r"a\.m4a'.*\.m4a files need pip install 'tf_mt\[formats\]'"
    ):
        files.read(tmp_path / "a.m4a", 16_000)
    (tmp_path / "a.wav").write_bytes(b"not audio")
    with pytest.raises(ValueError, match=r"a\.wav'.*not recognised"):
        files.read(tmp_path / "a.wav", 16_000)
