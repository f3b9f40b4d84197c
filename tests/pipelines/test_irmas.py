import collections
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from pipelines import conversion
from pipelines.irmas import excerpts, splits
from tests.pipelines import irmas_tree
from tf_mt.data import chunk, index, recordings

SPLITS = ("train", "validation", "test")
TRAINING = "IRMAS-TrainingData"
PART1 = "IRMAS-TestingData-Part1/Part1"


def convert(source, data_dir, config=None, **settings):
    settings = {"source": str(source), **settings}
    return conversion.convert("irmas", data_dir, config=config, settings=settings)


def found(data_dir, split):
    """The recordings of a split, by their ids."""
    return {read.recording: read for read in recordings.read(data_dir, split)}


def labels(folder, split):
    """The labels of a split as TFDS reads them, by the ids of the recordings."""
    dataset = tfds.builder_from_directory(folder)
    features = dataset.info.features
    read = {}
    for example in tfds.as_numpy(dataset.as_dataset(split=split)):
        read[example["recording"].decode()] = {
            "domain": int(example["domain"]),
            "instruments": [
                features["instruments"].feature.int2str(int(number))
                for number in example["instruments"]
            ],
            "genre": features["genre"].int2str(int(example["genre"])),
            "drums": features["drums"].int2str(int(example["drums"])),
            "recording_number": int(example["recording_number"]),
            "excerpt": int(example["excerpt"]),
        }
    return read


def number_of(name):
    return int(name.rpartition("]")[2].partition("__")[0])


def invented(instrument, count, first=1, each=3):
    """Excerpts that are not there, of `count` recordings."""
    return [
        excerpts.Excerpt(
            f"{instrument}/{number:04d}__{excerpt}",
            pathlib.Path(),
            (instrument,),
            recording_number=number,
            excerpt=excerpt,
        )
        for number in range(first, first + count)
        for excerpt in range(1, each + 1)
    ]


def kept_together(split):
    """Whether no recording is in two splits."""
    of_split = [{e.recording_number for e in chosen} for chosen in split.values()]
    return len(set.union(*of_split)) == sum(map(len, of_split))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return irmas_tree.write(tmp_path_factory.mktemp("irmas") / "my IRMAS [all], ö")


@pytest.fixture(scope="module")
def full(source, tmp_path_factory):
    return convert(source, tmp_path_factory.mktemp("full"))


@pytest.fixture
def small(tmp_path):
    """A tree of its own for each test, with two instruments."""
    return irmas_tree.write(tmp_path / "small", instruments=("pia", "gel"))


def test_every_training_excerpt_is_there_once(source, full):
    by_split = [found(full, split) for split in SPLITS]
    names = [name for of_split in by_split for name in of_split]
    training = source / TRAINING
    assert sorted(names) == sorted(
        path.relative_to(training).with_suffix("").as_posix()
        for path in training.rglob("*.wav")
    )
    assert len(names) == 11 * 6 * 2


def test_a_domain_is_an_instrument_and_each_is_in_train(full):
    info = index.open_dataset(full).info
    assert tuple(info.features["domain"].names) == irmas_tree.INSTRUMENTS
    for split in SPLITS:
        for name, read in labels(full, split).items():
            instrument = irmas_tree.INSTRUMENTS[read["domain"]]
            assert name.startswith(f"{instrument}/")
            assert read["instruments"] == [instrument]
    assert {read["domain"] for read in labels(full, "train").values()} == set(range(11))


def test_excerpts_of_a_recording_stay_together_whatever_their_instruments(full):
    of_split = [{number_of(name) for name in found(full, s)} for s in SPLITS]
    assert all(of_split)
    assert len(set.union(*of_split)) == sum(map(len, of_split))
    shared = collections.defaultdict(set)
    for split in SPLITS:
        for name in found(full, split):
            shared[number_of(name)].add(name[:3])
    assert any(len(instruments) == 2 for instruments in shared.values())


