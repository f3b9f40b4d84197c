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
