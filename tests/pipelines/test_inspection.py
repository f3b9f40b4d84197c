import contextlib
import io
import re
import subprocess
import sys
from typing import ClassVar

import matplotlib.image
import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from pipelines import conversion, example_page, inspection, pitches, survey
from tf_mt import script
from tf_mt.data import builder, chunk, index
from tf_mt.models.vae_gan import configuration

RATE_HZ = 16000


def tone(seconds, hz=440.0, amplitude=0.5, rate_hz=RATE_HZ):
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return amplitude * np.sin(2 * np.pi * hz * time)


def pcm(audio):
    return np.frombuffer(chunk.pcm(audio), "<i2")


def convert(folder, domains):
    """Makes a dataset of recordings by their names, by domains."""
    for domain, found in domains.items():
        (folder / "source" / domain).mkdir(parents=True)
        for name, audio in found.items():
            path = folder / "source" / domain / f"{name}.wav"
            soundfile.write(path, audio, RATE_HZ, "PCM_16")
    settings = {"source": str(folder / "source")}
    return conversion.convert("audio_folder", folder / "data", settings=settings)


def inspect(data, picture):
    """What is said of a dataset, and the rows of its table by split and domain."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        inspection.inspect(data, picture)
    lines = [re.split(r"\s{2,}", line) for line in said.getvalue().splitlines()]
    table = {(cells[0], cells[1]): cells[2:] for cells in lines if len(cells) == 9}
    return said.getvalue(), table


def test_a_full_scale_sine_has_3_db_less_than_full_scale():
    figures, sounding = survey.measure(pcm(tone(1.0, amplitude=1.0)), RATE_HZ)
    assert sounding.all()
    assert figures.level_db() == pytest.approx(-3.0103, abs=1e-3)
    assert figures.peak_db() == pytest.approx(0.0, abs=1e-3)
    assert figures.silence() == 0.0
    assert figures.clipping() == 0.0


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
def test_silence_is_counted_and_does_not_count_for_the_level(rate_hz):
    quiet = tone(1.0, amplitude=10 ** (-58 / 20), rate_hz=rate_hz)
    audio = [tone(1.0, amplitude=0.1, rate_hz=rate_hz), np.zeros(2 * rate_hz), quiet]
    figures, sounding = survey.measure(pcm(np.concatenate(audio)), rate_hz)
    assert figures.silence() == pytest.approx(0.75, abs=0.016)
    # The frame in which the tone ends sounds in part.
    assert figures.level_db() == pytest.approx(-23.01, abs=0.15)
    assert sounding[: len(sounding) // 4].all()
    assert not sounding[len(sounding) // 4 + 1 :].any()


def test_the_samples_after_the_last_whole_frame_count():
    figures, sounding = survey.measure(pcm(tone(0.0325, amplitude=1.0)), RATE_HZ)
    assert sounding.tolist() == [True, True]
    assert figures.samples == figures.sounding_samples == 520
    figures, _ = survey.measure(np.array([-32768], np.int16), RATE_HZ)
    assert figures.level_db() == figures.peak_db() == 0.0


def test_three_samples_at_full_scale_are_clipped_and_two_are_not():
    samples = np.zeros(100, np.int16)
    samples[10:12] = 32767
    samples[20:23] = 32767
    samples[30:34] = [-32768, -32767, -32767, -32768]
    samples[40:44] = [32767, -32768, 32767, -32768]
    samples[98:] = 32767
    figures, _ = survey.measure(samples, RATE_HZ)
    assert figures.clipped_samples == 7
    assert figures.clipping() == 0.07


def test_a_sine_driven_over_full_scale_clips_as_long_as_it_is_over():
    audio = tone(1.0, hz=100.0, amplitude=2.0)
    figures, _ = survey.measure(pcm(audio), RATE_HZ)
    assert figures.clipping() == pytest.approx(2 / 3, abs=0.02)


def test_figures_of_parts_add_up_to_those_of_the_whole():
    parts = tone(1.024, amplitude=0.25), tone(2.048, amplitude=0.5)
    first, second = (survey.measure(pcm(part), RATE_HZ)[0] for part in parts)
    whole, _ = survey.measure(pcm(np.concatenate(parts)), RATE_HZ)
    total = first + second
    assert total.samples == whole.samples
    assert total.level_db() == pytest.approx(whole.level_db())
    assert total.peak == whole.peak
    assert total.longest_samples == second.samples


def test_the_pitch_range_leaves_out_one_note_in_a_hundred_at_each_end():
    figures = survey.Figures()
    figures.pitches[[40, 60, 80, 100]] = [1, 98, 100, 1]
    assert figures.pitch_range() == (60, 80)
    figures.pitches[:] = 0
    figures.pitches[69] = 1
    assert figures.pitch_range() == (69, 69)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
@pytest.mark.parametrize("pitch", [33, 60, 88])
def test_the_pitch_of_a_tone_is_found(pitch, rate_hz):
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    audio = tone(1.0, hz=hz, rate_hz=rate_hz).astype(np.float32)
    rest = np.zeros(rate_hz, np.float32)
    found = pitches.estimated(np.concatenate([audio, rest]), rate_hz)
    assert np.flatnonzero(found).tolist() == [pitch]
    assert found[pitch] > 25


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32)
    for audio in (noise, 0 * noise, noise[:10]):
        assert not pitches.estimated(audio, RATE_HZ).any()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A domain of long tones and one that is short, high, and half silent."""
    short = np.concatenate([tone(0.512, hz=880.0), np.zeros(8192)])
    return convert(
        tmp_path_factory.mktemp("inspection"),
        {
            "cello $1_low": {f"take {n}": tone(25.0, hz=110.0) for n in range(5)},
            "フルート": {f"take {n}": short for n in range(5)},
        },
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return tmp_path_factory.mktemp("picture") / "inspect.png"


@pytest.fixture(scope="module")
def seen(data, page):
    return inspect(data, page)


def test_the_table_has_every_split_and_domain_and_totals(data, seen):
    said, table = seen[0], dict(seen[1])
    assert said.startswith(f"audio_folder/1.0.0: 16000 Hz, in {data}\nsplit ")
    assert table.pop(("split", "domain"))[0] == "recordings"
    assert list(table) == [
        *((s, d) for s in chunk.SPLITS for d in ("cello $1_low", "フルート", "total")),
        ("all", "total"),
    ]
    low, high, total = list(table.values())[:3]
    assert low == ["3", "0:01:15", "-9.0 dB", "-6.0 dB", "0.0%", "0", "A2-A2"]
    assert high == ["3", "3.1 s", "-9.0 dB", "-6.0 dB", "50.0%", "0", "A5-A5"]
    assert total == ["6", "0:01:18", "-9.0 dB", "-6.0 dB", "2.0%", "0", "A2-A5"]
    assert table["all", "total"][:2] == ["10", "0:02:10"]
    assert "estimated by YIN on up to 60 s each" in said
    assert "homepage" not in said
    assert "licence" not in said


def test_warnings_are_printed(seen):
    warnings = [line for line in seen[0].splitlines() if line.startswith("warning: ")]
    assert warnings == [
        "warning: フルート has 4.1% of the training audio of the largest domain; each "
        "domain is in a batch equally often, so it will be repeated often.",
        "warning: フルート is too short for a clip of 2.05 s, the longest that a "
        "preset takes: its longest stretch is 1.02 s in train and 1.02 s in "
        "validation.",
    ]


def figures(samples=10 * RATE_HZ, **values):
    whole = {"samples": samples, "sounding_samples": samples}
    return survey.Figures(longest_samples=samples, **{**whole, **values})


def warned(found):
    names = {0: "cello", 1: "flute"}
    return list(inspection.warnings(found, names, RATE_HZ, {}))


def test_nothing_is_wrong_with_enough_of_everything():
    found = {(split, n): figures() for split in chunk.SPLITS for n in (0, 1)}
    # As in IRMAS, whose evaluation split is of none of the domains.
    found["evaluation", -1] = figures(100, clipped_samples=100, sounding_samples=0)
    assert warned(found) == []


def test_warns_of_silence_and_clipping():
    spoilt = figures(sounding_samples=3 * RATE_HZ, clipped_samples=320)
    assert warned({("train", 0): figures(), ("train", 1): spoilt}) == [
        "flute is mostly silent: 70% of it is below -60 dB; cut it out, or training "
        "learns silence.",
        "flute clips a lot: 0.20% of its samples; find recordings that were made at a "
        "lower level.",
    ]


def test_warns_of_a_domain_that_a_split_lacks():
    found = {("train", 0): figures(), ("test", 0): figures(), ("train", 1): figures()}
    assert warned(found) == ["flute is in train but not in test."]
    assert warned({("train", 0): figures()}) == ["flute has no recordings."]


def test_the_longest_clip_is_that_of_the_presets():
    samples = {
        name: preset.model.clip_frames * preset.model.hop
        for name, preset in configuration.PRESETS.items()
    }
    assert samples.pop("small_32khz") == inspection.CLIP_SAMPLES_32KHZ
    assert max(samples.values()) == inspection.CLIP_SAMPLES


class Labelled(builder.RecordingsBuilder):
    """Recordings with labels: one note each, or two notes and none in turn."""

    VERSION = tfds.core.Version("1.0.0")
    HOMEPAGE = "https://example.org/tones"
    LICENSE = "CC BY 4.0"
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(name="note", description="One note each."),
        tfds.core.BuilderConfig(name="notes", description="Some notes each."),
    ]

    def plan(self, source):
        note = self.builder_config.name == "note"
        recordings = [
            chunk.Source(
                domain,
                f"{domain}/{n}",
                440.0,
                labels={"pitch": lowest + n}
                if note
                else {"notes": {"pitch": [lowest, lowest + n] * (n % 2)}},
            )
            for domain, lowest in {"low": 30, "": 60, "high": 90}.items()
            for n in range(4)
        ]
        return builder.Plan(["low", "high"], {"train": recordings}, render)

    def labels(self):
        if self.builder_config.name == "note":
            return {"pitch": np.int64}
        return {"notes": tfds.features.Sequence({"pitch": np.int32})}