def test_labels_are_told_by_their_place_in_the_name(full):
    read = {k: v for split in SPLITS for k, v in labels(full, split).items()}
    first = {k: v for k, v in read.items() if k.startswith("cla/")}
    assert first["cla/001__[cla][nod][cla]0005__2"] == {
        "domain": 1,
        "instruments": ["cla"],
        "genre": "cla",
        "drums": "nod",
        "recording_number": 5,
        "excerpt": 2,
    }
    assert first["cla/[cla][pop_roc]0006__1"]["drums"] == "unknown"
    assert first["cla/[cla][pop_roc]0006__1"]["genre"] == "pop_roc"
    assert first["cla/003__[cla][dru][jaz_blu]0007__1"]["drums"] == "dru"
    genres = collections.Counter(v["genre"] for v in first.values())
    assert genres == {"cla": 4, "pop_roc": 2, "jaz_blu": 2, "cou_fol": 2, "lat_sou": 2}


@pytest.mark.parametrize(
    ("name", "genre", "drums", "number", "excerpt"),
    [
        ("[cla][cla]0150__3", "cla", "unknown", 150, 3),
        ("[cla][nod][cla]0189__2", "cla", "nod", 189, 2),
        ("008__[cla][nod][cla]0189__2", "cla", "nod", 189, 2),
        ("094__[cla][dru][lat_sou]2303__1", "lat_sou", "dru", 2303, 1),
        ("[cla]0189__2", "unknown", "unknown", 189, 2),
        ("[cla][dru]0189__2", "unknown", "dru", 189, 2),
    ],
)
def test_names_are_read_in_all_their_forms(
    tmp_path, name, genre, drums, number, excerpt
):
    irmas_tree.tone(tmp_path / TRAINING / "cla" / f"{name}.wav")
    (read,) = excerpts.training(tmp_path, ["cla"], pytest.fail)
    assert (read.genre, read.drums) == (genre, drums)
    assert (read.recording_number, read.excerpt) == (number, excerpt)
    assert read.name == f"cla/{name}"


def test_audio_is_mixed_and_resampled(full):
    read = found(full, "train")
    (audio,) = {len(recording.audio) for recording in read.values()}
    assert audio == round(irmas_tree.SECONDS * 16000)
    peaks = [np.abs(recording.audio).max() for recording in read.values()]
    np.testing.assert_allclose(peaks, 0.25, atol=0.02)


def test_the_testing_data_is_an_evaluation_of_no_domain(full):
    read = labels(full, "evaluation")
    assert {name: v["instruments"] for name, v in read.items()} == {
        name: text.split() for name, text in irmas_tree.TESTING.items()
    }
    for v in read.values():
        del v["instruments"]
        assert v == {
            "domain": -1,
            "genre": "unknown",
            "drums": "unknown",
            "recording_number": -1,
            "excerpt": -1,
        }
    (length,) = {len(r.audio) for r in found(full, "evaluation").values()}
    assert length == round(2 * irmas_tree.SECONDS * 16000)


def test_tfds_loads_it_by_its_name(full, source):
    loaded = tfds.load(
        "irmas/full", split="train", data_dir=full.parents[2], download=False
    )
    assert len(list(loaded)) == len(found(full, "train"))
    info = tfds.builder_from_directory(full).info
    assert "6,705 stereo excerpts" in info.description
    assert "Bosch" in info.citation
    assert info.homepage == "https://www.upf.edu/web/mtg/irmas"
    assert "may not be published" in info.redistribution_info.license
    assert info.metadata["settings"]["source"] == str(source)


def test_says_the_licence(small, tmp_path, capsys):
    convert(small, tmp_path / "data", "piano_guitar")
    (licence,) = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("licence: ")
    ]
    assert "CC BY-NC-SA 3.0" in licence
    assert "non-commercial use only" in licence
    assert "a dataset made from it may not be published" in licence


def test_piano_guitar_is_that_of_the_paper(small, tmp_path, capsys):
    folder = convert(small, tmp_path / "data", "piano_guitar")
    info = index.open_dataset(folder).info
    assert folder.parent.name == "piano_guitar"
    assert info.features["domain"].names == ["pia", "gel"]
    assert info.metadata["sample_rate_hz"] == 25000
    for split in SPLITS:
        for recording in found(folder, split).values():
            assert len(recording.audio) == round(irmas_tree.SECONDS * 25000)
        assert {read["domain"] for read in labels(folder, split).values()} == {0, 1}
    out = capsys.readouterr().out
    assert (
        "pia: 8 excerpts for train and 2 for validation, where the paper has 600 and "
        "50; the source has 12." in out
    )
    assert "were left out" not in out


