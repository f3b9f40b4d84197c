import numpy as np
import pytest

from tf_mt.audio import files
from tf_mt.inference import system, target

RATE_HZ = 8000


class Scaling(system.System):
    """Scales audio by a number that stands for timbre: a reference's peak."""

    def __init__(self, reference_samples=400):
        self._reference_samples = reference_samples

    @property
    def info(self):
        return system.Info(("loud",), RATE_HZ, 800, 200, None, self._reference_samples)

    def translate(self, audio, domain):
        return audio

    def timbre_of(self, reference):
        assert reference.shape[1] <= self._reference_samples
        return np.abs(reference).max(axis=1)

    def decode_to(self, audio, timbre):
        return audio * timbre[:, np.newaxis]

    def resynthesise(self, audio):
        return audio

    def codes(self, audio):
        return audio[:, :1]


@pytest.fixture
def clip(tmp_path):
    """Quiet at first, loud beyond what a model uses of a reference; at another rate."""
    audio = np.full(2 * RATE_HZ, 0.25, np.float32)
    audio[RATE_HZ:] = 1.0
    files.write(tmp_path / "clip.wav", audio, 2 * RATE_HZ)
    return str(tmp_path / "clip.wav")


def test_a_reference_is_resampled_and_no_more_read_than_is_used(clip):
    stream = target.streaming(Scaling(), None, clip)
    audio = np.linspace(-1.0, 1.0, 3000, dtype=np.float32)
    found = np.concatenate(list(stream([audio[:5], audio[5:]])))
    np.testing.assert_allclose(found, audio * found[-1], atol=1e-6)
    assert found[-1] == pytest.approx(0.25, rel=0.15)


def test_a_domain_is_translated_to():
    audio = np.linspace(-1.0, 1.0, 3000, dtype=np.float32)
    found = np.concatenate(list(target.streaming(Scaling(), "loud", None)([audio])))
    np.testing.assert_allclose(found, audio, atol=1e-6)


@pytest.mark.parametrize(
    ("domain", "reference", "words"),
    [
        (None, None, "give exactly one of --domain and --reference"),
        ("loud", "clip.wav", "give exactly one of --domain and --reference"),
        ("lout", None, "domain='lout' is not known; did you mean 'loud'"),
    ],
)
def test_mistakes(domain, reference, words):
    with pytest.raises(ValueError, match=words):
        target.streaming(Scaling(), domain, reference)


def test_no_reference_where_the_model_cannot_transfer(clip):
    with pytest.raises(ValueError, match="cannot transfer from a clip; give one of"):
        target.streaming(Scaling(reference_samples=0), None, clip)


def test_no_such_reference(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        target.streaming(Scaling(), None, str(tmp_path / "none.wav"))


def test_clips_have_the_timbre_that_streams_have(clip):
    audio = np.linspace(-0.5, 0.5, 800, dtype=np.float32)
    make = target.clips(Scaling(), None, str(clip))
    stream = target.streaming(Scaling(), None, str(clip))
    (translated,) = make(audio[np.newaxis])
    assert np.abs(translated).max() < 0.2
    np.testing.assert_array_equal(translated, np.concatenate(list(stream([audio]))))
    np.testing.assert_array_equal(
        target.clips(Scaling(), "loud", None)(audio[np.newaxis])[0], audio
    )
    with pytest.raises(ValueError, match="'quiet' is not known"):
        target.clips(Scaling(), "quiet", None)
