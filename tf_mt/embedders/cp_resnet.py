"""CP-ResNet: a ResNet whose receptive field is bounded, that classifies domains.

Koutini, Eghbal-zadeh and Widmer 2019, "Receptive-Field-Regularized CNN Variants for
Acoustic Scene Classification": fewer of the later kernels are 3 by 3 where `rho` is
smaller. LORD's perceptual loss compares what its stem and stages see.
"""

import keras
import tensorflow as tf

from tf_mt import keras_settings

# Sizes of the first and second kernels of the four blocks of each stage, by rho.
_POINTS = (1, 1, 1, 1)
_THIRD = _POINTS, _POINTS
KERNELS = {
    3: (((3, 3, 3, 1), (1, 3, 1, 1)), (_POINTS, _POINTS), _THIRD),
    5: (((3, 3, 3, 3), (1, 3, 3, 1)), (_POINTS, _POINTS), _THIRD),
    7: (((3, 3, 3, 3), (1, 3, 3, 3)), ((3, 1, 1, 1), _POINTS), _THIRD),
    9: (((3, 3, 3, 3), (1, 3, 3, 3)), ((3, 3, 1, 1), (3, 1, 1, 1)), _THIRD),
}
# Blocks of the first stage that a pooling follows.
_POOLED = (0, 1, 3)


def _convolution(
    channels: int, kernel: int, begin: str = "he_normal"
) -> keras.layers.Conv2D:
    padding = "same" if kernel > 1 else "valid"
    return keras.layers.Conv2D(
        channels, kernel, padding=padding, use_bias=False, kernel_initializer=begin
    )


def _norm() -> keras.layers.BatchNormalization:
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


class Block(keras.layers.Layer):
    """Two convolutions beside a skip; the second begins at zero.

    Args:
        channels: Of the output.
        kernels: Sizes of both.
        widens: Whether the input has other channels than the output.
    """

    def __init__(self, channels: int, kernels: tuple[int, int], widens: bool):
        super().__init__()
        self.first = _convolution(channels, kernels[0])
        self.second = _convolution(channels, kernels[1], "zeros")
        self.norms = [_norm(), _norm()]
        self.shortcut = [_convolution(channels, 1), _norm()] if widens else []

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Transforms `[batch, rows, columns, channels]`."""
        y = tf.nn.relu(self.norms[0](self.first(x), training=training))
        y = self.norms[1](self.second(y), training=training)
        if self.shortcut:
            convolution, norm = self.shortcut
            x = norm(convolution(x), training=training)
        return tf.nn.relu(x + y)


class Network(keras.Model):
    """The network: stem, three stages, and a head.

    Args:
        domains: How many it tells apart.
        rho: Which receptive field: a key of `KERNELS`.
        channels: Of the stem and the first stage; the later have two and four times as
            many.
    """

    def __init__(self, domains: int, rho: int = 5, channels: int = 128):
        keras_settings.check()
        super().__init__()
        self.dimensions = 4 * channels
        self.stem = keras.layers.Conv2D(
            channels, 5, 2, use_bias=False, kernel_initializer="he_normal"
        )
        self.stem_norm = _norm()
        self.stages = []
        for stage, (first, second) in enumerate(KERNELS[rho]):
            widths = [channels << stage] * len(first)
            self.stages.append(
                [
                    Block(width, kernels, widens=stage > 0 and number == 0)
                    for number, (width, kernels) in enumerate(
                        zip(widths, zip(first, second, strict=True), strict=True)
                    )
                ]
            )
        self.layers_of_stages = [block for stage in self.stages for block in stage]
        self.head = _convolution(domains, 1, "zeros")
        self.head_norm = _norm()
        self(tf.zeros([1, 32, 32]))

    def taps(self, log_mel: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """What the stem and the three stages see.

        Args:
            log_mel: float32 `[batch, frames, bands]`, 32 or more of both.
            training: Whether batch normalisation takes the batch's own statistics.

        Returns:
            Four tensors `[batch, rows, columns, channels]`.
        """
        x = tf.pad(log_mel[..., tf.newaxis], [[0, 0], [1, 1], [1, 1], [0, 0]])
        x = tf.nn.relu(self.stem_norm(self.stem(x), training=training))
        taps = [x]
        for stage, blocks in enumerate(self.stages):
            for number, block in enumerate(blocks):
                x = block(x, training=training)
                if stage == 0 and number in _POOLED:
                    x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            taps.append(x)
        return taps

    def embed(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Embeds windows `[batch, frames, bands]`: float32 `[batch, dimensions]`."""
        return _mean(self.taps(log_mel)[-1])

    def logits(self, embeddings: tf.Tensor) -> tf.Tensor:
        """Names windows: `[batch, dimensions]` to logits `[batch, domains]`."""
        points = embeddings[:, tf.newaxis, tf.newaxis]
        return _mean(self.head_norm(self.head(points)))

    def call(self, log_mel: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Names windows `[batch, frames, bands]`: logits `[batch, domains]`."""
        seen = self.taps(log_mel, training)[-1]
        return _mean(self.head_norm(self.head(seen), training=training))


def _mean(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.reduce_mean(x, axis=(1, 2)), tf.float32)
