"""Lists the excerpts of IRMAS with their labels, from file names and text files."""

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tf_mt import names

TRAINING = "IRMAS-TrainingData"
TESTING = tuple(f"IRMAS-TestingData-Part{part}" for part in (1, 2, 3))

INSTRUMENTS = (
    *("cel", "cla", "flu", "gac", "gel", "org"),
    *("pia", "sax", "tru", "vio", "voi"),
)
GENRES = ("cou_fol", "cla", "pop_roc", "lat_sou", "jaz_blu")
DRUMS = ("dru", "nod")
UNKNOWN = "unknown"
NO_NUMBER = -1

# Tags are told by their place: "cla" is the clarinet and classical music.
_NAME = re.compile(
    r"(?:\d{3}__)?"  # Only names with a tag of drums begin with a count.
    r"\[(?P<instrument>[^]]*)\]"
    rf"(?:\[(?P<drums>{'|'.join(DRUMS)})\])?"
    r"(?:\[(?P<genre>[^]]*)\])?"
    r"(?P<number>\d{4})__(?P<excerpt>\d)"
)


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """A file and what is known of it.

    Attributes:
        name: Its id in the dataset.
        path: The WAV file.
        instruments: The instruments that predominate, of `INSTRUMENTS`.
        genre: One of `GENRES` or `UNKNOWN`.
        drums: One of `DRUMS` or `UNKNOWN`.
        recording_number: The number of the recording it was cut from, or `NO_NUMBER`.
        excerpt: Its own number among those of that recording, or `NO_NUMBER`.
    """

    name: str
    path: Path
    instruments: Sequence[str]
    genre: str = UNKNOWN
    drums: str = UNKNOWN
    recording_number: int = NO_NUMBER
    excerpt: int = NO_NUMBER


def is_root(folder: Path) -> bool:
    """Whether a folder is the one that the archives were unpacked in."""
    return any((folder / TRAINING / name).is_dir() for name in INSTRUMENTS)


def training(
    source: Path,
    instruments: Sequence[str],
    leave_out: Callable[[Exception], None],
) -> list[Excerpt]:
    """The excerpts for training, in the order of their names.

    Args:
        source: The folder that the archives were unpacked in.
        instruments: Those that are wanted.
        leave_out: Is given an error for each file and folder that cannot be used.
    """
    found = []
    folders = [path for path in _listed(source / TRAINING) if path.is_dir()]
    for folder in folders:
        if folder.name not in INSTRUMENTS:
            unknown = names.unknown("instrument", folder.name, INSTRUMENTS)
            leave_out(ValueError(f"path={str(folder)!r}: {unknown}"))
        elif folder.name in instruments:
            for path in _listed(folder):
                try:
                    found.append(_named(source / TRAINING, path))
                except ValueError as error:
                    leave_out(error)
    return found


def testing(part: Path, leave_out: Callable[[Exception], None]) -> list[Excerpt]:
    """The excerpts of one part of the testing data, in the order of their names.

    Args:
        part: The folder of the part; the files are in it or in folders in it.
        leave_out: Is given an error for each file that cannot be used.
    """
    if not part.is_dir():
        return []
    folders = [path for path in _listed(part) if path.is_dir()] or [part]
    found = []
    for path in [path for folder in folders for path in _listed(folder)]:
        try:
            if path.suffix != ".txt":
                found.append(_labelled(part.parent, path))
            elif not path.with_suffix(".wav").is_file():
                raise ValueError(
                    f"path={str(path)!r}: there is no .wav file of that name; bring "
                    "it back or remove the .txt file."
                )
        except ValueError as error:
            leave_out(error)
    return found


def _listed(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            yield path


def _named(folder: Path, path: Path) -> Excerpt:
    """An excerpt that its name tells all about."""
    _check_wav(path)
    read = _NAME.fullmatch(path.stem)
    if not read:
        raise ValueError(
            f"path={str(path)!r}: the name must be of the form "
            "[instrument][genre]NNNN__K.wav or [instrument][dru or nod][genre]"
            "NNNN__K.wav; give it back its published name or remove it."
        )
    instrument, genre = read["instrument"], read["genre"]
    if instrument != path.parent.name:
        raise ValueError(
            f"path={str(path)!r}: its name says {instrument!r}, but it is in the "
            f"folder of {path.parent.name!r}; put it where it belongs."
        )
    if genre is not None and genre not in GENRES:
        unknown = names.unknown("genre", genre, GENRES)
        raise ValueError(f"path={str(path)!r}: {unknown}")
    return Excerpt(
        name=_id(folder, path),
        path=path,
        instruments=(instrument,),
        genre=genre or UNKNOWN,
        drums=read["drums"] or UNKNOWN,
        recording_number=int(read["number"]),
        excerpt=int(read["excerpt"]),
    )


def _labelled(folder: Path, path: Path) -> Excerpt:
    """An excerpt that a text file beside it tells the instruments of."""
    _check_wav(path)
    text = path.with_suffix(".txt")
    if not text.is_file():
        raise ValueError(
            f"path={str(path)!r}: there is no .txt file of that name; bring it back "
            "or remove the .wav file."
        )
    # Each line is a code and a tab.
    codes = text.read_text("utf-8", errors="replace").split()
    if not codes:
        raise ValueError(
            f"path={str(text)!r} is empty; it must have an instrument on each line."
        )
    for code in codes:
        if code not in INSTRUMENTS:
            unknown = names.unknown("instrument", code, INSTRUMENTS)
            raise ValueError(f"path={str(text)!r}: {unknown}")
    return Excerpt(_id(folder, path), path, tuple(dict.fromkeys(codes)))


def _check_wav(path: Path) -> None:
    if path.suffix != ".wav" or not path.is_file():
        raise ValueError(
            f"path={str(path)!r} is not a .wav file, which all excerpts of IRMAS "
            "are; bring back what was published or remove it."
        )


def _id(folder: Path, path: Path) -> str:
    relative = path.relative_to(folder).with_suffix("")
    # Unpacked under another encoding, a name may have bytes that are no text.
    return os.fsencode(relative.as_posix()).decode(errors="backslashreplace")
