"""How commands load TensorFlow: silently, with fitting settings and caches."""

import atexit
import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tf_mt import config, keras_settings

# Waits for a line that says that all went well. Without it, which is also how the death
# of this process looks, what was held back is shown.
_WATCHER = 'read -r done || cat "$1" >&2; rm -f "$1"'


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds stderr back in its block, in which a command imports TensorFlow.

    Keras is loaded with the settings that the models need, and numba is given a cache
    where it could write to none. Does nothing where TensorFlow is loaded already.

    TensorFlow's libraries print to the file descriptor before their own filter of
    messages is set up, and when they look for devices, which is done here at the end of
    the block. If the block raises, or the process dies in it, what was held back is
    shown. Afterwards the libraries print errors only, unless `TF_CPP_MIN_LOG_LEVEL`
    is set. With `--verbosity` of 0 or more, absl's flag, nothing is held back.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    keras_settings.use_needed()
    give_numba_a_cache()
    if _verbosity(sys.argv) >= 0:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _stderr_held_back():
        yield
        import tensorflow as tf

        tf.config.list_physical_devices()


def _verbosity(arguments: list[str]) -> int:
    """The flag's value; -1, absl's default, if absl will say what is wrong with it."""
    given = config.peek_flag("verbosity", arguments) or config.peek_flag("v", arguments)
    try:
        return int(given or -1)
    except ValueError:
        return -1


@contextlib.contextmanager
def _stderr_held_back() -> Iterator[None]:
    descriptor, name = tempfile.mkstemp(prefix="stderr")
    # A process of its own, as this one may die of a signal.
    watcher = subprocess.Popen(
        ["sh", "-c", _WATCHER, "sh", name], stdin=subprocess.PIPE
    )
    sys.stderr.flush()
    stderr = os.dup(2)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    done = b""
    try:
        yield
        done = b"\n"
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        watcher.communicate(done)
        Path(name).unlink(missing_ok=True)


def give_numba_a_cache() -> None:
    """Makes numba a temporary cache where it could write to none.

    It refuses to load librosa where both the installation and the home are read-only.
    """
    librosa = importlib.util.find_spec("librosa")
    if librosa is None or "NUMBA_CACHE_DIR" in os.environ:
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache")).expanduser()
    beside = Path(librosa.origin).with_name("__pycache__")
    if not any(_can_be_written(place) for place in (beside, home / "numba")):
        os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="numba")
        atexit.register(shutil.rmtree, os.environ["NUMBA_CACHE_DIR"], True)


def _can_be_written(folder: Path) -> bool:
    """Whether a folder can be written to, or made where it is to be."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(there, os.W_OK)
