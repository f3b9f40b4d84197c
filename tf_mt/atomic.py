"""Files and folders that appear whole or not at all."""

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from tf_mt import disk

# What a process that died has left is removed once nobody has written to it for so
# long: who writes may be on another machine, where its process cannot be asked for.
_ABANDONED_SECONDS = 7 * 24 * 3600.0


@contextlib.contextmanager
def path(target: Path) -> Iterator[Path]:
    """Yields a temporary path beside `target` that takes its name on success.

    The caller creates a file or a folder there. It is on the disk before it takes its
    name. When the block raises, what it wrote is removed and `target` is left as it
    was. A file replaces an older file; a folder needs its name free.

    Args:
        target: The path that is to appear whole.

    Raises:
        disk.FullError: The disk takes no more.

    Yields:
        A path in the same folder, hidden and not numeric, so that no watcher of that
        folder takes it for a finished one. No other process has the same.
    """
    target = Path(target)
    with disk.writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(target)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            yield temporary
            _sync_tree(temporary)
            os.replace(temporary, target)
            _sync(target.parent)
        finally:
            _remove(temporary)


def _sync_tree(written: Path) -> None:
    """Has a file, or a folder and all in it, written to the disk."""
    for folder, _, names in os.walk(written):
        for name in names:
            _sync(Path(folder, name))
        _sync(Path(folder))
    if not written.is_dir():
        _sync(written)


def _sync(written: Path) -> None:
    descriptor = os.open(written, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(target: Path) -> None:
    before = time.time() - _ABANDONED_SECONDS
    prefix = f".{target.name}."
    for name in os.listdir(target.parent):
        if name.startswith(prefix) and name.endswith(".tmp"):
            found = target.with_name(name)
            # Another process may be removing it as well.
            with contextlib.suppress(FileNotFoundError):
                if _last_written(found) < before:
                    _remove(found)


def _last_written(found: Path) -> float:
    return max(path.stat().st_mtime for path in (found, *found.rglob("*")))


def _remove(leftover: Path) -> None:
    if leftover.is_dir():
        shutil.rmtree(leftover)
    else:
        leftover.unlink(missing_ok=True)
