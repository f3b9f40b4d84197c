"""A trained classifier of domains as an embedder."""

import numpy as np
import tensorflow as tf

from tf_mt.embedders import classifier, resampling
from tf_mt.layers import spectrogram

# Windows that the network takes at a time, so that memory stays small.
_BATCH = 64


class Trained:
    """A trained classifier as an embedder. See `embedder.Embedder`.

    Windows, as long as those that it was trained on, are spread evenly over the
    recording.

    Args:
        about: What the classifier says of itself.
        network: Its network.
    """

    def __init__(self, about: classifier.About, network: classifier.Network):
        self.about = about
        self.name = f"{about.title} trained on {about.dataset}"
        self.domains = about.domains
        self.dimensions = network.dimensions
        self._front_end = spectrogram.LogMel(**about.front)
        self._network = network
        self._size = about.frames * self._front_end.hop
        windows = tf.TensorSpec([None, self._size], tf.float32)
        self._run = tf.function(self._embed_and_name, input_signature=[windows])

    def embed(self, audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """See `embedder.Embedder`."""
        return self._outputs(audio, sample_rate_hz)[0]

    def probabilities(self, audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """See `embedder.Embedder`; the mean over the windows."""
        return self._outputs(audio, sample_rate_hz)[1].mean(axis=0)

    def _outputs(
        self, audio: np.ndarray, sample_rate_hz: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings `[windows, dimensions]` and probabilities `[windows, domains]`."""
        windows = self._windows(audio, sample_rate_hz)
        parts = [
            self._run(windows[first : first + _BATCH])
            for first in range(0, len(windows), _BATCH)
        ]
        embeddings, probabilities = zip(*parts, strict=True)
        return np.concatenate(embeddings), np.concatenate(probabilities)

    def _embed_and_name(self, windows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        embeddings = self._network.embed(self._front_end.log_mel(windows))
        return embeddings, tf.nn.softmax(self._network.logits(embeddings))

    def _windows(self, audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Cuts a recording: float32 `[windows, samples of a window]`."""
        size = self._size
        audio = resampling.resample(
            audio, sample_rate_hz, self.about.front["sample_rate_hz"]
        )
        audio = np.pad(audio, (0, max(0, size - len(audio))))
        count = max(1, round(len(audio) / size))
        starts = np.linspace(0, len(audio) - size, count).astype(int)
        return audio[starts[:, np.newaxis] + np.arange(size)]
