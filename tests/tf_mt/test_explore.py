import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tf_mt import dataset, models
from tf_mt.audio import files
from tf_mt.training import run

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute", "trumpet"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    """Holds a run and two clips."""
    folder = tmp_path_factory.mktemp("explore")
    settings = run.settings_of("vae_gan", models.preset("vae_gan", "tiny"), INFO)
    kept = run.Run(folder / "run")
    kept.settle(settings)
    kept.save(run.build(settings), 1, [])
    time = np.arange(12_000) / INFO.sample_rate_hz
    for name, pitch_hz in (("low", 220.0), ("high", 660.0)):
        tone = 0.4 * np.sin(2 * np.pi * pitch_hz * time)
        files.write(folder / f"{name}.wav", tone, INFO.sample_rate_hz)
    return folder


def explored(folder, out, *given):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tf_mt.explore",
            f"--run={folder / 'run'}",
            f"--out={out}",
            *given,
        ],
        capture_output=True,
        text=True,
    )


WEIGHTS = ("0.00", "0.50", "1.00")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["--points=2", "--seed=3"], ["point_000", "point_001"]),
        (
            ["--from=low.wav", "--to=high.wav", "--steps=3"],
            [
                f"{kind}_{weight}"
                for kind in ("linear", "spherical")
                for weight in WEIGHTS
            ],
        ),
        (
            ["--from=low.wav", "--blend_domain=trumpet", "--steps=3"],
            [f"blend_{weight}" for weight in WEIGHTS],
        ),
    ],
)
def test_writes_sound_and_a_picture(folder, tmp_path, given, names):
    given = [
        flag.replace("=", f"={folder}/") if "wav" in flag else flag for flag in given
    ]
    done = explored(folder, tmp_path, "--domain=flute", "--seconds=1", *given)
    assert done.returncode == 0, done.stderr
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted([*(f"{name}.wav" for name in names), "picture.png"])
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    for name in names:
        assert files.duration_seconds(tmp_path / f"{name}.wav") == 1.0
    assert f"Picture: {tmp_path / 'picture.png'}" in done.stdout


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--points=1", "--domain=flut"], "did you mean 'flute'"),
        (["--points=1", "--domain=flute", "--to=b.wav"], "points go without --to"),
        (["--from=low.wav", "--domain=flute"], "from needs an end: give --to"),
    ],
)
def test_mistakes_of_the_user_are_one_line(folder, tmp_path, given, sentence):
    done = explored(folder, tmp_path / "out", *given)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
