"""What commands print while TensorFlow is loaded, each in a process of its own."""

import os
import pathlib
import subprocess
import sys

import pytest

from tf_mt import dataset, models, startup
from tf_mt.training import run

LOUD = "import os, sys\nfrom tf_mt import startup\n"


def execute(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True)


def command(module, *flags):
    return execute("-m", module, *(f"--{flag}" for flag in flags))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "flags"),
    [
        ("tf_mt.train", ["approach=umt", "data=/no", "run=/no"]),
        ("tf_mt.export", ["run=/no", "out=/no"]),
        ("tf_mt.translate", ["bundle=/no", "domain=a", "input=/no", "output=/no"]),
        ("tf_mt.explore", ["run=/no", "domain=a", "out=/no", "points=1"]),
        ("tf_mt.train_embedder", ["data=/no", "out=/no"]),
        ("tf_mt.train_vocoder", ["data=/no", "front=/no", "run=/no"]),
        ("tf_mt.import_umt", ["checkpoints=/no", "domains=a", "run=/no"]),
        ("tf_mt.evaluate", ["run=/no", "data=/no", "out=/no"]),
        ("pipelines.convert", ["dataset=no", "data_dir=/no"]),
        ("pipelines.inspect", ["data=/no"]),
        ("pipelines.extract", ["data=/no", "out=/no"]),
    ],
)
def test_a_command_prints_its_own_lines_only(module, flags, tmp_path):
    flags = [flag.replace("/no", str(tmp_path / "no")) for flag in flags]
    done = command(module, *flags)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "toy"
    info = dataset.DatasetInfo("toy", 8000, ("cello", "flute"))
    settings = run.settings_of("vae_gan", models.preset("vae_gan", "tiny"), info)
    folder = run.Run(path)
    folder.settle(settings)
    folder.save(run.build(settings), step=0, history=[])
    return path


@pytest.mark.slow
def test_nothing_is_printed_later_either(trained, tmp_path):
    done = command("tf_mt.export", f"run={trained}", f"out={tmp_path}")
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--verbosity=1", "-v=1"])
def test_verbosity_brings_the_rest_back(flag):
    program = LOUD + "with startup.quiet():\n    os.write(2, b'told')\n"
    assert "told" not in execute("-c", program).stderr
    assert "told" in execute("-c", program, flag).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "status", "last"),
    [
        ("raise RuntimeError('ours')", 1, "RuntimeError: ours\n"),
        ("os._exit(3)", 3, "told\n"),
        ("os.abort()", -6, "told\n"),
    ],
)
def test_what_was_held_back_is_shown_after_a_failure(end, status, last):
    program = LOUD + f"with startup.quiet():\n    os.write(2, b'told\\n')\n    {end}\n"
    done = execute("-c", program)
    assert done.returncode == status
    assert done.stderr.startswith("told\n")
    assert done.stderr.endswith(last)


@pytest.mark.slow
def test_errors_after_the_loading_are_shown():
    program = LOUD + "with startup.quiet():\n    pass\nraise RuntimeError('ours')\n"
    assert "RuntimeError: ours" in execute("-c", program).stderr


@pytest.mark.slow
def test_no_file_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    execute("-c", LOUD + "with startup.quiet():\n    os.write(2, b'told')\n")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def read_only(monkeypatch):
    """An installation and a home that cannot be written."""
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: mode != os.W_OK and access(path, mode)
    )


@pytest.mark.usefixtures("read_only")
def test_numba_gets_a_cache_where_it_can_write_to_none(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "given")
    startup.give_numba_a_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "given"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path / "nothing"))
    startup.give_numba_a_cache()
    made = pathlib.Path(os.environ["NUMBA_CACHE_DIR"])
    assert made.is_dir() and made.stat().st_mode & 0o77 == 0


def test_numba_keeps_the_cache_that_it_has(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    startup.give_numba_a_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ
