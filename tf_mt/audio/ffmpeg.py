"""Decodes with FFmpeg, through PyAV, what libsndfile does not: M4A, WMA, videos.

PyAV is optional: `pip install 'tf_mt[formats]'`.
"""

import contextlib
import importlib.util
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tf_mt.audio.encoded import Encoded, UnknownFormatError, unreadable

# Most common first.
SUFFIXES = (
    *(".m4a", ".aac", ".wma", ".webm", ".wv", ".mp4", ".mov", ".mkv", ".mka", ".m4b"),
    *(".m4v", ".3gp", ".ac3", ".aa3", ".amr", ".ape", ".asf", ".avi", ".bw64", ".dff"),
    *(".dsf", ".dts", ".eac3", ".flv", ".mpc", ".mpeg", ".mpg", ".mxf", ".ogv", ".qt"),
    *(".ra", ".spx", ".tak", ".tta", ".weba", ".wmv"),
)

# FFmpeg would also follow playlists, and take pictures and text for something.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,iff,matroska,mov,mpc,"
    "mpc8,mpeg,mpegts,mxf,oma,ogg,rm,tak,tta,w64,wav,webm,wv,mp4,m4a,3gp"
)

# Samples of a channel that are given at a time.
_CHUNK_SAMPLES = 1 << 16


def installed() -> bool:
    """Whether PyAV is there."""
    return importlib.util.find_spec("av") is not None


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Encoded]:
    """Opens a file; of several tracks, the one that a player would choose.

    Raises:
        UnknownFormatError: If FFmpeg does not know what it is.
        ValueError: If it is known, but damaged or has no sound.
    """
    import av

    with contextlib.ExitStack() as resources:
        # A file and not its name, in which FFmpeg would look for protocols.
        raw = resources.enter_context(open(path, "rb"))
        with _reasons(path, UnknownFormatError):
            container = resources.enter_context(
                av.open(
                    raw,
                    options={"format_whitelist": _FORMATS},
                    metadata_errors="ignore",
                )
            )
        track = container.streams.best("audio")
        if track is None:
            raise unreadable(path, "it has no sound")
        with _reasons(path):
            frames = container.decode(track)
            first = next(frames, None)
        if first is None:
            raise unreadable(path, "it has no samples")
        channels = first.layout.nb_channels
        arrays = _converted(first, itertools.chain([first], frames))
        yield Encoded(
            first.sample_rate, channels, None, False, _chunks(path, arrays, channels)
        )


def _converted(first: Any, frames: Iterable[Any]) -> Iterator[np.ndarray]:
    """Float32 `[channels, samples]` of frames, in the layout and rate of the first."""
    import av

    def kind(frame: Any) -> tuple[str, str, int]:
        return frame.format.name, frame.layout.name, frame.sample_rate

    for _, alike in itertools.groupby(frames, kind):
        resampler = av.AudioResampler("fltp", first.layout, first.sample_rate)
        for frame in itertools.chain(alike, [None]):
            for converted in resampler.resample(frame):
                yield converted.to_ndarray()


def _chunks(
    path: Path, arrays: Iterator[np.ndarray], channels: int
) -> Iterator[np.ndarray]:
    """Joins the small frames of a codec to `[samples, channels]`."""
    waiting, samples = [], 0
    while True:
        with _reasons(path):
            array = next(arrays, None)
        if array is not None:
            waiting.append(array.reshape(channels, -1))
            samples += array.shape[-1]
        if waiting and (array is None or samples >= _CHUNK_SAMPLES):
            yield np.ascontiguousarray(np.concatenate(waiting, axis=1).T)
            waiting, samples = [], 0
        if array is None:
            return


@contextlib.contextmanager
def _reasons(path: Path, kind: type[ValueError] = ValueError) -> Iterator[None]:
    """Turns errors of FFmpeg into ours."""
    import av

    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "damaged"
        raise unreadable(path, reason, kind) from error
