"""PGHI on Gaussian windows, where it is exact, and on sounds with a known phase."""

import functools
import heapq

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import griffin_lim, pghi, stft
from tf_mt.inference import bundle

# n_fft, hop and window.
SIZES = [(1024, 256, 1024), (2048, 512, 2048), (511, 127, 511), (1024, 128, 601)]
FRAMING = stft.Framing(1024, 256, 1024)
FRAMES = 40
ODD = stft.Framing(31, 5, 29)


def by_graph(magnitude, framing, **settings):
    """`phase` of float64 arrays."""
    return pghi.phase(tf.constant(magnitude, tf.float32), framing, **settings).numpy()


VARIANTS = pytest.mark.parametrize("variant", [by_graph, pghi.exact_phase])


def transform(audio, framing):
    sizes = framing.n_fft, framing.hop, framing.window
    return stft.stft(tf.constant(audio, tf.float32), *sizes).numpy()


def inverted(magnitude, phase, framing):
    return griffin_lim.griffin_lim(
        tf.constant(magnitude),
        framing.n_fft,
        framing.hop,
        0,
        phase=tf.constant(phase),
        window=framing.window,
    ).numpy()


def convergence_db(magnitude, phase, framing):
    """Level of the magnitudes' error after inversion over that of the magnitudes."""
    found = np.abs(transform(inverted(magnitude, phase, framing), framing))
    return 20 * np.log10(np.linalg.norm(found - magnitude) / np.linalg.norm(magnitude))


def snr_db(spectrum, phase):
    """The ratio of a spectrum to what it differs by, but for a rotation of all."""
    magnitude = np.abs(spectrum)
    found = magnitude * np.exp(1j * phase)
    turned = np.vdot(found, spectrum)
    error = np.linalg.norm(found * turned / np.abs(turned) - spectrum)
    return 20 * np.log10(np.linalg.norm(magnitude) / error)


def chirp(framing):
    time = np.arange(FRAMES * framing.hop)
    return 0.5 * np.sin(2 * np.pi * (0.05 * time + 0.1 * time**2 / len(time)))


def melody():
    """Plucked notes of eight partials at 16 kHz, and a little noise."""
    time = np.arange(8192) / 16_000
    notes = [
        np.sum([np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 9)], axis=0)
        * np.exp(-4 * time)
        for hz in (220.0, 330.0, 294.0, 440.0)
    ]
    noise = np.random.default_rng(0).standard_normal(4 * len(time))
    return 0.3 * np.concatenate(notes) + 1e-4 * noise


def gaussian(framing, f0, sweep):
    """What a window as PGHI takes it for sees of `exp(2 pi i (f0 t + sweep t^2 / 2))`.

    Time is in samples; the integral of a complex Gaussian is in closed form.

    Returns:
        Logarithms of magnitudes and phases, for frames that refer to their centre.
    """
    width = 1 / (0.25645 * framing.window**2)
    time = framing.hop * np.arange(FRAMES)[:, np.newaxis]
    off = np.arange(framing.bins) / framing.n_fft - f0 - sweep * time
    both = width**2 + sweep**2
    phase = 2 * np.pi * f0 * time + np.pi * sweep * time**2
    return -np.pi * off**2 * width / both, phase - np.pi * sweep * off**2 / both


def gaussian_click(framing, at):
    """The same of an impulse."""
    off = at - framing.hop * np.arange(FRAMES)[:, np.newaxis]
    bins = np.arange(framing.bins)
    level = -np.pi * off**2 / (0.25645 * framing.window**2)
    return level + 0.0 * bins, -2 * np.pi * bins * off / framing.n_fft


