"""WaveNet encoder and decoder of Universal Music Translation (Mor et al. 2019).

Both are stacks of dilated convolutions, whose dilation doubles from layer to layer and
begins anew with each block. They see mu-law codes scaled to [-0.5, 0.5]. What does not
depend on single samples (the bottleneck of the encoder, the conditioning of the
decoder) is computed once a frame, which is the same and costs next to nothing.
"""

import keras
import tensorflow as tf

from tf_mt.audio import mu_law


def dilations(blocks: int, layers: int) -> list[int]:
    """The dilation of every layer of so many blocks of so many layers."""
    return [2**layer for _ in range(blocks) for layer in range(layers)]


class Encoder(keras.layers.Layer):
    """Encoder of audio: non-causal convolutions, averaged over each frame.

    Mor et al. 2019, section 3.1: residual layers of a dilated convolution of kernel 3,
    a ReLU and a convolution of kernel 1; then a bottleneck and average pooling.

    Args:
        channels: Of all layers.
        latent: Channels of the code.
        blocks: Blocks of layers.
        layers: Layers in a block.
        hop: Samples that one frame of the code stands for.
        pre_activation: Whether a layer begins with a ReLU, as in the paper; its
            published code has none.
        kernel: Samples that the first convolution spans; the paper's is 3.
        stride: Samples from one step of it to the next, at most `kernel`; the paper's
            is 1. The layers that follow have so many times fewer steps.
    """

    def __init__(
        self,
        channels: int,
        latent: int,
        blocks: int,
        layers: int,
        hop: int,
        pre_activation: bool = False,
        kernel: int = 3,
        stride: int = 1,
    ):
        super().__init__()
        self.hop = hop // stride
        self.pre_activation = pre_activation
        self.first = keras.layers.Conv1D(
            channels, kernel, strides=stride, padding="same"
        )
        self.dilated = [
            keras.layers.Conv1D(channels, 3, padding="same", dilation_rate=dilation)
            for dilation in dilations(blocks, layers)
        ]
        self.mixing = [keras.layers.Conv1D(channels, 1) for _ in self.dilated]
        self.last = keras.layers.Conv1D(latent, 1)
        dilated = stride * sum(dilations(blocks, layers))
        # From a sample to the farthest that it depends on, to either side.
        self.reach = kernel // 2 + dilated
        # Samples that one step depends on, before pooling.
        self.receptive_field = kernel + 2 * dilated

    def call(self, signal: tf.Tensor) -> tf.Tensor:
        """Encodes `[batch, samples, channels]` to `[batch, samples / hop, latent]`."""
        x = self.first(signal)
        for dilated, mixing in zip(self.dilated, self.mixing, strict=True):
            dilated_input = tf.nn.relu(x) if self.pre_activation else x
            x = x + mixing(tf.nn.relu(dilated(dilated_input)))
        # Pooling and a convolution of kernel 1 can change places.
        frames = tf.shape(x)[1] // self.hop
        framed = tf.reshape(x, [tf.shape(x)[0], frames, self.hop, x.shape[-1]])
        pooled = tf.reduce_mean(tf.cast(framed, tf.float32), axis=2)
        return tf.cast(self.last(tf.cast(pooled, x.dtype)), tf.float32)


class Decoder(keras.layers.Layer):
    """Predicts every sample's code from those before it and the content.

    Mor et al. 2019, section 3.1, after van den Oord et al. 2016: gated layers of a
    causal dilated convolution of kernel 2, whose skips are summed.

    Args:
        channels: Of all layers.
        latent: Channels of the content code.
        blocks: Blocks of layers.
        layers: Layers in a block.
        hop: Samples that one frame of the content stands for.
    """

    def __init__(self, channels: int, latent: int, blocks: int, layers: int, hop: int):
        super().__init__()
        self.channels = channels
        self.latent = latent
        self.hop = hop
        self.dilations = dilations(blocks, layers)
        self.first = keras.layers.Conv1D(channels, 2, padding="causal")
        self.first_skip = keras.layers.Conv1D(channels, 1)
        self.dilated = [
            keras.layers.Conv1D(
                2 * channels, 2, padding="causal", dilation_rate=dilation
            )
            for dilation in self.dilations
        ]
        # All layers' at once: a gate and a filter for each.
        self.conditions = keras.layers.Dense(len(self.dilations) * 2 * channels)
        # What goes on to the next layer, and what to the sum of skips.
        self.mixing = [keras.layers.Conv1D(2 * channels, 1) for _ in self.dilations]
        self.head = keras.layers.Conv1D(channels, 1)
        self.head_condition = keras.layers.Dense(channels)
        self.last = keras.layers.Conv1D(mu_law.LEVELS, 1)

    @property
    def receptive_field(self) -> int:
        """Samples that the prediction of one depends on."""
        return 2 + sum(self.dilations)

    def make_variables(self) -> None:
        """Makes the variables; a decoder that has not been called yet has none."""
        self(tf.zeros([1, self.hop, 1]), tf.zeros([1, 1, self.latent]))

    def call(self, signal: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
        """Predicts every sample of a clip from those before it.

        Args:
            signal: Scaled codes, `[batch, samples, 1]`.
            content: `[batch, samples / hop, latent]`.

        Returns:
            Logits, float32 `[batch, samples, 256]`.
        """
        before = tf.pad(signal, [[0, 0], [1, 0], [0, 0]])[:, :-1]
        x = self.first(before)
        skips = self.first_skip(x)
        conditions = tf.split(self.conditions(content), len(self.dilations), axis=-1)
        for dilated, condition, mixing in zip(
            self.dilated, conditions, self.mixing, strict=True
        ):
            gate, filtered = tf.split(self._add(dilated(x), condition), 2, axis=-1)
            onward, skip = tf.split(
                mixing(tf.sigmoid(gate) * tf.tanh(filtered)), 2, axis=-1
            )
            x, skips = x + onward, skips + skip
        x = self._add(self.head(tf.nn.relu(skips)), self.head_condition(content))
        return tf.cast(self.last(tf.nn.relu(x)), tf.float32)

    def _add(self, x: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        """Adds `[batch, frames, channels]` to each of a frame's samples."""
        batch, frames = tf.shape(condition)[0], tf.shape(condition)[1]
        framed = tf.reshape(x, [batch, frames, self.hop, x.shape[-1]])
        return tf.reshape(framed + condition[:, :, tf.newaxis], tf.shape(x))