def test_piano_guitar_is_evaluated_where_either_is(small, tmp_path):
    folder = convert(small, tmp_path / "data", "piano_guitar")
    read = labels(folder, "evaluation")
    assert sorted(v["instruments"] for v in read.values()) == [["gel", "voi"], ["pia"]]


def test_the_paper_takes_600_and_50_of_each_and_no_recording_twice():
    # As many recordings as were published, some of them of both instruments.
    all_of = [*invented("pia", 241), *invented("gel", 254, first=230)]
    split = splits.by_paper(all_of)
    counts = {
        name: collections.Counter(e.instruments[0] for e in chosen)
        for name, chosen in split.items()
    }
    assert counts["train"] == {"pia": 600, "gel": 600}
    assert counts["validation"] == {"pia": 50, "gel": 50}
    assert counts["test"]["pia"] > 40 < counts["test"]["gel"]
    assert kept_together(split)
    # 50 is not a multiple of three, and one instrument fills up before the other.
    left_out = len(all_of) - sum(sum(count.values()) for count in counts.values())
    assert 2 <= left_out <= 20


def test_the_paper_takes_recordings_in_the_order_of_their_hashes():
    split = splits.by_paper(invented("pia", 241))
    hashes = [
        [chunk.hashed(f"{e.recording_number:04d}") for e in split[name]]
        for name in SPLITS
    ]
    assert max(hashes[0]) < min(hashes[1])
    assert max(hashes[1]) < min(hashes[2])
    again = splits.by_paper(reversed(invented("pia", 241)))
    assert {e.recording_number for e in again["train"]} == {
        e.recording_number for e in split["train"]
    }


@pytest.mark.parametrize(("count", "expected"), [(3, (1, 1, 1)), (20, (18, 1, 1))])
def test_where_there_are_few_the_last_two_are_for_validation_and_test(count, expected):
    split = splits.by_paper(invented("pia", count, each=1))
    assert tuple(len(split[name]) for name in SPLITS) == expected


def test_what_was_published_twice_is_not_on_both_sides():
    twice = [n for pair in splits.SAME_RECORDING.items() for n in pair]
    both = [e for n in twice for e in invented("gac", 1, first=n)]
    others = invented("gac", 300, first=1000)
    for split in (splits.by_shares(both + others), splits.by_paper(both + others)):
        of = {e.recording_number: name for name in split for e in split[name]}
        for second, first in splits.SAME_RECORDING.items():
            assert of[first] == of[second]
    assert len(splits.SAME_RECORDING) == 19


def test_shares_are_80_10_10():
    split = splits.by_shares(invented("cel", 2000, each=2))
    assert kept_together(split)
    shares = [len(split[name]) / 4000 for name in SPLITS]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.02)


def test_excerpts_with_drums_can_be_left_out(small, tmp_path, capsys):
    folder = convert(small, tmp_path / "data", "piano_guitar", exclude_drums=True)
    read = {k: v for split in SPLITS for k, v in labels(folder, split).items()}
    assert {v["drums"] for v in read.values()} == {"nod", "unknown"}
    assert len(read) == 20
    assert (
        "exclude_drums: 4 of 24 excerpts are tagged to have drums and were left out."
        in capsys.readouterr().out
    )
    assert len(labels(folder, "evaluation")) == 2


def test_without_testing_data_there_is_no_evaluation(tmp_path, capsys):
    source = irmas_tree.write(tmp_path / "small", ("pia", "gel"), testing={})
    folder = convert(source, tmp_path / "data", "piano_guitar")
    assert set(index.open_dataset(folder).info.splits) == set(SPLITS)
    assert (
        "split 'evaluation' is without IRMAS-TestingData-Part1, "
        "IRMAS-TestingData-Part2, IRMAS-TestingData-Part3: the source has no "
        "excerpts there." in capsys.readouterr().out
    )


@pytest.mark.parametrize("inner", ["Part2/", "IRTestingData-Part2/", ""])
def test_a_part_may_have_its_files_in_either_folder(tmp_path, inner):
    part = tmp_path / "IRMAS-TestingData-Part2"
    irmas_tree.tone(part / f"{inner}a b-1.wav")
    (part / f"{inner}a b-1.txt").write_text("vio\t\npia\t\nvio\t\n")
    (part / f"{inner}._a b-1.wav").write_bytes(b"\0\5\x16\7")
    (read,) = excerpts.testing(part, pytest.fail)
    assert read.name == f"IRMAS-TestingData-Part2/{inner}a b-1"
    assert read.instruments == ("vio", "pia")


