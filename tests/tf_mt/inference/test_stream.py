import subprocess
import sys
import time

import numpy as np
import pytest

from tf_mt.audio import files
from tf_mt.inference import stream

RATE_HZ = 8000


def twice(blocks):
    return (2 * block for block in blocks)


def tone(samples):
    return 0.4 * np.sin(0.1 * np.arange(samples, dtype=np.float32))


def test_a_file(tmp_path):
    files.write(tmp_path / "in.wav", tone(20_000), RATE_HZ)
    target = tmp_path / "new" / "out.wav"
    assert stream.translate_files(tmp_path / "in.wav", target, RATE_HZ, twice) == []
    read = files.read(target, RATE_HZ)
    np.testing.assert_allclose(read, 2 * tone(20_000), atol=1e-4)


def test_a_file_into_a_folder(tmp_path):
    files.write(tmp_path / "in.flac.wav", tone(100), RATE_HZ)
    folder = tmp_path / "folder"
    folder.mkdir()
    stream.translate_files(tmp_path / "in.flac.wav", folder, RATE_HZ, twice)
    assert [path.name for path in folder.iterdir()] == ["in.flac.wav"]


def test_a_folder_keeps_its_tree(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    for name in ("a.wav", "b/c.wav", "b/d/e.WAV"):
        files.write(source / name, tone(100), RATE_HZ)
    assert stream.translate_files(source, target, RATE_HZ, twice) == []
    written = {str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()}
    assert written == {"a.wav", "b/c.wav", "b/d/e.wav"}


def test_audio_is_resampled_to_the_rate_of_the_model(tmp_path):
    files.write(tmp_path / "in.wav", tone(4000), 2 * RATE_HZ)
    stream.translate_files(tmp_path / "in.wav", tmp_path / "o.wav", RATE_HZ, twice)
    assert files.duration_seconds(tmp_path / "o.wav") == 2000 / RATE_HZ


def test_blocks_are_short_however_long_the_file_is(tmp_path):
    files.write(tmp_path / "in.wav", tone(5 * RATE_HZ + 1), RATE_HZ)
    lengths = []

    def measured(blocks):
        for block in blocks:
            lengths.append(len(block))
            yield block

    stream.translate_files(tmp_path / "in.wav", tmp_path / "o.wav", RATE_HZ, measured)
    assert lengths == [RATE_HZ] * 5 + [1]


def test_the_bar_counts_seconds(tmp_path, capfd):
    files.write(tmp_path / "in.wav", tone(10 * RATE_HZ + 1), RATE_HZ)
    stream.translate_files(tmp_path / "in.wav", tmp_path / "o.wav", RATE_HZ, twice)
    assert "audio: 100%|" in (printed := capfd.readouterr().err)
    assert "| 10/10 s [" in printed


def test_a_header_may_tell_less_than_there_is(tmp_path, monkeypatch, capfd):
    files.write(tmp_path / "in.wav", tone(10 * RATE_HZ), RATE_HZ)
    with monkeypatch.context() as patched:
        patched.setattr(files, "duration_seconds", lambda path: 3.3)
        stream.translate_files(tmp_path / "in.wav", tmp_path / "o.wav", RATE_HZ, twice)
    assert files.duration_seconds(tmp_path / "o.wav") == 10.0
    assert "| 3/3 s [" in capfd.readouterr().err


def test_in_a_folder_bad_files_are_listed_and_passed_over(tmp_path, capfd):
    source, target = tmp_path / "in", tmp_path / "out"
    files.write(source / "b.wav", tone(100), RATE_HZ)
    (source / "a.wav").write_text("no audio")
    (source / "c.wma").write_text("no audio")
    (source / "d.flac").symlink_to("gone.flac")
    (source / "e.jpg").write_text("a picture")
    failed = stream.translate_files(source, target, RATE_HZ, twice)
    assert failed == [source / name for name in ("a.wav", "c.wma", "d.flac")]
    said = capfd.readouterr().err.splitlines()
    assert said[-4] == "left out 3 of 4 files:"
    assert f"error: path='{source}/a.wav': cannot be read as audio (" in said[-3]
    assert f"error: path='{source}/c.wma': cannot be read as audio (" in said[-2]
    assert said[-1] == (
        f"error: path='{source}/d.flac': a link to 'gone.flac', which is not there."
    )
    assert [path.name for path in target.iterdir()] == ["b.wav"]


def test_what_was_left_out_is_listed_after_an_interruption(tmp_path, capfd):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_text("no audio")
    files.write(tmp_path / "in" / "b.wav", tone(100), RATE_HZ)

    def interrupted(blocks):
        yield next(blocks)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream.translate_files(tmp_path / "in", tmp_path / "out", RATE_HZ, interrupted)
    assert "a.wav': cannot be read as audio" in capfd.readouterr().err


def test_a_bad_file_alone_is_an_error(tmp_path):
    (tmp_path / "a.wav").write_text("no audio")
    with pytest.raises(ValueError, match="cannot be read as audio"):
        stream.translate_files(tmp_path / "a.wav", tmp_path / "b.wav", RATE_HZ, twice)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("kind", [ConnectionError, TimeoutError, RuntimeError])
def test_what_is_wrong_with_all_files_ends_the_work(tmp_path, kind):
    source, target = tmp_path / "in", tmp_path / "out"
    for name in ("a.wav", "b.wav"):
        files.write(source / name, tone(2 * RATE_HZ), RATE_HZ)
    begun = []

    def failing(blocks):
        begun.append(next(blocks))
        yield begun[-1]
        raise kind("gone")

    with pytest.raises(kind, match="gone"):
        stream.translate_files(source, target, RATE_HZ, failing)
    assert len(begun) == 1
    assert list(target.iterdir()) == []


def test_nothing_to_translate(tmp_path):
    with pytest.raises(FileNotFoundError):
        stream.translate_files(tmp_path / "no", tmp_path / "out", RATE_HZ, twice)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no audio file there"):
        stream.translate_files(tmp_path / "empty", tmp_path / "out", RATE_HZ, twice)


def test_targets_that_cannot_be_meant(tmp_path):
    source = tmp_path / "in"
    files.write(source / "a.wav", tone(100), RATE_HZ)
    for target, words in [
        (source / "out", "lies in the input"),
        (source, "lies in the input"),
        (source / "a.wav", "is a file"),
    ]:
        with pytest.raises(ValueError, match=words):
            stream.translate_files(source, target, RATE_HZ, twice)
    for target, words in [
        (tmp_path / "a.mp3", r"must end in \.wav"),
        (source / "a.wav", "is the input"),
        (source, "is the input"),
    ]:
        with pytest.raises(ValueError, match=words):
            stream.translate_files(source / "a.wav", target, RATE_HZ, twice)
    assert [path.name for path in source.iterdir()] == ["a.wav"]


def test_files_that_differ_in_their_suffix_keep_it(tmp_path):
    for name in ("a.wav", "a.flac", "b.flac"):
        files.write(tmp_path / "in" / name, tone(100), RATE_HZ)
    stream.translate_files(tmp_path / "in", tmp_path / "out", RATE_HZ, twice)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"a.wav.wav", "a.flac.wav", "b.wav"}


