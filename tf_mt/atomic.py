"""Files and folders that appear whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def path(target: Path) -> Iterator[Path]:
    """Yields a temporary path beside `target` that takes its name on success.

    The caller creates a file or a folder there. When the block raises, what it wrote
    is removed and `target` is left as it was. A file replaces an older file; a folder
    needs its name free.

    Args:
        target: The path that is to appear whole.

    Yields:
        A path in the same folder, hidden and not numeric, so that no watcher of that
        folder takes it for a finished one.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    _remove(temporary)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        _remove(temporary)


def _remove(leftover: Path) -> None:
    if leftover.is_dir():
        shutil.rmtree(leftover)
    else:
        leftover.unlink(missing_ok=True)
