"""Decodes what libsndfile can: WAV, AIFF, FLAC, Ogg, MP3 and their like."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import soundfile

from tf_mt.audio import mp3, ogg, riff
from tf_mt.audio.encoded import INSTALL, Encoded, UnknownFormatError, unreadable

# Most common first.
SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".aifc", ".opus", ".oga"),
    *(".wave", ".bwf", ".rf64", ".w64", ".caf", ".au", ".snd", ".mp2", ".mp1", ".mpa"),
    *(".8svx", ".svx", ".avr", ".ircam", ".sf", ".nist", ".sph", ".paf", ".pvf"),
    *(".voc",),
)

# Values of all channels that are decoded at a time.
_DECODED_VALUES = 1 << 17

# Their values have no bound; those of all other encodings do.
_UNBOUNDED = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG")

# Of these, what is told at the beginning need not be what can be decoded.
_WITHOUT_LENGTH = ("FLAC", "MP3", "OGG")

# Some errors of libsndfile by their codes, where its own words ("File does not exist",
# "SF_INFO struct incomplete") mislead.
_REASONS = {7: "no MP3 frames in it", 24: "its header is damaged"}


@contextlib.contextmanager
def opened(path: Path, past_claim: bool) -> Iterator[Encoded]:
    """Opens a file.

    Args:
        path: The file.
        past_claim: Of an MP3, whether to go on to the end of the file, whatever length
            its header claims.

    Raises:
        UnknownFormatError: If libsndfile does not know what it is.
        ValueError: If it is known, but damaged or empty.
    """
    with contextlib.ExitStack() as resources:
        # As bytes, for names that are not UTF-8.
        file = resources.enter_context(_open(path, os.fsencode(path)))
        is_mp3, unclaimed_bytes = file.format == "MP3", 0
        if is_mp3:
            unclaimed_bytes = mp3.unclaimed_bytes(path)
            if past_claim or unclaimed_bytes is None:
                endless = resources.enter_context(mp3.Endless(path))
                # Of much junk before its first frame libsndfile needs the name to know
                # that it is an MP3.
                with contextlib.suppress(UnknownFormatError):
                    file = resources.enter_context(_open(path, endless))
        elif file.format == "OGG" and ogg.is_chained(path):
            reason = f"several streams in a row, which need {INSTALL}"
            raise unreadable(path, reason, UnknownFormatError)
        elif not file.frames and (place := riff.open_length(path)) is not None:
            streamed = resources.enter_context(riff.Streamed(path, place))
            file = resources.enter_context(_open(path, streamed))
        if not file.frames:
            raise unreadable(path, "it has no samples")
        yield Encoded(
            file.samplerate,
            file.channels,
            None if file.format in _WITHOUT_LENGTH else file.frames,
            not file.subtype.startswith(_UNBOUNDED),
            _chunks(path, file),
            unclaimed_bytes or 0,
        )


def _chunks(path: Path, file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    samples = max(1, _DECODED_VALUES // max(2, file.channels))
    while True:
        try:
            decoded = file.read(samples, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise unreadable(path, error.error_string) from error
        if not len(decoded):
            return
        yield decoded


class _FrontToBack(soundfile.SoundFile):
    """A file that is never sought in.

    After every read soundfile seeks to where it already is. In an MP3 of variable rate
    libsndfile then lands elsewhere, and what follows is not what was recorded.
    """

    def seekable(self) -> bool:
        return False


def _open(path: Path, source: bytes | IO[bytes]) -> soundfile.SoundFile:
    try:
        return _FrontToBack(source)
    except soundfile.LibsndfileError as error:
        reason = _REASONS.get(error.code, error.error_string)
        raise unreadable(path, reason, UnknownFormatError) from error
