"""A small CNN that classifies a dataset's domains, and its embedding layer.

```
embedder.json     its domains, its dataset and its accuracy
model.weights.h5  the weights
```
"""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tf_mt import atomic, keras_settings, weights_file
from tf_mt.embedders import resampling
from tf_mt.layers import spectrogram

DIMENSIONS = 128
BANDS = 64
LOW_HZ = 40.0
FRAMES = 64
FILTERS = (16, 32, 64, 128)

ABOUT = "embedder.json"
WEIGHTS = "model.weights.h5"

# Windows that the network takes at a time, so that memory stays small.
_BATCH = 64


@dataclasses.dataclass(frozen=True)
class About:
    """What a trained network says of itself.

    Attributes:
        dataset: Name of the dataset that it was trained on.
        sample_rate_hz: The rate of the audio that it takes.
        domains: Names of the domains that it classifies.
        steps: How long it was trained.
        seed: Of the training.
        validation_accuracy: Share of clips of the validation split named right.
        test_accuracy: The same of the test split.
    """

    dataset: str
    sample_rate_hz: int
    domains: tuple[str, ...]
    steps: int
    seed: int
    validation_accuracy: float
    test_accuracy: float


def front_end(sample_rate_hz: int) -> spectrogram.LogMel:
    """The network's log-mel: frames of 64 ms every 16 ms, of an even number of samples.

    A window is `FRAMES` of them, 1.024 seconds.
    """
    hop = 2 * (sample_rate_hz * 8 // 1000)
    return spectrogram.LogMel(sample_rate_hz, 4 * hop, hop, BANDS, LOW_HZ)


class Network(keras.Model):
    """Four blocks of convolution, batch normalisation, ReLU and pooling.

    The average over time and frequency is mapped linearly to the embedding, and a ReLU
    of that to the domains.

    Args:
        domains: How many there are.
    """

    def __init__(self, domains: int):
        keras_settings.check()
        super().__init__()
        self.blocks = keras.Sequential()
        for filters in FILTERS:
            self.blocks.add(keras.layers.Conv2D(filters, 3, padding="same"))
            self.blocks.add(keras.layers.BatchNormalization(momentum=0.9))
            self.blocks.add(keras.layers.ReLU())
            self.blocks.add(keras.layers.MaxPooling2D())
        self.blocks.add(keras.layers.GlobalAveragePooling2D())
        self.embedding = keras.layers.Dense(DIMENSIONS)
        self.classes = keras.layers.Dense(domains)
        self.blocks.build((None, FRAMES, BANDS, 1))
        self.embedding.build((None, FILTERS[-1]))
        self.classes.build((None, DIMENSIONS))
        self.built = True

    def embed(self, log_mel: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds windows.

        Args:
            log_mel: float32 `[batch, FRAMES, BANDS]` in [-1, 1], as of `front_end`.
            training: Whether batch normalisation takes the batch's own statistics.

        Returns:
            float32 `[batch, DIMENSIONS]`.
        """
        return self.embedding(self.blocks(log_mel[..., tf.newaxis], training=training))

    def logits(self, embeddings: tf.Tensor) -> tf.Tensor:
        """Names windows: `[batch, DIMENSIONS]` to logits `[batch, domains]`."""
        return self.classes(tf.nn.relu(embeddings))

    def call(self, log_mel: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds and names windows: logits `[batch, domains]`."""
        return self.logits(self.embed(log_mel, training))


class Cnn:
    """A trained network as an embedder. See `embedder.Embedder`.

    A window is 1.024 seconds; windows are spread evenly over the recording.

    Args:
        about: What the network says of itself.
        network: The network.
    """

    dimensions = DIMENSIONS

    def __init__(self, about: About, network: Network):
        self.about = about
        self.name = f"CNN trained on {about.dataset}"
        self.domains = about.domains
        self._front_end = front_end(about.sample_rate_hz)
        self._network = network
        windows = tf.TensorSpec([None, FRAMES * self._front_end.hop], tf.float32)
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
        size = FRAMES * self._front_end.hop
        audio = resampling.resample(audio, sample_rate_hz, self.about.sample_rate_hz)
        audio = np.pad(audio, (0, max(0, size - len(audio))))
        count = max(1, round(len(audio) / size))
        starts = np.linspace(0, len(audio) - size, count).astype(int)
        return audio[starts[:, np.newaxis] + np.arange(size)]


def save(folder: Path, about: About, network: Network) -> None:
    """Writes a trained network to a new folder, whole or not at all."""
    with atomic.path(folder) as temporary:
        temporary.mkdir()
        text = json.dumps(dataclasses.asdict(about), indent=2)
        (temporary / ABOUT).write_text(text + "\n")
        weights_file.save(network, temporary / WEIGHTS)


def load(folder: Path) -> Cnn:
    """Reads what `save` wrote.

    Raises:
        FileNotFoundError: The folder holds no embedder.
    """
    if not (folder / ABOUT).exists():
        raise FileNotFoundError(
            f"embedder={str(folder)!r} holds no {ABOUT}; give a folder that "
            "`python -m tf_mt.train_embedder --out` made."
        )
    stored = json.loads((folder / ABOUT).read_text())
    about = About(**stored | {"domains": tuple(stored["domains"])})
    network = Network(len(about.domains))
    network.load_weights(folder / WEIGHTS)
    return Cnn(about, network)