def render(recording):
    yield tone(0.1, hz=recording.origin).astype(np.float32)


@pytest.mark.parametrize("config", ["note", "notes"])
def test_the_labels_of_a_dataset_tell_its_pitches(config, tmp_path):
    made = Labelled(data_dir=tmp_path, config=config)
    made.download_and_prepare()
    said, table = inspect(tmp_path, tmp_path / "inspect.png")
    assert {domain: row[-1] for (_, domain), row in table.items()} == {
        "domain": "pitch",
        "low": "F#1-A1",
        "high": "F#6-A6",
        "(none)": "C4-D#4",
        "total": "F#1-A6",
    }
    assert "of the labelled notes" in said
    assert "homepage: https://example.org/tones\nlicence: CC BY 4.0\n" in said


def test_the_picture_shows_three_recordings_of_each_domain(data, seen, page):
    said, _ = seen
    assert said.endswith(f"Stretches of each domain in train are drawn in {page}.\n")
    height, width, _ = matplotlib.image.imread(page).shape
    assert width > 1.5 * height > 500
    found = survey.survey(index.open_dataset(data)).stretches["train", 0]
    shown = example_page.varied(found)
    assert len({stretch.recording for stretch in shown}) == 3
    for stretch in found:
        assert len(stretch.audio()) == 4 * RATE_HZ
        assert np.abs(stretch.audio()).max() == pytest.approx(0.5, abs=0.01)


