import collections
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from pipelines import conversion
from pipelines.scores import notes, scores_dataset_builder, soundfont
from tests import midi_file
from tf_mt.data import index, recordings

DOMAINS = ("violin", "flute", "trumpet")
SPLITS = ("train", "validation", "test")


def write_score(path, seed, lowest=64, compass=12, parts=2):
    """Writes a MIDI file of melodies with pauses."""
    rng = np.random.default_rng(seed)
    midi_file.write(
        path,
        *(
            [
                (480 * beat, 300, lowest + int(rng.integers(0, compass)))
                for beat in range(8)
            ]
            for _ in range(parts)
        ),
    )


@pytest.fixture(scope="module")
def midi(tmp_path_factory):
    folder = tmp_path_factory.mktemp("midi")
    for seed in range(48):
        write_score(folder / f"score {seed}.mid", seed)
    return folder


def convert(midi, data_dir, config=None, **settings):
    settings = {"domains": DOMAINS, "sample_rate": 8000, **settings}
    return conversion.convert(
        "scores", data_dir, config, {"source": str(midi), **settings}
    )


@pytest.fixture(scope="module")
def unpaired(midi, tmp_path_factory):
    return convert(midi, tmp_path_factory.mktemp("data"), test_pieces=3)


@pytest.fixture(scope="module")
def paired(midi, tmp_path_factory):
    return convert(midi, tmp_path_factory.mktemp("data"), "paired", test_pieces=3)


def read(data, split):
    return list(recordings.read(data, split))


def piece_of(recording):
    return recording.recording.rsplit("/", 1)[0]


def programs(data):
    """The programs of the notes of each domain."""
    dataset = tfds.builder_from_directory(data)
    names = dataset.info.features["domain"].names
    found = collections.defaultdict(set)
    for example in dataset.as_dataset(split="all").as_numpy_iterator():
        found[names[example["domain"]]] |= set(example["notes"]["program"].tolist())
    return found


def power_db(audio, start, samples, hz, rate_hz=8000):
    """The power at a frequency in a part of a recording."""
    part = audio[start : start + samples] * np.hanning(samples)
    phase = 2j * np.pi * hz * np.arange(samples) / rate_hz
    return 10 * np.log10(np.abs(part @ np.exp(-phase)) ** 2 + 1e-12)


