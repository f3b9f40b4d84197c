"""Phase of a magnitude spectrogram, by phase gradient heap integration (PGHI).

Průša, Balazs and Søndergaard 2017, "A noniterative method for reconstruction of phase
from STFT magnitude". With a Gaussian window `exp(-pi t^2 / gamma)` the logarithm of the
magnitudes has in its gradient that of the phase; a Hann window is near enough to one.
The gradient is integrated from strong bins to weak ones, whose gradient is less exact.

Here time is that of a window's centre, and a phase that of a frame whose sample 0 is
there, so that the phase of a click changes from bin to bin by its distance from the
centre, and that of a tone from frame to frame by its frequency. What is returned refers
to the first sample of the frame, as `stft.analyse` and `stft.synthesise` do.
"""

import heapq

import numpy as np
import tensorflow as tf

from tf_mt.audio import griffin_lim, stft

# Of the Gaussian that is nearest to a Hann window, in squares of the window's length
# (Průša et al., table 1).
_HANN_GAMMA = 0.25645
# Bins that are weaker than this share of the strongest have no phase worth computing.
TOLERANCE = 1e-5
_SMALLEST = 1e-30
# On the scale of logarithms, and below that of any float32.
_BEGINNING, _INAUDIBLE, _NEVER = -1e3, -2e3, -4e3


def phase(
    magnitude: tf.Tensor, framing: stft.Framing, tolerance: float = TOLERANCE
) -> tf.Tensor:
    """Integrates in a graph of TensorFlow's own operations, frame after frame.

    That is real-time PGHI (Průša and Søndergaard 2016): a bin takes its phase from its
    own of the frame before, or from a neighbour in its frame, whichever the heap would
    have reached it from. Which one that is depends on magnitudes alone and is computed
    for all bins at once; so is all else but one addition per frame.

    What begins suddenly takes its phase from the first frame that hears it, at the
    window's edge, where the derivatives are least exact: a click is smeared, which
    `exact_phase`, beginning where it is strongest, returns as it was.

    Nothing here is random: the same input gives the same phases.

    Args:
        magnitude: float32 `[..., frames, n_fft // 2 + 1]`, zero or more, of
            `stft.analyse`.
        framing: Sizes of the transform.
        tolerance: Bins weaker than this share of a clip's strongest get phases
            scattered evenly.

    Returns:
        Radians, float32 in the shape of `magnitude`.

    Raises:
        ValueError: If the bins do not fit `framing`.
    """
    _check(magnitude.shape[-1], framing)
    *batch, frames, bins = stft.sizes(magnitude)
    magnitude = tf.reshape(magnitude, [-1, frames, bins])
    strongest = tf.reduce_max(magnitude, axis=[1, 2], keepdims=True)
    floor = tf.maximum(tolerance * strongest, _SMALLEST)
    audible = magnitude > floor
    log = tf.math.log(tf.maximum(magnitude, floor))
    root, known = _roots(log, audible)
    step = _time_steps(log, framing)
    rise = tf.cumsum(_wrapped(_frequency_steps(log, framing)), axis=-1)
    at_root = tf.where(known, step, 0.0) - rise
    added = _wrapped(tf.gather(at_root, root, batch_dims=2) + rise)
    integrated = _integrated(root, added, audible)
    scattered = griffin_lim.scattered_phase(frames, bins)
    chosen = tf.where(audible, integrated + _to_frame_start(framing), scattered)
    return tf.reshape(chosen, [*batch, frames, bins])


def exact_phase(
    magnitude: np.ndarray, framing: stft.Framing, tolerance: float = TOLERANCE
) -> np.ndarray:
    """Integrates with a heap over time and frequency, as published.

    Slow, and in double precision: what `phase` is measured by.

    Args:
        magnitude: As for `phase`.
        framing: As for `phase`.
        tolerance: As for `phase`.

    Returns:
        As `phase` does.

    Raises:
        ValueError: If the bins do not fit `framing`.
    """
    magnitude = np.asarray(magnitude, np.float64)
    _check(magnitude.shape[-1], framing)
    *_, frames, bins = magnitude.shape
    scattered = griffin_lim.scattered_phase(frames, bins).numpy()
    found = np.empty(magnitude.shape, np.float32)
    for clip in np.ndindex(magnitude.shape[:-2]):
        strongest = np.max(magnitude[clip], initial=0.0)
        floor = max(tolerance * strongest, _SMALLEST)
        log = np.log(np.maximum(magnitude[clip], floor))
        integrated = _heap_integrated(
            magnitude[clip] > floor,
            magnitude[clip],
            _time_steps(tf.constant(log), framing).numpy(),
            _frequency_steps(tf.constant(log), framing).numpy(),
        )
        found[clip] = np.where(
            np.isnan(integrated), scattered, integrated + _to_frame_start(framing)
        )
    return found


