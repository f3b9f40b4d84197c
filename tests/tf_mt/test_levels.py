"""The report on levels: its figures against NumPy, and the command."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tf_mt.models import tiny
from tf_mt import dataset, levels, models
from tf_mt.data import clips
from tf_mt.losses import waveform
from tf_mt.models.vqvae import model as vqvae
from tf_mt.training import run

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute"))


def test_scores_are_of_all_batches_together():
    keras.utils.set_random_seed(0)
    model = vqvae.VqVae(models.preset("vqvae", "tiny").model, INFO)
    audio = 0.1 * tf.random.stateless_normal([4, model.clip_samples], [0, 0])
    scores = levels.score(model, [audio[:2], audio[2:]])
    assert [one.hop for one in scores] == [4, 8]
    for number, one in enumerate(scores):
        features = model.features(audio, number)
        numbers = model.codebooks[number].nearest(features)
        output = model.levels[number].decode(model.codebooks[number].read(numbers))
        error = np.linalg.norm(waveform.spectral_error(output, audio))
        signal = np.linalg.norm(waveform.spectral_norm(audio))
        expected = 20.0 * np.log10(error / signal)
        assert one.convergence_db == pytest.approx(expected, abs=1e-3)
        used = np.unique(numbers)
        assert one.used == pytest.approx(len(used) / 16)
        assert 1.0 <= one.perplexity <= len(used) + 1e-6


@pytest.mark.slow
def test_the_command_prints_a_row_for_each_level(scores_data, tmp_path):
    info = clips.read_info(scores_data)
    settings = run.settings_of("vqvae", tiny.preset("vqvae", info.domains), info)
    kept = run.Run(tmp_path / "run")
    kept.settle(settings)
    kept.save(run.build(settings), 1, [])
    command = [sys.executable, "-m", "tf_mt.levels", f"--run={tmp_path / 'run'}"]
    done = subprocess.run(
        [*command, f"--data={scores_data}", "--batches=2"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows[1:]] == ["| 4", "| 8"]
    assert "n = 16 clips" in done.stdout
