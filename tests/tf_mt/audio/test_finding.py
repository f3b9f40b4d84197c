import pytest

from tf_mt.audio import finding


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder):
    return [path.relative_to(folder).as_posix() for path in finding.find(folder)]


def test_audio_files_of_any_format_are_found_at_any_depth(tmp_path):
    names = ["a.flac", "b/1.mp3", "b/2.WAV", "c/d/e.Opus", "c/f.m4a", "g.MOV"]
    make(tmp_path, *names, "notes.txt", "cover.jpg", "no_suffix")
    (tmp_path / "folder.wav").mkdir()
    assert found(tmp_path) == names


def test_what_is_hidden_or_a_systems_own_is_passed_over(tmp_path):
    make(tmp_path, "a.wav", "._a.wav", ".DS_Store", "Thumbs.db", ".trash/b.wav")
    make(tmp_path, "__MACOSX/._a.wav", "__MACOSX/a.wav", "b/__MACOSX/c.wav")
    assert found(tmp_path) == ["a.wav"]


def test_a_folder_named_by_the_user_may_be_hidden(tmp_path):
    make(tmp_path, ".music/a.wav")
    assert found(tmp_path / ".music") == ["a.wav"]


def test_links_to_folders_are_followed_once(tmp_path):
    make(tmp_path, "in/z/a.wav", "elsewhere/b.wav", "elsewhere/deep/c.wav")
    source = tmp_path / "in"
    (source / "again").symlink_to(source / "z")
    (source / "cycle").symlink_to(source)
    (source / "one").symlink_to(tmp_path / "elsewhere")
    (source / "two").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(source)
    assert found(source) == ["one/b.wav", "one/deep/c.wav", "z/a.wav"]


def test_broken_links_are_among_what_is_found(tmp_path):
    make(tmp_path, "a.wav")
    for name in ("b.wav", "folder", "notes.txt"):
        (tmp_path / name).symlink_to("gone")
    assert found(tmp_path) == ["a.wav", "b.wav", "folder"]


def test_a_file_is_taken_whatever_its_name(tmp_path):
    make(tmp_path, "notes.txt")
    assert finding.find(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_what_was_looked_for_is_said(tmp_path):
    for source in (tmp_path, tmp_path / "gone"):
        with pytest.raises(FileNotFoundError, match=r"\.wav, \.flac, \.ogg, \.mp3"):
            finding.find(source)
