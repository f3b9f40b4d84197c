"""The networks of the VAE-GAN: one encoder, generators, discriminators.

AlBadawy and Lyu 2020, section 2, over time and frequency as published (rank 2) or over
time alone with the mel bands as channels (rank 1), which costs a fraction.
"""

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from tf_mt.layers import convolution, normalisation, residual, stacks

LEAK = 0.2
STEM_KERNEL = 7
TIMBRE_SIZE = 128


def channels_of(rank: int, spectrogram: tf.Tensor) -> tf.Tensor:
    """Gives `[batch, frames, bands]` a channel axis where rank 2 needs one."""
    return spectrogram if rank == 1 else spectrogram[..., tf.newaxis]


class Encoder(keras.layers.Layer):
    """A spectrogram to the mean of its code.

    Args:
        rank: 1 over time, 2 over time and frequency.
        stem: Channels after the first convolution.
        growth: By how much channels grow at each halving.
        halvings: How often the frames (and in rank 2 the bands) are halved.
        blocks: Residual blocks.
        kernel: Their kernel size.
        code: Channels of the code, normalised; 0 makes the last block's output the
            code.
    """

    def __init__(
        self,
        rank: int,
        stem: int,
        growth: int,
        halvings: int,
        blocks: int,
        kernel: int,
        code: int,
    ):
        super().__init__()
        self.rank = rank
        self.stem = convolution.ReflectedConvolution(rank, stem, STEM_KERNEL)
        self.halvings = [
            convolution.convolution(rank, stem * growth ** (level + 1), 4, stride=2)
            for level in range(halvings)
        ]
        trunk = stem * growth**halvings
        self.blocks = [
            residual.ResidualBlock(rank, trunk, kernel, normalisation.InstanceNorm)
            for _ in range(blocks)
        ]
        self.bottleneck = convolution.convolution(rank, code, 1) if code else None

    def call(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Encodes `[batch, frames, bands]` to float32 `[batch, ..., channels]`."""
        norm = normalisation.instance_norm
        x = self.stem(channels_of(self.rank, spectrogram))
        x = tf.nn.leaky_relu(norm(x), LEAK)
        for halving in self.halvings:
            x = tf.nn.relu(norm(halving(x)))
        for block in self.blocks:
            x = block(x)
        if self.bottleneck is not None:
            x = norm(self.bottleneck(x))
        return tf.cast(x, tf.float32)


class Head(keras.layers.Layer):
    """The end of a generator: residual blocks, doublings, one last convolution.

    Args:
        rank: As for `Encoder`; so are `stem`, `growth` and `kernel`.
        stem: Channels before the last convolution.
        growth: By how much channels shrink at each doubling.
        doublings: How often the frames (and in rank 2 the bands) are doubled.
        blocks: Residual blocks.
        kernel: Their kernel size.
        bands: Bands of the spectrogram.
        norm: Makes a normalisation that is called with `(x, timbre)`.
    """

    def __init__(
        self,
        rank: int,
        stem: int,
        growth: int,
        doublings: int,
        blocks: int,
        kernel: int,
        bands: int,
        norm: Callable[[], keras.layers.Layer],
    ):
        super().__init__()
        self.rank = rank
        trunk = stem * growth**doublings
        self.blocks = [
            residual.ResidualBlock(rank, trunk, kernel, norm) for _ in range(blocks)
        ]
        self.doublings = [
            convolution.upsampling_convolution(rank, stem * growth**level)
            for level in reversed(range(doublings))
        ]
        self.norms = [norm() for _ in self.doublings]
        outputs = bands if rank == 1 else 1
        self.last = convolution.ReflectedConvolution(rank, outputs, STEM_KERNEL)

    def call(self, x: tf.Tensor, timbre: tf.Tensor | None = None) -> tf.Tensor:
        """Returns float32 `[batch, frames, bands]` in [-1, 1]."""
        for block in self.blocks:
            x = block(x, timbre)
        for doubling, norm in zip(self.doublings, self.norms, strict=True):
            x = tf.nn.leaky_relu(norm(doubling(x), timbre), LEAK)
        x = tf.tanh(tf.cast(self.last(x), tf.float32))
        return x if self.rank == 1 else x[..., 0]


class DomainGenerators(keras.layers.Layer):
    """A generator for each domain; all share their first residual blocks.

    Args:
        shared: The residual blocks that all of them begin with.
        heads: The rest of each domain's generator.
    """

    def __init__(self, shared: list[residual.ResidualBlock], heads: list[Head]):
        super().__init__()
        self.shared = shared
        self.heads = heads

    def call(self, code: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
        """Decodes `[batch, ...]` by the generator of each row's domain, `[batch]`."""
        for block in self.shared:
            code = block(code)
        return routed(self.heads, code, domain)

    def decode_windows(self, code: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
        """Decodes the windows `[batch, windows, ...]` of recordings, in any domains."""

        def of_recording(inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            windows, number = inputs
            for block in self.shared:
                windows = block(windows)
            return tf.switch_case(
                number, [functools.partial(head, windows) for head in self.heads]
            )

        return tf.map_fn(of_recording, (code, domain), fn_output_signature=tf.float32)


class SharedGenerator(keras.layers.Layer):
    """One generator for all domains, steered by adaptive instance normalisation.

    Args:
        domains: How many.
        expansion: Brings the code to the channels of the head.
        head: The generator, normalised by `AdaptiveInstanceNorm`.
    """

    def __init__(self, domains: int, expansion: keras.layers.Layer, head: Head):
        super().__init__()
        self.embedding = keras.layers.Embedding(domains, TIMBRE_SIZE)
        self.timbre = keras.layers.Dense(TIMBRE_SIZE, activation="relu")
        self.expansion = expansion
        self.head = head

    def call(self, code: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
        """Decodes `[batch, ...]` with the timbre of each row's domain, `[batch]`."""
        timbre = self.timbre(self.embedding(domain))
        return self.head(self.expansion(code), timbre)

    def decode_windows(self, code: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
        """Decodes the windows `[batch, windows, ...]` of recordings, in any domains."""
        return stacks.split(
            self(stacks.merge(code), tf.repeat(domain, tf.shape(code)[1])), code
        )


class Discriminator(keras.layers.Layer):
    """Rates patches of a spectrogram as real or generated, after four halvings.

    Args:
        rank: As for `Encoder`.
        stem: Channels after the first halving; doubled at each further one.
    """

    def __init__(self, rank: int, stem: int):
        super().__init__()
        self.rank = rank
        self.halvings = [
            convolution.convolution(rank, stem * 2**level, 4, stride=2)
            for level in range(4)
        ]
        self.last = convolution.convolution(rank, 1, 3)

    def call(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Maps `[batch, frames, bands]` to float32 logits `[batch, ..., 1]`."""
        x = channels_of(self.rank, spectrogram)
        for level, halving in enumerate(self.halvings):
            x = halving(x)
            if level:
                x = normalisation.instance_norm(x)
            x = tf.nn.leaky_relu(x, LEAK)
        return tf.cast(self.last(x), tf.float32)


def routed(
    layers: list[keras.layers.Layer], rows: tf.Tensor, domain: tf.Tensor
) -> tf.Tensor:
    """Calls on each row the layer of its domain.

    Args:
        layers: One for each domain.
        rows: `[batch, ...]`, at least one of each domain: oneDNN's convolutions get the
            shape of an empty batch wrong.
        domain: int32 `[batch]`.

    Returns:
        Their outputs, in the order of `rows`.
    """
    positions = tf.dynamic_partition(tf.range(tf.shape(rows)[0]), domain, len(layers))
    groups = tf.dynamic_partition(rows, domain, len(layers))
    outputs = [layer(group) for layer, group in zip(layers, groups, strict=True)]
    return tf.dynamic_stitch(positions, outputs)