def real_time(magnitude, framing):
    """The phases of real-time PGHI with a heap for each frame, all bins audible."""
    frames, bins = magnitude.shape
    gamma, even = 0.25645 * framing.window**2, framing.n_fft % 2 == 0
    log = np.log(magnitude)
    mirrored = np.concatenate(
        [log[:, 1:2], log, log[:, -2:-1] if even else log[:, -1:]], 1
    )
    across = (mirrored[:, 2:] - mirrored[:, :-2]) / 2 / gamma * framing.n_fft
    carrier = 2 * np.pi * np.arange(bins) / framing.n_fft
    lasting = np.concatenate([log[:1], log, log[-1:]])
    along = -(lasting[2:] - lasting[:-2]) / 2 * gamma / framing.hop / framing.n_fft
    found = np.zeros([frames, bins])
    for frame in range(frames):
        now, waiting = found[frame], set(range(bins))
        heap = [(-magnitude[frame - 1, k], k, True) for k in range(bins) if frame]
        heapq.heapify(heap)
        if not frame:
            start = int(np.argmax(magnitude[0]))
            waiting.remove(start)
            heap = [(-magnitude[0, start], start, False)]
        while heap:
            _, k, before = heapq.heappop(heap)
            if before and k in waiting:
                slope = (across[frame, k] + across[frame - 1, k]) / 2
                now[k] = found[frame - 1, k] + framing.hop * (carrier[k] + slope)
            if not before:
                for other in {k - 1, k + 1} & waiting:
                    slope = (along[frame, k] + along[frame, other]) / 2
                    now[other] = now[k] + slope * (other - k)
            for reached in {k} & waiting if before else {k - 1, k + 1} & waiting:
                waiting.remove(reached)
                heapq.heappush(heap, (-magnitude[frame, reached], reached, False))
    centre = framing.zeros_in_frame[0] + framing.window / 2
    return found - carrier * centre


def apart(one, other):
    """The largest angle between phases."""
    return np.max(np.abs(np.angle(np.exp(1j * (one - other)))))


TONE = functools.partial(gaussian, f0=0.2345, sweep=0.0)
CHIRP = functools.partial(gaussian, f0=0.1, sweep=2e-5)
CLICK = functools.partial(gaussian_click, at=5000.2)


@pytest.mark.parametrize("framing", [FRAMING, stft.Framing(511, 230, 509)])
@pytest.mark.parametrize(
    ("seen", "variant"),
    [
        (TONE, by_graph),
        (TONE, pghi.exact_phase),
        (CHIRP, pghi.exact_phase),
        (CLICK, pghi.exact_phase),
    ],
)
def test_with_a_gaussian_window_it_is_exact(seen, variant, framing):
    log, phase = seen(framing)
    centre = framing.zeros_in_frame[0] + framing.window / 2
    phase = phase - 2 * np.pi * np.arange(framing.bins) * centre / framing.n_fft
    found = variant(np.exp(log), framing, tolerance=1e-7)
    # A derivative has two neighbours, both above the tolerance.
    clear = log > np.log(1e-5)
    clear[:6] = clear[-6:] = clear[:, 0] = clear[:, -1] = False
    assert np.sum(clear) > 2 * FRAMES
    # Where it begins is free.
    strongest = np.unravel_index(np.argmax(log), log.shape)
    phase += found[strongest] - phase[strongest]
    assert apart(found[clear], phase[clear]) < 1e-4


@VARIANTS
@pytest.mark.parametrize("sizes", SIZES)
def test_a_tone_comes_back_up_to_a_rotation(sizes, variant):
    framing = stft.Framing(*sizes)
    # A tone in the middle of a bin, which the window's form does not concern.
    tone = np.sin(2 * np.pi * 50 / framing.n_fft * np.arange(FRAMES * framing.hop))
    spectrum = transform(tone, framing)
    found = variant(np.abs(spectrum), framing)
    assert found.shape == spectrum.shape
    assert found.dtype == np.float32
    # It is cut off at both ends, which widens its spectrum there.
    assert snr_db(spectrum[4:-4], found[4:-4]) > 25.0


