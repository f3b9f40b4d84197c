"""What is said when a disk takes no more."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

# In the words of the operating system, which every library hands on.
_REASONS = tuple(
    os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
)


class FullError(OSError):
    """A disk takes no more; its message is a sentence for the user."""


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Names the place that its block writes to, if the disk takes no more.

    Args:
        place: The file or folder that the user knows of.

    Raises:
        FullError: In the place of what the block raised, of whatever library.
    """
    try:
        yield
    except FullError:
        raise
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise FullError(
            f"{str(place)!r} cannot be written ({reason}); free some space there, or "
            "choose another place."
        ) from error


def reserve(path: Path, size_bytes: int) -> None:
    """Makes sure of the space for a file that a library cannot be trusted to fill.

    Args:
        path: The file; it is there afterwards, with any content.
        size_bytes: The most that it will have.

    Raises:
        OSError: There is not as much.
    """
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size_bytes)


def _reason(error: BaseException | None) -> str | None:
    """The operating system's words in an error, or in one that led to it."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        for reason in _REASONS:
            if reason in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None
