"""Loading of embedders by name."""

import numpy as np
import pytest

from tf_mt.embedders import embedder

RATE_HZ = 16_000


def test_mfcc_needs_no_file():
    made = embedder.load("mfcc")
    random = np.random.default_rng(0)
    audio = 0.1 * random.standard_normal(3 * RATE_HZ, np.float32)
    embeddings = made.embed(audio, RATE_HZ)
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (len(embeddings), made.dimensions)
    assert len(embeddings) == pytest.approx(3, abs=1)
    assert np.isfinite(embeddings).all()
    assert made.domains == ()
    assert made.embed(audio[:4000], RATE_HZ).shape == (1, made.dimensions)
    assert made.embed(audio[:24_000], 8000).shape[1] == made.dimensions


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"did you mean 'mfcc'\? known: mfcc, "):
        embedder.load("mfc")
    with pytest.raises(ValueError, match="embedder='nowhere/at/all' is not known"):
        embedder.load("nowhere/at/all")


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no embedder.json; give a fold"):
        embedder.load(str(tmp_path))


def test_a_missing_checkpoint_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"vggish_model.ckpt' is not there"):
        embedder.load(f"vggish:{tmp_path / 'vggish_model.ckpt'}")