def _check(bins: int | None, framing: stft.Framing) -> None:
    if bins != framing.bins:
        raise ValueError(f"bins={bins} must be n_fft // 2 + 1 = {framing.bins}.")


def _to_frame_start(framing: stft.Framing) -> np.ndarray:
    """What moves the reference from the window's centre: radians `[bins]`."""
    centre = framing.zeros_in_frame[0] + framing.window / 2
    turns = np.arange(framing.bins) * centre / framing.n_fft
    return (-2.0 * np.pi * (turns % 1.0)).astype(np.float32)


def _time_steps(log: tf.Tensor, framing: stft.Framing) -> tf.Tensor:
    """How much the phase grows from the frame before: `[..., frames, bins]`.

    The first frame, which has none before it, has its own bins' frequencies.
    """
    gamma = _HANN_GAMMA * framing.window**2
    # A spectrum mirrors its bins at 0 and at half the sample rate.
    last = log[..., -2:-1] if framing.n_fft % 2 == 0 else log[..., -1:]
    around = tf.concat([log[..., 1:2], log, last], axis=-1)
    slope = 0.5 * (around[..., 2:] - around[..., :-2])
    slope = 0.5 * (slope + tf.concat([slope[..., :1, :], slope[..., :-1, :]], axis=-2))
    turns = np.arange(framing.bins) * framing.hop % framing.n_fft / framing.n_fft
    carrier = tf.constant(2.0 * np.pi * turns, log.dtype)
    return carrier + framing.hop * framing.n_fft / gamma * slope


def _frequency_steps(log: tf.Tensor, framing: stft.Framing) -> tf.Tensor:
    """How much the phase grows from the bin below: `[..., frames, bins]`.

    The lowest bin, which has none below it, has its own derivative. The first frame and
    the last are taken to go on beyond the ends.
    """
    gamma = _HANN_GAMMA * framing.window**2
    around = tf.concat([log[..., :1, :], log, log[..., -1:, :]], axis=-2)
    slope = 0.5 * (around[..., 2:, :] - around[..., :-2, :])
    slope = 0.5 * (slope + tf.concat([slope[..., :1], slope[..., :-1]], axis=-1))
    return -gamma / (framing.hop * framing.n_fft) * slope


