import pytest

from pipelines import layout


def is_root(folder):
    return (folder / "train_data").is_dir()


@pytest.fixture
def archive(tmp_path):
    """A dataset in a folder with an odd name."""
    folder = tmp_path / "Müsik [all] of it" / "musicnet"
    (folder / "train_data" / "deep").mkdir(parents=True)
    return folder


def check(source):
    layout.check(source, is_root, "the folder train_data")


def test_the_right_folder_passes_and_no_other(archive):
    check(archive)
    (archive / "train_data").rename(archive / "other")
    with pytest.raises(ValueError, match="does not hold the folder train_data"):
        check(archive)


@pytest.mark.parametrize("levels", [1, 2])
def test_a_folder_that_is_too_high_is_told_the_right_one(archive, levels):
    with pytest.raises(
        ValueError, match="does not hold the folder train_data"
    ) as error:
        check(archive.parents[levels - 1])
    assert f"did you mean {str(archive)!r}?" in str(error.value)


@pytest.mark.parametrize("below", ["train_data", "train_data/deep"])
def test_a_folder_that_is_too_low_is_told_the_right_one(archive, below):
    with pytest.raises(ValueError, match="did you mean") as error:
        check(archive / below)
    assert f"did you mean {str(archive)!r}?" in str(error.value)


def test_all_that_may_be_meant_are_told(archive):
    other = archive.with_name("copy")
    (other / "train_data").mkdir(parents=True)
    with pytest.raises(ValueError, match="did you mean") as error:
        check(archive.parent)
    assert f"did you mean {str(other)!r} or {str(archive)!r}?" in str(error.value)


def test_a_folder_far_from_any_is_told_what_is_wanted(tmp_path):
    with pytest.raises(ValueError, match=r"does not hold the folder train_data\.$"):
        check(tmp_path)


def test_a_folder_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"source=.*no such folder"):
        check(tmp_path / "nowhere")