def test_two_files_that_would_be_written_to_one(tmp_path):
    for name in ("a.wav", "a.flac", "a.flac.wav"):
        files.write(tmp_path / "in" / name, tone(100), RATE_HZ)
    with pytest.raises(
        ValueError, match=r"a\.flac.*a\.flac\.wav.*would both be written to"
    ):
        stream.translate_files(tmp_path / "in", tmp_path / "out", RATE_HZ, twice)


def test_it_needs_no_tensorflow():
    program = (
        "import sys, tf_mt.inference.stream; sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def slowly(blocks):
    for block in blocks:
        time.sleep(len(block) / RATE_HZ / 40.0)
        yield block


@pytest.mark.parametrize(("seconds", "told"), [(61, True), (59, False)])
def test_who_has_much_to_translate_is_told_how_long_it_will_take(
    tmp_path, capsys, monkeypatch, seconds, told
):
    monkeypatch.setattr(stream, "TRIED_SECONDS", 1.0)
    files.write(tmp_path / "in.wav", np.zeros(seconds * RATE_HZ), RATE_HZ)
    stream.translate_files(tmp_path / "in.wav", tmp_path / "out.wav", RATE_HZ, slowly)
    said = capsys.readouterr().out
    assert said.startswith("0:01:01 of audio will take about 0:00:0") == told
    assert bool(said) == told
