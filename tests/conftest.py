import os
import pathlib

# numba's cache breaks when several processes fill it at once, and what it then holds
# crashes every later one; so each process of the tests has a cache of its own.
os.environ["NUMBA_CACHE_DIR"] = str(
    pathlib.Path(__file__).parents[1]
    / ".pytest_cache"
    / f"numba_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
)

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config as tf_config

from tests import midi_file

# Two replicas on any machine; has to be said before TensorFlow looks for devices.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
# The processes of the tests share the cores, and operations are small.
tf.config.threading.set_intra_op_parallelism_threads(1)

DOMAINS = ("violin", "flute", "trumpet")
SAMPLE_RATE_HZ = 8000


def write_melody(path: pathlib.Path, seed: int, notes: int = 16) -> None:
    """Writes a MIDI file with one melody in the middle register."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, 12, notes)
    melody = [(480 * beat, 450, 64 + int(step)) for beat, step in enumerate(steps)]
    midi_file.write(path, melody)


def convert_melodies(
    folder: pathlib.Path, config: str, count: int, **settings
) -> pathlib.Path:
    """Makes a `scores` dataset of melodies in a folder, and returns where it is."""
    from pipelines import conversion

    (folder / "midi").mkdir()
    for seed in range(count):
        write_melody(folder / "midi" / f"melody{seed:02d}.mid", seed)
    conversion.convert(
        "scores",
        str(folder / "data"),
        config=config,
        settings={
            "source": str(folder / "midi"),
            "domains": list(DOMAINS),
            "sample_rate": SAMPLE_RATE_HZ,
            **settings,
        },
        overwrite=False,
    )
    return folder / "data"


@pytest.fixture(autouse=True)
def nondeterminism_after_training():
    """Lets no test run under the determinism that training has asked for before."""
    yield
    # TensorFlow's way back is not in its public interface.
    tf_config.disable_op_determinism()


@pytest.fixture(scope="session")
def scores_data(tmp_path_factory) -> pathlib.Path:
    """A small `scores` dataset: unpaired in train, paired in test."""
    return convert_melodies(tmp_path_factory.mktemp("scores"), "unpaired", 96)


@pytest.fixture(scope="session")
def paired_data(tmp_path_factory) -> pathlib.Path:
    """A smaller one that is paired in every split."""
    return convert_melodies(tmp_path_factory.mktemp("paired"), "paired", 32)


@pytest.fixture(scope="session")
def heard_data(tmp_path_factory) -> pathlib.Path:
    """One that is paired and has instruments that are heard only: two play."""
    folder = tmp_path_factory.mktemp("heard")
    names = ["clarinet", "tuba", "oboe"]
    return convert_melodies(folder, "paired", 16, heard_domains=names)
