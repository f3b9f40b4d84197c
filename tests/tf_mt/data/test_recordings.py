import numpy as np

from tf_mt.data import index, recordings


def test_recordings_are_whole_and_in_order(ramps):
    found = [
        r for s in ("train", "validation", "test") for r in recordings.read(ramps, s)
    ]
    assert sorted(r.recording for r in found) == [
        f"{'high' if k < 12 else 'low'}/{k:02d}.wav" for k in range(24)
    ]
    for recording in found:
        number = int(recording.recording[-6:-4])
        assert recording.domain == ("high" if number < 12 else "low")
        assert recording.piece == ""
        expected = (2000 * number + np.arange(2000) - 32000) / 32768
        np.testing.assert_array_equal(recording.audio, expected.astype(np.float32))


def test_recordings_longer_than_a_chunk_are_joined(tmp_path):
    import soundfile

    from pipelines import conversion

    rng = np.random.default_rng(0)
    long = rng.integers(-32768, 32768, 45 * 800).astype(np.int16)
    for file in range(3):
        path = tmp_path / "source" / "noise" / f"{file}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.roll(long, file), 800)
    conversion.convert(
        "audio_folder",
        tmp_path / "data",
        settings={"source": str(tmp_path / "source"), "sample_rate": 800},
    )
    dataset = index.open_dataset(tmp_path)
    assert len(index.scan(index.shards(dataset, "train"))) == 3
    (recording,) = recordings.read(tmp_path, "train")
    number = int(recording.recording[-5])
    np.testing.assert_array_equal(recording.audio * 32768, np.roll(long, number))
