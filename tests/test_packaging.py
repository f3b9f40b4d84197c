"""What a wheel holds and asks for, and how it lives beside other packages' folders."""

import email
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("tf_mt", "pipelines", "serving")
DATA_FILES = re.compile(
    r"pipelines/\w+/(README\.md|CITATIONS\.bib)|tf_mt/pretrained/(README\.md|harmonics/.+)"
)

# What would undo the care of the client to import none of it.
HEAVY = {"tensorflow", "keras", "librosa", "tensorflow-serving-api", "scipy"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of this source, built in a copy of it: building leaves files behind."""
    source = tmp_path_factory.mktemp("source")
    # Compiled files of another build would come along.
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in (*OURS, "tests"):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for file in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    built = tmp_path_factory.mktemp("wheel")
    program = (
        f"from setuptools import build_meta; build_meta.build_wheel({str(built)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    wheel.extractall(folder)
    return folder


def test_the_wheel_holds_our_packages_and_nothing_else(wheel):
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(ROOT).as_posix()
        for package in OURS
        for path in (ROOT / package).rglob("*.py")
    }
    data = held - source
    assert source <= held
    assert "tf_mt/pretrained/harmonics/1/saved_model.pb" in data
    assert "tf_mt/pretrained/harmonics/1/variables/variables.index" in data
    assert [name for name in data if not DATA_FILES.fullmatch(name)] == []


def asked_for(wheel, extra):
    """Names of the distributions that the wheel with an extra asks for."""
    (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    message = email.message_from_bytes(wheel.read(metadata))
    names = set()
    for requirement in message.get_all("Requires-Dist"):
        name, _, marker = requirement.partition(";")
        extras = re.findall(r"extra == ['\"](\w+)['\"]", marker)
        if not extras or extra in extras:
            names.add(re.match(r"[\w.-]+", name)[0].lower().replace("_", "-"))
    return names


@pytest.mark.parametrize("extra", [None, "client"])
def test_the_client_does_not_ask_for_tensorflow(wheel, extra):
    names = asked_for(wheel, extra)
    assert {"absl-py", "numpy"} <= names
    assert not names & HEAVY


def test_a_bundle_does_not_ask_for_what_trains(wheel):
    light = asked_for(wheel, None)
    assert asked_for(wheel, "bundle") - light == {"tensorflow", "keras"}


def located(installed, cwd, *options):
    """Where `python -m` and imports find `serving`, from a folder."""
    program = "import serving; print(list(serving.__path__)[0])"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_a_folder_named_serving_does_not_hide_ours(installed, tmp_path):
    # A deployment's files, say.
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "models.config").touch()
    assert located(installed, tmp_path) == installed / "serving"


def test_another_package_serving_in_the_working_folder_comes_first(installed, tmp_path):
    # It is Python's rule for what `python -m` and `-c` find; `-P` leaves it out.
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "__init__.py").touch()
    assert located(installed, tmp_path) == tmp_path / "serving"
    assert located(installed, tmp_path, "-P") == installed / "serving"


def test_ours_does_not_hide_a_subpackage_serving(installed, tmp_path):
    package = tmp_path / "other" / "serving"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("ANSWER = 42")
    (package.parent / "__init__.py").write_text(
        "import serving as top\nfrom . import serving\n"
        "assert top.__name__ == 'serving' and serving.ANSWER == 42\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import other"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
