"""VGGish (Hershey et al. 2017), the embedder of FAD, with weights the user has.

Its front end takes 16 kHz: frames of 25 ms every 10 ms, magnitudes in 64 bands from 125
to 7500 Hz on the HTK scale, triangles that are linear in mel, `ln(mel + 0.01)`. Patches
are 96 frames, 0.96 seconds, and do not overlap. The embedding is the linear output of
the last layer, as in the release for TensorFlow, without its later whitening.
"""

import functools
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tf_mt import keras_settings
from tf_mt.embedders import resampling

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 400
HOP_SAMPLES = 160
N_FFT = 512
BANDS = 64
LOW_HZ = 125.0
HIGH_HZ = 7500.0
LOG_OFFSET = 0.01
PATCH_FRAMES = 96
DIMENSIONS = 128

# The name of the released weights.
RELEASED = "vggish_model.ckpt"

_PATCH_SAMPLES = (PATCH_FRAMES - 1) * HOP_SAMPLES + FRAME_SAMPLES

# Patches that the network takes at a time, so that memory stays small.
_BATCH = 16

# The layers with weights, as a checkpoint names them, and the shapes of their kernels.
LAYERS = {
    "conv1": (3, 3, 1, 64),
    "conv2": (3, 3, 64, 128),
    "conv3/conv3_1": (3, 3, 128, 256),
    "conv3/conv3_2": (3, 3, 256, 256),
    "conv4/conv4_1": (3, 3, 256, 512),
    "conv4/conv4_2": (3, 3, 512, 512),
    "fc1/fc1_1": (12_288, 4096),
    "fc1/fc1_2": (4096, 4096),
    "fc2": (4096, DIMENSIONS),
}


def patches(audio: np.ndarray) -> np.ndarray:
    """The log-mel patches of a recording.

    Args:
        audio: float32 `[samples]` at 16 kHz; one shorter than a patch is followed by
            silence.

    Returns:
        float32 `[patches, 96, 64]`; frames that do not fill a patch are left out.
    """
    audio = np.pad(audio, (0, max(0, _PATCH_SAMPLES - len(audio))))
    spectrum = tf.signal.stft(audio, FRAME_SAMPLES, HOP_SAMPLES, N_FFT)
    log_mel = tf.math.log(tf.abs(spectrum) @ _mel_matrix() + LOG_OFFSET).numpy()
    count = len(log_mel) // PATCH_FRAMES
    return log_mel[: count * PATCH_FRAMES].reshape(count, PATCH_FRAMES, BANDS)


@functools.cache
def _mel_matrix() -> np.ndarray:
    return tf.signal.linear_to_mel_weight_matrix(
        BANDS, N_FFT // 2 + 1, SAMPLE_RATE_HZ, LOW_HZ, HIGH_HZ
    ).numpy()


def network() -> keras.Sequential:
    """The network without its weights: `[batch, 96, 64, 1]` to `[batch, 128]`."""
    keras_settings.check()
    layers = keras.layers

    def convolutions(*filters: int) -> list[keras.layers.Layer]:
        block = [
            layers.Conv2D(f, 3, padding="same", activation="relu") for f in filters
        ]
        return [*block, layers.MaxPooling2D()]

    return keras.Sequential(
        [
            keras.Input((PATCH_FRAMES, BANDS, 1)),
            *convolutions(64),
            *convolutions(128),
            *convolutions(256, 256),
            *convolutions(512, 512),
            layers.Flatten(),
            layers.Dense(4096, activation="relu"),
            layers.Dense(4096, activation="relu"),
            layers.Dense(DIMENSIONS),
        ]
    )


class Vggish:
    """VGGish as an embedder. See `embedder.Embedder`.

    Args:
        checkpoint: The released file, or the common start of a checkpoint's files.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is not a checkpoint, or not one of VGGish.
    """

    name = "VGGish"
    dimensions = DIMENSIONS
    domains = ()

    def __init__(self, checkpoint: Path):
        weights = _read(checkpoint)
        self._network = network()
        self._network.set_weights(weights)

    def embed(self, audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """See `embedder.Embedder`; an embedding for each patch."""
        cut = patches(resampling.resample(audio, sample_rate_hz, SAMPLE_RATE_HZ))
        return self._network.predict(cut[..., np.newaxis], _BATCH, verbose=0)


def _read(checkpoint: Path) -> list[np.ndarray]:
    """Kernels and biases of a checkpoint, in the order of the layers."""
    wanted = f"name the checkpoint of VGGish's weights, {RELEASED}."
    if not (checkpoint.is_file() or Path(f"{checkpoint}.index").is_file()):
        raise FileNotFoundError(f"vggish={str(checkpoint)!r} is not there; {wanted}")
    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"vggish={str(checkpoint)!r} is not a checkpoint of TensorFlow's; {wanted}"
        ) from error
    found = reader.get_variable_to_shape_map()
    weights = []
    for layer, shape in LAYERS.items():
        for kind, size in ("weights", shape), ("biases", shape[-1:]):
            name = f"vggish/{layer}/{kind}"
            if found.get(name) != list(size):
                raise ValueError(
                    f"vggish={str(checkpoint)!r} has no {name} of shape {size}; "
                    f"{wanted}"
                )
            weights.append(reader.get_tensor(name))
    return weights