def test_a_stretch_is_where_it_sounds(tmp_path):
    audio = np.concatenate([np.zeros(12 * RATE_HZ), tone(1.0), np.zeros(RATE_HZ)])
    data = convert(tmp_path, {"a": dict.fromkeys("xyz", audio)})
    (stretch,) = survey.survey(index.open_dataset(data)).stretches["train", 0]
    assert stretch.offset <= 12 * RATE_HZ
    assert stretch.offset + stretch.samples >= 13 * RATE_HZ
    np.testing.assert_allclose(
        stretch.audio(),
        audio[stretch.offset : stretch.offset + stretch.samples],
        atol=1e-4,
    )


def test_a_picture_of_many_domains_shows_the_first(tmp_path):
    made = convert(tmp_path, {f"{n:02d}": {"x": tone(0.01)} for n in range(14)})
    said, _ = inspect(made, tmp_path / "inspect.png")
    assert "Stretches of 12 of the 14 domains in train are drawn in " in said


def test_the_script(scores_data, tmp_path):
    command = [sys.executable, "-m", "pipelines.inspect"]
    picture = tmp_path / "new" / "page.png"
    done = subprocess.run(
        [*command, f"--data={scores_data}", f"--picture={picture}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("scores/unpaired/1.4.0: 8000 Hz, in ")
    assert re.search(r"^train +violin +25 ", done.stdout, re.MULTILINE)
    assert "100%" in done.stderr
    assert picture.exists()


def test_says_what_is_not_one_dataset_in_one_line(tmp_path, capsys):
    def said():
        capsys.readouterr()
        status = script.guard(lambda: inspection.inspect(tmp_path, tmp_path / "x.png"))
        assert status == 1
        out, err = capsys.readouterr()
        assert out == ""
        return err

    assert said() == (
        f"error: data={str(tmp_path)!r}: no dataset there; make one with "
        "python -m pipelines.convert.\n"
    )
    folders = [str(convert(tmp_path / name, {"x": {"y": tone(0.01)}})) for name in "ab"]
    assert said() == (
        f"error: data={str(tmp_path)!r} has 2 datasets; name one of them: "
        f"{', '.join(folders)}.\n"
    )
    assert not (tmp_path / "x.png").exists()
