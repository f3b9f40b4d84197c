"""Encoders of contrastive predictive coding (van den Oord et al. 2018), for music.

As in the CPC paper's published code: a strided convolutional network sees a stretch of
samples for each frame, and a network over the frames gathers their past.
"""

import keras
import tensorflow as tf

# Kernel, stride and padding at both ends; together a frame every 160 samples.
STAGES = ((10, 5, 3), (8, 4, 2), (4, 2, 1), (4, 2, 1), (4, 2, 1))
STRIDE = 160


class Frames(keras.layers.Layer):
    """The network of the samples: convolutions without bias, batch norm and ReLU.

    Args:
        channels: Of all its layers.
        squeezed: Whether a convolution to one channel, with a ReLU, comes last.
    """

    def __init__(self, channels: int, squeezed: bool):
        super().__init__()
        self.convolutions = [
            keras.layers.Conv1D(channels, kernel, strides=stride, use_bias=False)
            for kernel, stride, _ in STAGES
        ]
        self.norms = [
            keras.layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, synchronized=True
            )
            for _ in STAGES
        ]
        self.squeezed = squeezed
        if squeezed:
            self.squeeze = keras.layers.Conv1D(1, 1, use_bias=False)

    def call(
        self,
        signal: tf.Tensor,
        training: bool = False,
        settled: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Turns `[batch, samples, 1]` into float32 `[batch, frames, channels]`.

        Args:
            signal: What is looked at.
            training: Whether statistics are those of the batch, and gathered.
            settled: Whether what was gathered is used in training too: bool scalar;
                without it never.
        """

        def normalised(x: tf.Tensor, norm: keras.Layer) -> tf.Tensor:
            found = norm(x, training=training)
            if not training or settled is None:
                return found
            return tf.where(settled, norm(x, training=False), found)

        x = signal
        for (_, _, padding), convolution, norm in zip(
            STAGES, self.convolutions, self.norms, strict=True
        ):
            x = convolution(tf.pad(x, [[0, 0], [padding, padding], [0, 0]]))
            x = tf.nn.relu(normalised(x, norm))
        if self.squeezed:
            x = tf.nn.relu(self.squeeze(x))
        return tf.cast(x, tf.float32)