@pytest.mark.parametrize("sizes", SIZES)
def test_from_the_heap_a_click_comes_back_up_to_a_rotation(sizes):
    framing = stft.Framing(*sizes)
    audio = np.zeros(FRAMES * framing.hop)
    # In the centre of a frame, which the window's form does not concern.
    audio[FRAMES // 2 * framing.hop + framing.hop // 2] = 1.0
    spectrum = transform(audio, framing)
    found = pghi.exact_phase(np.abs(spectrum), framing)
    assert snr_db(spectrum, found) > 25.0


@VARIANTS
@pytest.mark.parametrize("sizes", SIZES)
def test_a_chirp_has_its_magnitudes_again(sizes, variant):
    framing = stft.Framing(*sizes)
    magnitude = np.abs(transform(chirp(framing), framing))
    assert convergence_db(magnitude, variant(magnitude, framing), framing) < -18.0


@pytest.mark.parametrize("framing", [stft.Framing(64, 16, 64), ODD])
def test_the_graph_reaches_bins_as_a_heap_for_each_frame_does(framing):
    magnitude = np.random.default_rng(0).uniform(0.1, 1.0, [12, framing.bins])
    found = by_graph(magnitude, framing, tolerance=0.0)
    assert apart(found, real_time(magnitude, framing)) < 1e-3


def test_the_graph_is_nearly_as_near_as_the_heap():
    magnitude = np.abs(transform(melody(), FRAMING))
    blind, graph, heap = (
        convergence_db(magnitude, phase, FRAMING)
        for phase in (
            griffin_lim.scattered_phase(*magnitude.shape).numpy(),
            by_graph(magnitude, FRAMING),
            pghi.exact_phase(magnitude, FRAMING),
        )
    )
    assert heap < -20.0
    assert graph < heap + 2.0
    assert graph < blind - 15.0


@VARIANTS
def test_weak_bins_are_scattered(variant):
    magnitude = np.abs(transform(chirp(FRAMING), FRAMING))
    found = variant(magnitude, FRAMING, tolerance=1e-2)
    weak = magnitude <= 1e-2 * np.max(magnitude)
    scattered = griffin_lim.scattered_phase(*magnitude.shape).numpy()
    np.testing.assert_array_equal(found[weak], scattered[weak])
    assert np.mean(found[~weak] == scattered[~weak]) < 0.01


@VARIANTS
@pytest.mark.parametrize("frames", [1, 9])
def test_silence_has_a_phase_too(variant, frames):
    found = variant(np.zeros([2, frames, ODD.bins], np.float32), ODD)
    scattered = griffin_lim.scattered_phase(frames, ODD.bins)
    np.testing.assert_array_equal(found, [scattered, scattered])


@VARIANTS
def test_one_frame_is_integrated_along_frequency(variant):
    # With no frame around it a click is taken to be at the centre.
    found = variant(np.ones([1, FRAMING.bins], np.float32), FRAMING)
    audio = inverted(np.ones([1, FRAMING.bins], np.float32), found, FRAMING)
    assert audio.shape == (FRAMING.hop,)
    assert np.argmax(np.abs(audio)) == FRAMING.hop // 2


@VARIANTS
def test_clips_of_a_batch_do_not_mix(variant):
    clips = np.stack([chirp(FRAMING), 0.01 * chirp(FRAMING)[::-1]])
    magnitude = np.abs(transform(clips, FRAMING))
    together = variant(magnitude[:, np.newaxis], FRAMING)
    for clip in range(2):
        np.testing.assert_array_equal(
            together[clip, 0], variant(magnitude[clip], FRAMING)
        )


def test_the_same_input_gives_the_same_bytes():
    magnitude = np.abs(transform(melody(), FRAMING))
    once, again = (by_graph(magnitude, FRAMING) for _ in range(2))
    assert once.tobytes() == again.tobytes()


@pytest.mark.slow
def test_a_saved_model_gives_the_same_for_every_length(tmp_path):
    module = tf.Module()
    module.phase = tf.function(
        lambda magnitude: pghi.phase(magnitude, FRAMING),
        input_signature=[tf.TensorSpec([None, None, FRAMING.bins], tf.float32)],
    )
    tf.saved_model.save(module, tmp_path)
    bundle.audit(tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    magnitude = np.abs(transform(melody(), FRAMING))[np.newaxis]
    for frames in (1, 7, 60):
        cut = magnitude[:, :frames]
        live = by_graph(cut, FRAMING)
        assert apart(loaded.phase(cut).numpy(), live) < 1e-3


@VARIANTS
def test_bins_that_do_not_fit_are_refused(variant):
    with pytest.raises(ValueError, match=r"bins=257 must be n_fft // 2 \+ 1 = 513"):
        variant(np.zeros([4, 257], np.float32), FRAMING)
