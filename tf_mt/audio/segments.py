"""Alignment and cross-fading of segments that were decoded in parallel, in TensorFlow.

What `windows.Windows.join` does to a stream of windows in a client, done to a batch of
recordings at once in a model: each segment is read at the lag at which it goes on in
phase with the one before it, and then the two are cross-faded. `windows` says why.
"""

import math

import numpy as np
import tensorflow as tf

from tf_mt.audio import windows


def join(
    segments: tf.Tensor,
    hop_samples: int | tf.Tensor,
    lead_samples: int,
    overlap_samples: int,
    most_lag_samples: int,
) -> tf.Tensor:
    """Aligns and cross-fades the segments of recordings.

    Segment k stands for the samples from `k * hop_samples` to `(k + 1) * hop_samples`,
    and has more on either side. Around each of those seams neighbours are faded into
    each other over `overlap_samples`, or as many as both have at their lags: never
    fewer than `overlap_samples - 2 * most_lag_samples`, over which they are compared.
    What a segment has beyond that is not used.

    Args:
        segments: float32 `[batch, segments, samples]`, one segment or more. `samples`
            is `lead_samples + hop_samples + (overlap_samples + 1) // 2` or more.
        hop_samples: Samples from one segment to the next; `overlap_samples` or more.
        lead_samples: Samples that a segment has before its first own one, the first
            segment too; `overlap_samples // 2` or more.
        overlap_samples: Samples in which neighbours may be faded into each other.
        most_lag_samples: The largest lag, either way; less than half of
            `overlap_samples`. With 0 nothing is aligned.

    Returns:
        float32 `[batch, segments * hop_samples]`.

    Raises:
        ValueError: If the sizes do not fit each other.
        tf.errors.InvalidArgumentError: If the segments are too short.
    """
    _check_sizes(lead_samples, overlap_samples, most_lag_samples)
    half = overlap_samples // 2
    used = hop_samples + overlap_samples
    needed = lead_samples - half + used
    checked = tf.debugging.assert_greater_equal(
        tf.shape(segments)[2],
        needed,
        "segments must have as many samples as lead, hop and half an overlap.",
    )
    with tf.control_dependencies([checked]):
        segments = segments[..., lead_samples - half : needed]
    if most_lag_samples:
        found = lags(segments, overlap_samples, most_lag_samples)
        segments = _read_at(segments, found)
    else:
        found = tf.zeros(tf.shape(segments)[:2], tf.int32)
    fading, coming = _overlaps(segments, overlap_samples)
    faded = fading + (coming - fading) * _fade_in(found, overlap_samples)
    hops = tf.concat([faded, segments[..., overlap_samples:hop_samples]], axis=-1)
    flat = tf.reshape(hops, [tf.shape(hops)[0], tf.shape(hops)[1] * hop_samples])
    # Everything so far begins half an overlap early.
    rest = segments[:, -1, hop_samples : hop_samples + half]
    return tf.concat([flat[:, half:], rest], axis=-1)


def lags(segments: tf.Tensor, overlap_samples: int, most_lag_samples: int) -> tf.Tensor:
    """The lag at which each segment goes on in phase with the one before it.

    The lag of a segment is that of `windows.best_lag`, given that the one before it is
    read at its own lag.

    Args:
        segments: float32 `[batch, segments, samples]`. The last `overlap_samples` of
            each stand for the same time as the first of the next.
        overlap_samples: Samples in which neighbours overlap.
        most_lag_samples: The largest lag, either way; 1 or more, and less than half of
            `overlap_samples`.

    Returns:
        int32 `[batch, segments]`; 0 for the first segment of each.
    """
    fading, coming = _overlaps(segments, overlap_samples)
    inner = tf.range(most_lag_samples, overlap_samples - most_lag_samples)

    def following(lags: tf.Tensor, overlaps: tuple[tf.Tensor, ...]) -> tf.Tensor:
        fading, *prepared = overlaps
        reference = tf.gather(fading, inner + lags[:, tf.newaxis], batch_dims=1)
        return _best(reference, *prepared)

    by_segment = [
        tf.transpose(each, [1, 0, 2])
        for each in (fading, *_prepare(coming, most_lag_samples))
    ]
    none = tf.zeros([tf.shape(segments)[0]], tf.int32)
    return tf.transpose(tf.scan(following, tuple(by_segment), initializer=none))