def test_names_that_are_no_text_get_ids_that_are(tmp_path):
    part = tmp_path / "IRMAS-TestingData-Part1"
    part.mkdir()
    name = os.fsdecode("01 - Três".encode("latin-1"))
    irmas_tree.tone(part / "plain.wav")
    (part / "plain.wav").rename(part / f"{name}.wav")
    (part / f"{name}.txt").write_text("pia\t\n")
    (read,) = excerpts.testing(part, pytest.fail)
    assert read.name == r"IRMAS-TestingData-Part1/01 - Tr\xeas"


def copy_in(source, place):
    """Puts an excerpt at a place in the source."""
    irmas_tree.tone(source / place)


def empty(source, place):
    (source / place).write_bytes(b"")


def cut_short(source, place):
    """Cuts away the second half of an excerpt."""
    data = (source / place).read_bytes()
    (source / place).write_bytes(data[: len(data) // 2])


def write(text):
    def change(source, place):
        (source / place).write_text(text)

    return change


def remove(source, place):
    (source / place).unlink()


PIANO = f"{TRAINING}/pia/[pia][pop_roc]0002__1.wav"
LIVE = "IRMAS-TestingData-Part2/IRTestingData-Part2/Revue #4 [live] - Air-12"

BAD = [
    (
        copy_in,
        f"{TRAINING}/drm/[drm][cla]0001__1.wav",
        r"path='.*/drm': instrument='drm' is not known; .*known: cel, cla, flu",
    ),
    (
        copy_in,
        f"{TRAINING}/pia/my piano.wav",
        r"my piano\.wav': the name must be of the form \[instrument\]\[genre\]NNNN__K",
    ),
    (
        copy_in,
        f"{TRAINING}/pia/[pia][cla]0002__1 (1).wav",
        r"0002__1 \(1\)\.wav': the name must be of the form",
    ),
    (
        copy_in,
        f"{TRAINING}/pia/[gel][cla]0002__1.wav",
        r"its name says 'gel', but it is in the folder of 'pia'; put it where it bel",
    ),
    (
        copy_in,
        f"{TRAINING}/pia/[pia][pop]0002__1.wav",
        r"0002__1\.wav': genre='pop' is not known; .*known:.* pop_roc",
    ),
    (
        write("ID3"),
        f"{TRAINING}/pia/[pia][cla]0002__1.mp3",
        r"0002__1\.mp3' is not a \.wav file, which all excerpts of IRMAS are",
    ),
    (empty, PIANO, r"0002__1\.wav': cannot be read as audio"),
    (write("RIFF nothing more"), PIANO, r"0002__1\.wav': cannot be read as audio"),
    (cut_short, PIANO, r"0002__1\.wav': cannot be read as audio \(.*cut short"),
    (cut_short, f"{LIVE}.wav", r"Revue #4 \[live\] - Air-12\.wav': cannot be rea"),
    (remove, f"{LIVE}.txt", r"Air-12\.wav': there is no \.txt file of that name; brin"),
    (remove, f"{LIVE}.wav", r"Air-12\.txt': there is no \.wav file of that name; brin"),
    (write("\t\n"), f"{LIVE}.txt", r"Air-12\.txt' is empty; it must have an instru"),
    (
        write("pia\t\ngit\t\n"),
        f"{LIVE}.txt",
        r"Air-12\.txt': instrument='git' is not known; .*known:.* gel",
    ),
    (write("ID3"), f"{PART1}/04 - Live.mp3", r"Live\.mp3' is not a \.wav file, whic"),
]


@pytest.mark.parametrize(("change", "place", "said"), BAD)
def test_a_bad_file_stops_it_with_name_and_reason(small, tmp_path, change, place, said):
    change(small, place)
    with pytest.raises(ValueError, match=said) as error:
        convert(small, tmp_path / "data", "piano_guitar")
    assert "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError):
        index.open_dataset(tmp_path / "data")


def test_few_bad_files_can_be_left_out(tmp_path, capsys):
    source = irmas_tree.write(tmp_path / "small", ("pia", "gel"), 52)
    copy_in(source, f"{TRAINING}/pia/my piano.wav")
    remove(source, f"{LIVE}.txt")
    folder = convert(source, tmp_path / "data", "piano_guitar", skip_bad_files=True)
    left_out = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("left out: ")
    ]
    assert len(left_out) == 2
    assert "my piano.wav" in left_out[0]
    assert "Air-12.wav" in left_out[1]
    assert len(found(folder, "evaluation")) == 1


def test_silence_is_left_out_and_named(small, tmp_path, capsys):
    soundfile.write(small / PIANO, np.zeros((4410, 2)), 44100, "PCM_16")
    folder = convert(small, tmp_path / "data", "piano_guitar")
    assert sum(len(found(folder, split)) for split in SPLITS) == 23
    assert "left out: 'pia/[pia][pop_roc]0002__1' is silent." in capsys.readouterr().out


def test_some_instruments_are_enough(small, tmp_path, capsys):
    folder = convert(small, tmp_path / "data")
    names = tfds.builder_from_directory(folder).info.features["domain"].names
    assert names == ["gel", "pia"]
    lines = capsys.readouterr().out.splitlines()
    assert (
        "without cel, cla, flu, gac, org, sax, tru, vio, voi: IRMAS-TrainingData has "
        "no excerpts of them." in lines
    )
    assert lines[-1].startswith("next: ")
    for split in SPLITS:
        assert {read["domain"] for read in labels(folder, split).values()} == {0, 1}


def test_one_file_of_each_instrument_is_kept_and_not_called_ready(tmp_path, capsys):
    source = irmas_tree.write(tmp_path / "small", ("pia", "gel"), 1, 1)
    folder = convert(source, tmp_path / "data")
    assert len(found(folder, "train")) == 2
    lines = capsys.readouterr().out.splitlines()
    assert (
        "pia: 1 excerpts of too few recordings to have some in validation and test."
        in lines
    )
    assert lines[-1].startswith("not ready for training, which needs every domain in ")


def test_every_instrument_of_three_recordings_fills_all_splits():
    all_of = [
        excerpt
        for place, instrument in enumerate(irmas_tree.INSTRUMENTS)
        for excerpt in invented(instrument, 3, first=3 * place)
    ]
    split = splits.by_shares(all_of)
    assert kept_together(split)
    assert sum(map(len, split.values())) == len(all_of)
    for chosen in split.values():
        assert {e.instruments[0] for e in chosen} == set(irmas_tree.INSTRUMENTS)


def test_an_instrument_that_a_configuration_names_must_fill_its_splits(tmp_path):
    source = irmas_tree.write(tmp_path / "small", ("pia", "gel"), 3, 1)
    for path in (source / TRAINING / "gel").iterdir():
        path.unlink()
    with pytest.raises(
        ValueError,
        match=r"domain='gel' has 0 excerpts and none of them is for train an",
    ):
        convert(source, tmp_path / "data", "piano_guitar")


def test_the_source_must_be_where_the_archives_lie(source, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere': no such folder"):
        convert(source / "nowhere", tmp_path)
    for wrong in (source / TRAINING, source / PART1, source.parent):
        with pytest.raises(
            ValueError, match=r"does not hold .*; did you mean"
        ) as error:
            convert(wrong, tmp_path)
        assert f"did you mean {str(source)!r}?" in str(error.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"does not hold the folder IRMAS-TrainingDat"):
        convert(tmp_path / "empty", tmp_path / "data")


def test_tfds_build_makes_it(small, tmp_path):
    package = pathlib.Path(conversion.__file__).parent / "irmas"
    tfds_build = (
        "import sys\n"
        "from tensorflow_datasets.scripts.cli import build, cli_utils\n"
        "parser = cli_utils.make_flags_parser(build.Args, description='')\n"
        "parser(sys.argv).execute()"
    )
    subprocess.run(
        [
            *(sys.executable, "-c", tfds_build, "--config=piano_guitar"),
            *(f"--manual_dir={small}", f"--data_dir={tmp_path / 'data'}"),
        ],
        cwd=package,
        check=True,
        capture_output=True,
    )
    loaded = tfds.load(
        "irmas/piano_guitar",
        split="train",
        data_dir=tmp_path / "data",
        download=False,
    )
    (rate,) = {int(example["sample_rate"]) for example in loaded}
    assert rate == 25000
    assert len(list(loaded)) > 0