def pitch(audio, rate_hz=8000):
    """The pitch of a sustained tone by autocorrelation, as a MIDI number."""
    # Zeros after the spectrum give sixteen lags to a sample.
    power = np.abs(np.fft.rfft(audio, 2 * len(audio))) ** 2
    correlation = np.fft.irfft(power, 16 * 2 * len(audio))
    lags = np.arange(16 * rate_hz // 1200, 16 * rate_hz // 200)
    peaks = lags[
        (correlation[lags] > correlation[lags - 1])
        & (correlation[lags] >= correlation[lags + 1])
    ]
    strong = correlation[peaks] > 0.9 * np.max(correlation[peaks])
    return 69 + 12 * np.log2(16 * rate_hz / peaks[strong][0] / 440)


def lag(one, other, rate_hz=8000):
    """By how many frames of 10 ms the beginnings of notes differ."""
    librosa = pytest.importorskip("librosa")
    strengths = [
        librosa.onset.onset_strength(y=audio, sr=rate_hz, hop_length=rate_hz // 100)
        for audio in (one, other)
    ]
    correlation = np.correlate(*strengths, "full")
    return int(np.argmax(correlation)) - len(strengths[1]) + 1


def test_no_score_is_in_two_splits(unpaired):
    scores = {
        split: {
            recording.recording.split("/")[0] for recording in read(unpaired, split)
        }
        for split in SPLITS
    }
    assert sum(map(len, scores.values())) <= 48
    assert len(set.union(*scores.values())) == sum(map(len, scores.values()))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_one_domain_plays_each_piece_for_training(unpaired, split):
    found = read(unpaired, split)
    assert len({piece_of(recording) for recording in found}) == len(found)
    assert all(recording.piece == "" for recording in found)


def test_both_voices_of_a_score_are_pieces(unpaired):
    voices = collections.Counter(
        recording.recording.split("/")[0] for recording in read(unpaired, "train")
    )
    assert set(voices.values()) == {2}


def test_domains_get_the_same_amount_of_music(unpaired):
    seconds = collections.Counter()
    for recording in read(unpaired, "train"):
        seconds[recording.domain] += len(recording.audio) / 8000
    assert seconds.keys() == set(DOMAINS)
    assert max(seconds.values()) < 1.3 * min(seconds.values())


@pytest.mark.parametrize(
    ("config", "split"),
    [("unpaired", "test"), ("paired", "test"), ("paired", "train")],
)
def test_pieces_are_played_by_all_domains_alike(config, split, request):
    pieces = collections.defaultdict(dict)
    for recording in read(request.getfixturevalue(config), split):
        assert recording.recording == f"{recording.piece}/{recording.domain}"
        pieces[recording.piece][recording.domain] = recording.audio
    assert pieces
    lags = []
    for renderings in pieces.values():
        assert renderings.keys() == set(DOMAINS)
        assert len({len(audio) for audio in renderings.values()}) == 1
        assert len({audio.tobytes() for audio in renderings.values()}) == len(DOMAINS)
        lags.append(lag(renderings["violin"], renderings["trumpet"]))
    # Instruments differ in how fast they speak, not in when they are played.
    assert np.mean(np.abs(lags) <= 4) > 0.8


def test_pieces_of_the_test_split_have_the_same_pitches(unpaired):
    librosa = pytest.importorskip("librosa")
    pieces = collections.defaultdict(dict)
    for recording in read(unpaired, "test"):
        chroma = librosa.feature.chroma_stft(
            y=recording.audio, sr=8000, n_fft=2048, hop_length=512, tuning=0.0
        )
        pieces[recording.piece][recording.domain] = np.argmax(chroma, axis=0)
        loud = librosa.feature.rms(y=recording.audio, hop_length=512)[0] > 0.02
        pieces[recording.piece][recording.domain][~loud] = -1
    for chroma in pieces.values():
        sounding = (chroma["violin"] >= 0) & (chroma["flute"] >= 0)
        assert np.mean((chroma["violin"] == chroma["flute"])[sounding]) > 0.85


def test_the_test_split_is_limited(unpaired):
    found = read(unpaired, "test")
    assert len({recording.piece for recording in found}) == 3
    assert len(found) == 3 * len(DOMAINS)


def test_nothing_clips_and_nothing_is_silent(unpaired):
    for split in SPLITS:
        for recording in read(unpaired, split):
            assert 0.02 < np.max(np.abs(recording.audio)) < 0.99


@pytest.mark.parametrize("domain", DOMAINS)
def test_labels_match_the_pitches_in_the_audio(scores_data, domain):
    test = recordings.Recordings(scores_data, "test")
    window = 480
    for entry in [e for e in test.entries if e.domain == domain]:
        audio, notes = test.audio(entry).astype(np.float64), test.notes(entry)
        assert len(notes) == 16
        starts = np.rint(notes["onset_seconds"] * 8000).astype(int)
        np.testing.assert_allclose(notes["onset_seconds"] * 8000, starts, atol=0.01)
        ends = starts + np.rint(notes["duration_seconds"] * 8000).astype(int)
        assert ends[-1] + 8000 == pytest.approx(len(audio), abs=1)
        before = None
        for start, end, label in zip(starts, ends, notes["pitch"], strict=True):
            sustained = slice(start + 6 * (end - start) // 10, end)
            assert pitch(audio[sustained]) == pytest.approx(label, abs=0.5)
            if before not in (None, label):
                hz = 440 * 2 ** ((label - 69) / 12)
                softer = power_db(audio, start - window, window, hz)
                assert power_db(audio, start + window, window, hz) > softer + 10
            before = label


def test_the_domains_of_a_piece_have_the_same_notes(scores_data):
    test = recordings.Recordings(scores_data, "test")
    pieces = collections.defaultdict(set)
    for entry in test.entries:
        pieces[entry.piece].add(test.notes(entry).tobytes())
    assert {len(found) for found in pieces.values()} == {1}
    assert len(set.union(*pieces.values())) == len(pieces)


def test_notes_across_chunks_are_there_once(tmp_path):
    pitches = 64 + np.arange(12)
    for file in range(3):
        # Legato, of three seconds each.
        melody = [(2880 * n, 2880, int(pitch)) for n, pitch in enumerate(pitches)]
        midi_file.write(tmp_path / "midi" / f"{file}.mid", melody)
    data = convert(tmp_path / "midi", tmp_path / "data", "paired")
    across = 0
    for split in SPLITS:
        found = recordings.Recordings(data, split)
        for entry in found.entries:
            notes = found.notes(entry)
            np.testing.assert_array_equal(np.diff(notes["pitch"]), np.ones(11))
            tempo_seconds = notes["onset_seconds"][-1] / 11
            np.testing.assert_allclose(
                notes["onset_seconds"], tempo_seconds * np.arange(12), atol=3e-4
            )
            durations = notes["duration_seconds"]
            np.testing.assert_allclose(durations, durations[0], atol=3e-4)
            assert 0.85 < durations[0] / tempo_seconds <= 1.0
            ends = notes["onset_seconds"] + durations
            assert ends[-1] + 1 == pytest.approx(entry.samples / 8000, abs=3e-4)
            middle_seconds = entry.samples // 2 / 8000
            across += np.sum(
                (notes["onset_seconds"] < middle_seconds) & (middle_seconds < ends)
            )
    assert across


def test_the_program_is_that_of_general_midi(unpaired):
    assert programs(unpaired) == {"violin": {40}, "flute": {73}, "trumpet": {56}}


def test_workers_can_be_sent_what_makes_a_recording(midi, tmp_path):
    settings = scores_dataset_builder.Settings(sample_rate=8000, domains=DOMAINS)
    plan = scores_dataset_builder.Builder(
        data_dir=tmp_path, config="paired", settings=settings
    ).plan(midi)
    recording, audio, timed_labels = pickle.loads(
        pickle.dumps((plan.recordings["train"][0], plan.audio, plan.timed_labels))
    )
    (whole,) = audio(recording)
    labels = timed_labels(recording, len(whole))(0, len(whole))
    assert list(labels["notes"]["pitch"]) == list(recording.origin.notes["pitch"])


def test_renditions_are_different_performances_by_one_domain(midi, tmp_path):
    data = convert(midi, tmp_path, renditions=3, max_scores=12)
    renditions = collections.defaultdict(list)
    for recording in read(data, "train"):
        score, part, domain = recording.recording.split("/")
        renditions[score, part.split(".")[0]].append((domain, recording.audio))
    for played in renditions.values():
        assert len(played) == 3
        assert len({domain for domain, _ in played}) == 1
        assert len({audio.tobytes() for _, audio in played}) == 3


def test_the_same_command_gives_the_same_bytes(midi, unpaired, tmp_path):
    command = [sys.executable, "-m", "pipelines.convert", "--dataset=scores"]
    command += [f"--source={midi}", f"--data_dir={tmp_path}", "--sample_rate=8000"]
    command += [f"--domains={','.join(DOMAINS)}", "--test_pieces=3"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    again = tmp_path / "scores" / "unpaired" / "1.4.0"
    assert f"--data={again}" in done.stdout.splitlines()[-1]
    one, other = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (unpaired, again)
    )
    assert one == other


def test_another_seed_gives_another_dataset(midi, unpaired, tmp_path):
    other = convert(midi, tmp_path, test_pieces=3, seed=1)
    one, two = (read(data, "test")[0].audio.tobytes() for data in (unpaired, other))
    assert one != two


def test_voices_together_are_one_piece(midi, tmp_path):
    data = convert(midi, tmp_path, voices="together", max_scores=12)
    names = {piece_of(recording) for recording in read(data, "train")}
    assert all(name.endswith("/all") for name in names)


def test_voices_of_both_kinds_are_mixed(midi, tmp_path):
    data = convert(midi, tmp_path, voices="both", max_scores=12)
    names = {piece_of(recording) for recording in read(data, "train")}
    together = {name for name in names if name.endswith("/all")}
    assert {name.rpartition("/")[0] for name in names - together} >= {
        name.rpartition("/")[0] for name in together
    }
    assert together


def test_studies_are_played_beside_the_scores(midi, tmp_path):
    data = convert(midi, tmp_path, max_scores=6, studies=12)
    names = [
        piece_of(recording)
        for split in ("train", "validation", "test")
        for recording in read(data, split)
    ]
    assert len({name for name in names if name.startswith("study")}) >= 10
    assert any(name.startswith("score") for name in names)


def write_long(path, notes):
    """Writes a MIDI file of `(onset, duration, pitch)`, timed in half seconds."""
    midi_file.write(path, [(480 * on, 480 * for_, pitch) for on, for_, pitch in notes])


def test_one_score_fills_all_splits_of_all_domains(tmp_path, capsys):
    write_long(tmp_path / "midi" / "song.mid", [(i, 1, 70 + i % 5) for i in range(80)])
    data = convert(tmp_path / "midi", tmp_path / "data")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "scores: 1 score, cut in time into train, validation and test with gaps of 2 s."
    )
    assert lines[-1].startswith("next: ")
    found = {split: {r.recording for r in read(data, split)} for split in SPLITS}
    for split in SPLITS:
        assert found[split] == {f"song@{split}/0/{domain}" for domain in DOMAINS}
    stored = recordings.Recordings(data, "validation")
    for entry in stored.entries:
        assert len(stored.notes(entry)) == pytest.approx(7, abs=1)


def test_parts_of_a_score_have_a_gap_that_no_note_sounds_in():
    part = np.zeros(1, notes.NOTE)
    part["duration"], part["pitch"] = 24.0, 60
    other = np.repeat(part, 24)
    other["onset"], other["duration"] = np.arange(24), 0.9
    train = notes.cut([part, other], "train")
    assert train[0]["duration"].tolist() == [16.0]
    assert train[1]["onset"].tolist() == list(range(16))
    validation = notes.cut([part, other], "validation")
    assert [cut["onset"].tolist() for cut in validation] == [[], [18.0, 19.0]]
    assert part["duration"].tolist() == [24.0]


def test_a_long_note_sounds_as_long_as_its_label_says(tmp_path):
    for score in range(3):
        write_long(tmp_path / "midi" / f"{score}.mid", [(0, 1, 74), (2, 30, 72)])
    settings = {"common_range": True, "domains": ("flute",)}
    data = convert(tmp_path / "midi", tmp_path / "data", **settings)
    stored = recordings.Recordings(data, "train")
    entry = stored.entries[0]
    onset, duration, _ = stored.notes(entry)[-1].tolist()
    assert duration > 9.0
    audio = stored.audio(entry)
    last = audio[int(8000 * (onset + duration - 0.5)) : int(8000 * (onset + duration))]
    first = audio[int(8000 * (onset + 1)) : int(8000 * (onset + 2))]
    assert np.std(last) > 0.5 * np.std(first)


def test_common_range_keeps_all_domains_to_the_same_pitches(tmp_path):
    for seed in range(12):
        write_score(tmp_path / "midi" / f"{seed}.mid", seed, lowest=40, parts=1)
    data = convert(
        tmp_path / "midi",
        tmp_path / "data",
        domains=("cello", "violin"),
        common_range=True,
    )
    librosa = pytest.importorskip("librosa")
    for recording in read(data, "train"):
        hz = librosa.yin(recording.audio, fmin=70, fmax=900, sr=8000, frame_length=1024)
        loud = librosa.feature.rms(y=recording.audio, frame_length=1024, hop_length=256)
        pitch = librosa.hz_to_midi(np.median(hz[loud[0][: len(hz)] > 0.03]))
        assert 54 < pitch < 80


def test_a_score_that_cannot_be_read_stops_it_or_is_left_out(tmp_path, capsys):
    for seed in range(101):
        write_score(tmp_path / "midi" / f"{seed}.mid", seed, parts=1)
    (tmp_path / "midi" / "broken.mid").write_bytes(b"MThd and no more")
    with pytest.raises(ValueError, match=r"broken\.mid'.*cannot be read as MIDI"):
        convert(tmp_path / "midi", tmp_path / "data")
    with pytest.raises(FileNotFoundError):
        index.open_dataset(tmp_path / "data")
    convert(tmp_path / "midi", tmp_path / "data", skip_bad_files=True)
    assert "broken.mid" in capsys.readouterr().out


def test_music_that_does_not_fit_is_refused(tmp_path):
    for seed in range(4):
        write_score(tmp_path / "midi" / f"{seed}.mid", seed, lowest=30, compass=60)
    with pytest.raises(
        ValueError, match=r"none of the .* pieces of split .* fits the pi"
    ):
        convert(tmp_path / "midi", tmp_path / "data")


def test_unknown_instruments_are_refused(midi, tmp_path):
    with pytest.raises(
        ValueError, match="domains='violine' is not known; did you mean"
    ):
        convert(midi, tmp_path, domains=("violine", "flute"))


def write_notes(folder, partials):
    """A folder of single notes of two instruments: harmonics of that many."""
    import soundfile

    time = np.arange(16000) / 8000
    for instrument, kept in partials.items():
        (folder / instrument).mkdir(parents=True)
        for pitch in range(60, 85, 2):
            hz = 440 * 2 ** ((pitch - 69) / 12)
            audio = sum(0.2 * np.sin(2 * np.pi * k * hz * time) for k in kept)
            name = f"{instrument}-{pitch:03d}-100.wav"
            soundfile.write(folder / instrument / name, audio, 8000)
    return str(folder)


def brightness(recording):
    """The share of a recording's spectrum above a third of its frequencies."""
    spectrum = np.abs(np.fft.rfft(recording.audio))
    return spectrum[len(spectrum) // 3 :].sum() / spectrum.sum()


def test_single_notes_play_as_well(midi, tmp_path):
    folder = write_notes(tmp_path / "notes", {"pure": [1], "rich": [1, 2, 3]})
    data = convert(midi, tmp_path / "data", domains=(), notes=(folder,), test_pieces=2)
    found = read(data, "test")
    assert {recording.domain for recording in found} == {"pure", "rich"}
    assert len(found) == 4
    high = {recording.domain: brightness(recording) for recording in found}
    assert high["rich"] > 2 * high["pure"]
    assert programs(data) == {"pure": {-1}, "rich": {-1}}


def test_several_players_share_the_recordings(midi, tmp_path):
    players = (
        write_notes(tmp_path / "dull", {"one": [1], "other": [1]}),
        write_notes(tmp_path / "bright", {"one": [1, 2, 3], "other": [1, 2, 3]}),
    )
    given = {"domains": (), "notes": players, "renditions": 4}
    data = convert(midi, tmp_path / "data", **given)
    found = read(data, "train")
    for domain in ("one", "other"):
        values = [brightness(r) for r in found if r.domain == domain]
        assert max(values) > 2 * min(values)
    again = read(convert(midi, tmp_path / "again", **given), "train")
    assert [r.recording for r in again] == [r.recording for r in found]
    for ours, theirs in zip(found, again, strict=True):
        np.testing.assert_array_equal(ours.audio, theirs.audio)


def test_a_domain_has_to_be_known_to_every_player(midi, tmp_path):
    folder = write_notes(tmp_path / "notes", {"violin": [1], "kazoo": [1]})
    font = str(soundfont.default_path())
    with pytest.raises(ValueError, match=r"domains='kazoo' is not known; .*violin"):
        convert(midi, tmp_path, domains=("kazoo",), notes=(folder,), soundfont=(font,))


def test_tfds_builds_it_by_name(midi, monkeypatch, tmp_path):
    """What `tfds build` does: the settings are their defaults."""
    made = scores_dataset_builder.Builder(data_dir=tmp_path, config="paired")
    assert made.info.full_name == "scores/paired/1.4.0"
    assert made.settings.corpus == "bach"
    assert pathlib.Path(made.data_dir) == tmp_path / "scores" / "paired" / "1.4.0"
    assert "music21" in made.info.citation


def test_midi_as_people_have_it_is_played_or_told_of(tmp_path, capsys):
    source = tmp_path / "midi"
    for seed in range(3):
        write_score(source / f"{seed}.mid", seed, parts=1)
    write_score(source / "0.midi", 10, parts=1)
    write_score(source / "deeper" / "0.mid", 11, parts=1)
    write_score(source / "__MACOSX" / "0.mid", 12)
    (source / "._0.mid").write_bytes(b"no MIDI")
    for number in range(20):
        drums = [midi_file.on(0, 36, channel=9), midi_file.off(480, 36, channel=9)]
        (source / f"drums {number}.mid").write_bytes(midi_file.content(drums))
        wide = [(480 * n, 480, pitch) for n, pitch in enumerate((0, 10, 60, 110, 127))]
        midi_file.write(source / f"wide {number}.mid", wide)
    data = convert(source, tmp_path / "data")
    scores = {
        split: {piece_of(recording)[:-2] for recording in read(data, split)}
        for split in SPLITS
    }
    assert set.union(*scores.values()) == {"0.mid", "0.midi", "1", "2", "deeper/0"}
    assert all(scores.values())
    said = capsys.readouterr().out
    assert "left out: 'drums 0.mid' has no notes, drums aside." in said
    assert "train: 100 notes of 20 of " in said
    assert "wide 0/0 (5 from 0 to 127)" in said
    assert "and 10 more." in said


@pytest.mark.parametrize("voices", notes.VOICES)
def test_midi_without_notes_is_refused_by_name(tmp_path, voices):
    midi_file.write(tmp_path / "midi" / "no notes.mid", [])
    with pytest.raises(
        ValueError, match=r"no MIDI file there has notes.*no notes\.mid"
    ):
        convert(tmp_path / "midi", tmp_path / "data", voices=voices)


def test_a_bent_note_sounds_at_the_pitch_of_its_label_and_bends_from_there(tmp_path):
    # From the second of its four seconds on, it is 12 semitones above its key.
    wide = [midi_file.control(0, *c) for c in ((101, 0), (100, 0), (6, 12))]
    messages = [*wide, *midi_file.note(0, 3840, 66), midi_file.bend(960, 8191)]
    for name in "abc":
        path = tmp_path / "midi" / f"{name}.mid"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(midi_file.content(messages))
    data = convert(tmp_path / "midi", tmp_path / "data", domains=("flute",))
    stored = recordings.Recordings(data, "train")
    (entry,) = stored.entries
    ((_, seconds, label),) = stored.notes(entry).tolist()
    audio = stored.audio(entry)
    for share, away in ((0.12, -12), (0.5, 0), (0.8, 0)):
        start = int(8000 * share * seconds)
        found = pitch(audio[start : start + 2000] / 32768)
        assert found == pytest.approx(label + away, abs=0.2)
