"""Finds MusicNet's audio, labels and metadata in the folder of its archive."""

import collections
from collections.abc import Sequence
from pathlib import Path

from pipelines import layout
from tf_mt.audio import finding

HOMEPAGE = "https://zenodo.org/records/5120004"
METADATA = "musicnet_metadata.csv"

_PARTS = ("train", "test")

# Zenodo's archive holds a folder; the copy on Kaggle has one more around it.
_PLACES = ("", "musicnet", "musicnet/musicnet")


def root(source: Path) -> Path:
    """The folder that holds the recordings and labels.

    Args:
        source: That folder, or the one that the archives were unpacked in.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds something else.
    """
    places = [source / place for place in _PLACES]
    folder = next(filter(_is_root, places), source)
    if not _is_root(folder):
        _refuse_pickle([source, *(path for p in places for path in p.glob("*.npz"))])
    layout.check(folder, _is_root, "MusicNet's folders train_data and train_labels")
    return folder


def metadata(root: Path) -> Path:
    """The table of the recordings, which is published as a file of its own.

    Args:
        root: The folder that holds the recordings; the table may be above it.

    Raises:
        FileNotFoundError: If it is not there.
    """
    for folder in (root, *root.resolve().parents[: len(_PLACES) - 1]):
        if (folder / METADATA).is_file():
            return folder / METADATA
    raise FileNotFoundError(
        f"source={str(root)!r}: no {METADATA} there or above; put the one from "
        f"{HOMEPAGE} there."
    )


def audio_files(root: Path) -> dict[str, list[Path]]:
    """The audio files of each recording, by its id, of any format."""
    found = collections.defaultdict(list)
    for part in _PARTS:
        for path in sorted((root / f"{part}_data").glob("*")):
            if finding.is_audio(path):
                found[path.stem].append(path)
    return dict(found)


def wav(recording: str, found: Sequence[Path]) -> Path:
    """The file of a recording.

    Args:
        recording: Its id.
        found: Its audio files, at least one.

    Raises:
        FileNotFoundError: If its labels are not there.
        ValueError: If it is there twice, or not as WAV.
    """
    wavs = [path for path in found if path.suffix.lower() == ".wav"]
    if not wavs:
        raise ValueError(
            f"path={str(found[0])!r}: MusicNet's recordings are WAV files; put "
            f"{recording}.wav there."
        )
    if len(wavs) > 1:
        raise ValueError(
            f"recording={recording!r} is there twice, as "
            f"{' and '.join(repr(str(path)) for path in wavs)}; remove one."
        )
    if not labels(wavs[0]).is_file():
        raise FileNotFoundError(f"path={str(labels(wavs[0]))!r}: no such file.")
    return wavs[0]


def labels(wav: Path) -> Path:
    """The file of a recording's notes, whether it is there or not."""
    part = wav.parent.name.removesuffix("_data")
    return wav.parent.with_name(f"{part}_labels") / f"{wav.stem}.csv"


def _is_root(folder: Path) -> bool:
    return any((folder / f"{part}_data").is_dir() for part in _PARTS)


def _refuse_pickle(found: Sequence[Path]) -> None:
    for path in found:
        if path.suffix == ".npz" and path.is_file():
            raise ValueError(
                f"source={str(path)!r} is a pickle, and loading one can run any code; "
                f"give the folder of musicnet.tar.gz, from {HOMEPAGE}."
            )