def _check_sizes(lead: int, overlap: int, most_lag: int) -> None:
    if lead < overlap // 2:
        raise ValueError(
            f"lead_samples={lead} must be {overlap // 2} or more, half of "
            f"overlap_samples={overlap}."
        )
    if most_lag < 0 or (most_lag and 2 * most_lag >= overlap):
        raise ValueError(
            f"most_lag_samples={most_lag} must be less than half of "
            f"overlap_samples={overlap}, or 0."
        )


def _overlaps(segments: tf.Tensor, overlap: int) -> tuple[tf.Tensor, tf.Tensor]:
    """For each segment, what the one before it has in their overlap, and what it has.

    The first follows itself, which needs no lag and changes nothing.
    """
    coming = tf.ensure_shape(segments[..., :overlap], [None, None, overlap])
    fading = segments[:, :-1, tf.shape(segments)[2] - overlap :]
    fading = tf.ensure_shape(fading, [None, None, overlap])
    return tf.concat([coming[:, :1], fading], axis=1), coming


def _prepare(later: tf.Tensor, most_lag: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The spectrum of what is to be aligned, and its energy at each lag.

    In double precision, as energies are differences of sums.
    """
    later = tf.cast(later, tf.float64)
    overlap = later.shape[-1]
    unchanged = [[0, 0]] * (len(later.shape) - 1)
    summed = tf.cumsum(tf.pad(tf.square(later), [*unchanged, [1, 0]]), axis=-1)
    energies = summed[..., overlap - 2 * most_lag :] - summed[..., : 2 * most_lag + 1]
    return tf.signal.rfft(later), energies


def _best(reference: tf.Tensor, spectrum: tf.Tensor, energies: tf.Tensor) -> tf.Tensor:
    """The best lags, from what `_prepare` gives and the middle of what goes before."""
    reference = tf.cast(reference, tf.float64)
    count = energies.shape[-1]
    length = [reference.shape[-1] + count - 1]
    product = spectrum * tf.math.conj(tf.signal.rfft(reference, length))
    products = tf.signal.irfft(product, length)[..., :count]
    energy = tf.reduce_sum(tf.square(reference), axis=-1, keepdims=True)
    energies = tf.maximum(energies, windows.LEAST_ENERGY_RATIO * energy)
    scale = tf.maximum(tf.sqrt(energy * energies), np.finfo(np.float64).tiny)
    correlation = products / scale
    best = tf.reduce_max(correlation, axis=-1, keepdims=True)
    worse = correlation < best - windows.CORRELATION_MARGIN
    most_lag = count // 2
    distances = tf.where(worse, np.inf, windows.distances_of_lags(most_lag))
    return tf.argmin(distances, axis=-1, output_type=tf.int32) - most_lag


def _read_at(segments: tf.Tensor, lags: tf.Tensor) -> tf.Tensor:
    """Segments from a lag on; what this turns over is faded out entirely."""
    samples = tf.shape(segments)[2]
    places = (tf.range(samples) + lags[..., tf.newaxis]) % samples
    return tf.gather(segments, places, batch_dims=2)


def _fade_in(lags: tf.Tensor, overlap: int) -> tf.Tensor:
    """Raised cosines over what both have: float32 `[batch, segments, overlap]`."""
    before = tf.pad(lags[:, :-1], [[0, 0], [1, 0]])
    begin = tf.cast(tf.maximum(0, -lags), tf.float32)[..., tf.newaxis]
    end = overlap - tf.cast(tf.maximum(0, before), tf.float32)[..., tf.newaxis]
    place = (tf.range(overlap, dtype=tf.float32) + 0.5 - begin) / (end - begin)
    return 0.5 - 0.5 * tf.cos(math.pi * tf.clip_by_value(place, 0.0, 1.0))
