import os
import pathlib

import pytest

from tf_mt import atomic


def test_file_appears_whole(tmp_path):
    target = tmp_path / "new" / "file.txt"
    with atomic.path(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_error_leaves_the_old_file(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic.path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_folder_appears_whole(tmp_path):
    target = tmp_path / "7"
    with atomic.path(target) as temporary:
        temporary.mkdir()
        (temporary / "inside").write_text("x")
        assert not temporary.name.isdigit()
    assert (target / "inside").read_text() == "x"


def test_two_processes_of_the_same_number_do_not_meet(tmp_path, monkeypatch):
    # In containers, processes that share a disk are all number 1.
    monkeypatch.setattr(os, "getpid", lambda: 1)
    target = tmp_path / "file.txt"
    with atomic.path(target) as one:
        one.write_text("one")
        with atomic.path(target) as other:
            assert other != one
            other.write_text("other")
        assert one.read_text() == "one"
    assert target.read_text() == "one"
    assert list(tmp_path.iterdir()) == [target]


@pytest.fixture
def disk(monkeypatch):
    """The names of what is synced and renamed, in this order."""
    done, fsync, replace = [], os.fsync, os.replace

    def recorded_fsync(descriptor):
        done.append(f"sync {pathlib.Path(f'/proc/self/fd/{descriptor}').readlink()}")
        fsync(descriptor)

    def recorded_replace(source, target):
        done.append(f"rename {source}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    return done


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path, disk):
    with atomic.path(tmp_path / "file.txt") as temporary:
        temporary.write_text("whole")
    assert disk == [f"sync {temporary}", f"rename {temporary}", f"sync {tmp_path}"]


def test_a_folder_is_on_the_disk_before_it_takes_its_name(tmp_path, disk):
    with atomic.path(tmp_path / "7") as temporary:
        (temporary / "deep").mkdir(parents=True)
        (temporary / "one").touch()
        (temporary / "deep" / "two").touch()
    parts = ("one", "deep/two", "deep", "")
    assert sorted(disk[:4]) == sorted(f"sync {temporary / part}" for part in parts)
    assert disk[4:] == [f"rename {temporary}", f"sync {tmp_path}"]


def test_what_the_dead_have_left_is_removed_in_time(tmp_path):
    target = tmp_path / "7"
    old, written, other = (
        tmp_path / f".{name}.tmp" for name in ("7.old", "7.new", "70.old")
    )
    for folder in (old, written, other):
        folder.mkdir()
        (folder / "part").touch()
        os.utime(folder, (0, 0))
    for folder in (old, other):
        os.utime(folder / "part", (0, 0))
    with atomic.path(target) as temporary:
        temporary.mkdir()
    assert set(tmp_path.iterdir()) == {target, written, other}
