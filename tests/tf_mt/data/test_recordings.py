import tracemalloc

import numpy as np
import pytest
import soundfile

from pipelines import conversion
from tests.pipelines import musicnet_tree
from tf_mt.data import index, recordings

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Three recordings of noise, 45 s each, and what each of them is."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    long = rng.integers(-32768, 32768, 45 * 800).astype(np.int16)
    for file in range(3):
        path = folder / "source" / "noise" / f"{file}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.roll(long, file), 800)
    conversion.convert(
        "audio_folder",
        folder / "data",
        settings={"source": str(folder / "source"), "sample_rate": 800},
    )
    whole = {
        f"noise/{file}.wav": (np.roll(long, file) / 32768).astype(np.float32)
        for file in range(3)
    }
    return folder / "data", whole


@pytest.fixture(scope="module")
def cellos(tmp_path_factory):
    """MusicNet's solo cellos; one is of three chunks, with notes across them."""
    folder = tmp_path_factory.mktemp("cellos")
    source = musicnet_tree.write(folder / "musicnet")
    musicnet_tree.write_tone(musicnet_tree.wav(source, 2217), 45.0)
    second = musicnet_tree.RATE_HZ
    musicnet_tree.write_labels(
        musicnet_tree.labels(source, 2217),
        [
            (14 * second, 32 * second, 43, 60),  # In all three.
            (13 * second, 15 * second, 43, 61),  # Ends with the first.
            (14 * second, 16 * second, 43, 59),
            (44 * second, 50 * second, 43, 62),  # Ends after the recording.
        ],
    )
    conversion.convert(
        "musicnet",
        folder / "data",
        settings={"source": str(source), "domain": ["Cello=ensemble:Solo Cello"]},
    )
    found = [recordings.Recordings(folder / "data", split) for split in SPLITS]
    return {entry.recording: (one, entry) for one in found for entry in one.entries}


def test_recordings_are_whole_and_in_order(ramps):
    found = [r for s in SPLITS for r in recordings.read(ramps, s)]
    assert sorted(r.recording for r in found) == [
        f"{'high' if k < 12 else 'low'}/{k:02d}.wav" for k in range(24)
    ]
    for recording in found:
        number = int(recording.recording[-6:-4])
        assert recording.domain == ("high" if number < 12 else "low")
        assert recording.piece == ""
        expected = (2000 * number + np.arange(2000) - 32000) / 32768
        np.testing.assert_array_equal(recording.audio, expected.astype(np.float32))


def test_recordings_longer_than_a_chunk_are_joined(noise):
    data, whole = noise
    assert len(index.scan(index.shards(index.open_dataset(data), "train"))) == 3
    (recording,) = recordings.read(data, "train")
    np.testing.assert_array_equal(recording.audio, whole[recording.recording])


def test_entries_tell_what_there_is(scores_data):
    test = recordings.Recordings(scores_data, "test")
    assert test.info.name == "scores/unpaired"
    assert test.info.sample_rate_hz == 8000
    assert test.info.domains == ("violin", "flute", "trumpet")
    names = [entry.recording for entry in test.entries]
    assert names == sorted(names)
    read = list(recordings.read(scores_data, "test"))
    assert [(r.domain, r.recording, r.piece, len(r.audio)) for r in read] == [
        (e.domain, e.recording, e.piece, e.samples) for e in test.entries
    ]
    assert all(e.recording == f"{e.piece}/{e.domain}" for e in test.entries)


def test_recordings_are_read_in_any_order(ramps):
    train = recordings.Recordings(ramps, "train")
    for entry in reversed(train.entries):
        number = int(entry.recording[-6:-4])
        (sample,) = train.audio(entry, 7, 1)
        assert sample == (2000 * number + 7 - 32000) / 32768


@pytest.mark.parametrize(
    ("start", "samples"),
    [
        (0, 36000),
        (0, 100),
        (11990, 20),  # Across two chunks.
        (12000, 12000),  # A chunk.
        (11999, 12002),
        (35990, 10),
        (35990, 11),  # Over the end.
        (36000, 5),
        (40000, 5),
        (5, 0),
        (30000, None),
        (40000, None),
    ],
)
def test_a_part_is_that_of_the_whole(noise, start, samples):
    data, whole = noise
    train = recordings.Recordings(data, "train")
    (entry,) = train.entries
    assert entry.samples == 36000
    end = None if samples is None else start + samples
    found = train.audio(entry, start, samples)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, whole[entry.recording][start:end])


def test_only_the_part_is_in_memory(cellos):
    found, entry = cellos["2217"]
    assert entry.samples == 45 * 16000
    tracemalloc.start()
    try:
        found.audio(entry, 300_000, 1000)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 50_000


@pytest.mark.parametrize(
    ("start", "samples", "message"),
    [(-1, 5, r"start_samples=-1 must be at"), (0, -5, r"samples=-5 must be at least")],
)
def test_refuses_a_part_before_the_beginning(ramps, start, samples, message):
    train = recordings.Recordings(ramps, "train")
    with pytest.raises(ValueError, match=message):
        train.audio(train.entries[0], start, samples)


def test_a_note_across_chunks_is_there_once(cellos):
    found, entry = cellos["2217"]
    notes = found.notes(entry)
    assert notes.dtype.names == ("onset_seconds", "duration_seconds", "pitch")
    assert notes.tolist() == [
        (13.0, 2.0, 61),
        (14.0, 2.0, 59),
        (14.0, 18.0, 60),
        (44.0, 1.0, 62),
    ]


def test_each_recording_has_its_own_notes(cellos):
    for recording in musicnet_tree.RECORDINGS["Bach", "Solo Cello"]:
        if recording != 2217:
            found, entry = cellos[str(recording)]
            notes = found.notes(entry)
            assert notes["pitch"].tolist() == [53, 48, 60]
            np.testing.assert_allclose(
                notes["onset_seconds"] * 44100, [0, 4410, 4410], atol=0.01
            )
            np.testing.assert_allclose(
                notes["duration_seconds"] * 44100, [8000, 7590, 6615], atol=0.01
            )


def test_a_dataset_without_notes_has_none(ramps):
    test = recordings.Recordings(ramps, "test")
    assert test.notes(test.entries[0]) is None


def test_refuses_what_is_not_there(ramps, tmp_path):
    with pytest.raises(FileNotFoundError, match="no dataset there"):
        recordings.Recordings(tmp_path, "test")
    with pytest.raises(ValueError, match="split='dev' is not in"):
        recordings.Recordings(ramps, "dev")