def _roots(log: tf.Tensor, audible: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which bin of its frame each one is integrated from, along frequency.

    A heap reaches bins in the order of the weakest bin on the best way to them: a way
    begins in the frame before, at a bin that was audible, goes one step in time and
    then along frequency. Where none comes, it begins at the frame's strongest bin.

    Args:
        log: Logarithms of magnitudes, `[clips, frames, bins]`.
        audible: Bins that have a phase; bool of that shape.

    Returns:
        The bins, int32 of that shape; and whether a bin was audible in the frame
        before.
    """
    bins = log.shape[-1]
    number = tf.broadcast_to(tf.range(bins), tf.shape(log))
    strongest = tf.argmax(log, axis=-1, output_type=tf.int32)[..., tf.newaxis]
    known = tf.pad(audible[:, :-1], [[0, 0], [1, 0], [0, 0]])
    before = tf.concat([log[:, :1], log[:, :-1]], axis=1)
    fresh = tf.where(number == strongest, _BEGINNING, _NEVER)
    begin = tf.where(known, before, fresh)
    through = tf.where(audible, log, _INAUDIBLE)
    below = _best_ways(begin, through)
    above = _best_ways(begin[..., ::-1], through[..., ::-1])[..., ::-1]
    own = begin >= tf.maximum(below, above)
    nearest_below = _running_maximum(tf.where(own, number, 0))
    nearest_above = (
        bins
        - 1
        - _running_maximum(tf.where(own, bins - 1 - number, 0)[..., ::-1])[..., ::-1]
    )
    root = tf.where(below >= above, nearest_below, nearest_above)
    return tf.where(own, number, root), known


def _best_ways(begin: tf.Tensor, through: tf.Tensor) -> tf.Tensor:
    """What the best way to each bin from those before it is worth.

    The way to bin m that begins at bin k < m is worth the least of `begin[k]` and
    `through[k], ..., through[m - 1]`. The best of them is a running composition of
    functions `x -> min(through, max(begin, x))`, which is associative: it is computed
    for all bins at once, over twice as many in each round.

    Args:
        begin: `[..., bins]`.
        through: Of the same shape.

    Returns:
        Of the same shape.
    """
    best, most = tf.minimum(begin, through), through
    for reach in _doubling(begin.shape[-1]):
        best = tf.maximum(best, tf.minimum(most, _moved(best, reach, _NEVER)))
        most = tf.minimum(most, _moved(most, reach, _NEVER))
    return _moved(best, 1, _NEVER)


def _running_maximum(values: tf.Tensor) -> tf.Tensor:
    """Along the last axis, of int32 that are zero or more."""
    for reach in _doubling(values.shape[-1]):
        values = tf.maximum(values, _moved(values, reach, 0))
    return values


def _doubling(bins: int) -> list[int]:
    """1, 2, 4, ... below `bins`."""
    return [1 << power for power in range((bins - 1).bit_length())]


def _moved(values: tf.Tensor, by: int, filling: float) -> tf.Tensor:
    """The last axis, moved up by some places."""
    leading = [[0, 0]] * (len(values.shape) - 1)
    return tf.pad(values[..., :-by], [*leading, [by, 0]], constant_values=filling)


def _integrated(root: tf.Tensor, added: tf.Tensor, audible: tf.Tensor) -> tf.Tensor:
    """Adds along time: `phase = phase_before[root] + added`, 0 where not audible."""

    def advance(before: tf.Tensor, frame: tuple[tf.Tensor, ...]) -> tf.Tensor:
        root, added, audible = frame
        moved = _wrapped(tf.gather(before, root, batch_dims=1) + added)
        return tf.where(audible, moved, 0.0)

    by_frame = [tf.transpose(one, [1, 0, 2]) for one in (root, added, audible)]
    found = tf.scan(advance, tuple(by_frame), tf.zeros_like(added[:, 0]))
    return tf.transpose(found, [1, 0, 2])


def _wrapped(radians: tf.Tensor) -> tf.Tensor:
    """The same angles in [-pi, pi]: float32 keeps small ones precisely."""
    return radians - 2.0 * np.pi * tf.round(radians / (2.0 * np.pi))


def _heap_integrated(
    audible: np.ndarray, magnitude: np.ndarray, time: np.ndarray, frequency: np.ndarray
) -> np.ndarray:
    """Algorithm 1 of Průša et al.

    Args:
        audible: Which bins to integrate, bool `[frames, bins]`.
        magnitude: Of that shape.
        time: As from `_time_steps`.
        frequency: As from `_frequency_steps`.

    Returns:
        Radians of that shape, NaN where not audible.
    """
    frames, bins = magnitude.shape
    # Lists of Python numbers are faster than arrays where one is read at a time.
    weight, time, frequency = (
        one.ravel().tolist() for one in (-magnitude, time, frequency)
    )
    waiting = audible.ravel().tolist()
    found = [np.nan] * len(waiting)
    heap: list[tuple[float, int]] = []

    def reach(place: int, radians: float) -> None:
        waiting[place] = False
        found[place] = radians
        heapq.heappush(heap, (weight[place], place))

    for start in np.argsort(-magnitude, axis=None, kind="stable").tolist():
        if not waiting[start]:
            continue
        reach(start, 0.0)
        while heap:
            _, place = heapq.heappop(heap)
            at, here = place % bins, found[place]
            if place + bins < len(found) and waiting[place + bins]:
                reach(place + bins, here + time[place + bins])
            if place >= bins and waiting[place - bins]:
                reach(place - bins, here - time[place])
            if at + 1 < bins and waiting[place + 1]:
                reach(place + 1, here + frequency[place + 1])
            if at and waiting[place - 1]:
                reach(place - 1, here - frequency[place])
    return np.remainder(np.reshape(found, [frames, bins]), 2.0 * np.pi)
