"""Griffin-Lim against a reference in numpy, on signals with a known pitch."""

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import griffin_lim, stft

RATE_HZ = 16_000
N_FFT, HOP = 1024, 256


def magnitude_of(audio, n_fft=N_FFT, hop=HOP):
    return tf.abs(stft.stft(tf.constant(audio, tf.float32), n_fft, hop))


def chirp(seconds, from_hz, to_hz):
    """A sine whose frequency rises linearly, in whole hops."""
    time = np.arange(int(seconds * RATE_HZ) // HOP * HOP) / RATE_HZ
    rising = (to_hz - from_hz) / (2 * seconds) * time**2
    return 0.5 * np.sin(2 * np.pi * (from_hz * time + rising))


def melody(*notes_hz):
    """Plucked notes of eight partials, half a second each, in whole hops."""
    time = np.arange(int(0.5 * RATE_HZ) // HOP * HOP) / RATE_HZ
    partials = np.arange(1, 9)[:, np.newaxis]
    return np.concatenate(
        [
            np.sum(np.sin(2 * np.pi * hz * partials * time) / partials, axis=0)
            * 0.3
            * np.exp(-4 * time)
            for hz in notes_hz
        ]
    )


def convergence_db(audio, magnitude):
    """Level of the magnitudes' error over that of the magnitudes."""
    error = np.linalg.norm(magnitude_of(audio) - magnitude)
    return 20 * np.log10(error / np.linalg.norm(magnitude))


def peaks_hz(magnitude):
    """The frequency of the strongest partial of each frame, between the bins."""
    level = np.log(magnitude + 1e-9)
    frame = np.arange(len(level))
    peak = np.clip(np.argmax(level, axis=-1), 1, level.shape[-1] - 2)
    below, at, above = (level[frame, peak + step] for step in (-1, 0, 1))
    between = 0.5 * (below - above) / (below - 2 * at + above)
    return (peak + between) * RATE_HZ / N_FFT


@pytest.mark.parametrize("sizes", [(16, 4, 16), (16, 3, 9), (15, 4, 15)])
@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_it_is_the_published_algorithm(momentum, sizes):
    n_fft, hop, window = sizes
    iterations, shape = 5, [9, n_fft // 2 + 1]
    rng = np.random.default_rng(0)
    magnitude = rng.uniform(0.1, 1, shape)
    phase = rng.uniform(0, 2 * np.pi, shape)

    def project(spectrum):
        audio = stft.istft(tf.constant(spectrum, tf.complex64), *sizes)
        return stft.stft(audio, *sizes).numpy().astype(np.complex128)

    # Algorithm 2 of Perraudin et al. (2013), on spectra as printed there.
    before = project(magnitude * np.exp(1j * phase))
    carried = before
    for _ in range(iterations - 1):
        projected = project(magnitude * np.exp(1j * np.angle(carried)))
        carried = projected + momentum * (projected - before)
        before = projected
    wanted = magnitude * np.exp(1j * np.angle(carried))
    expected = stft.istft(tf.constant(wanted, tf.complex64), *sizes)

    found = griffin_lim.griffin_lim(
        tf.constant(magnitude, tf.float32),
        n_fft,
        hop,
        iterations,
        momentum,
        tf.constant(phase, tf.float32),
        window,
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_without_iterations_it_inverts_the_phase_it_is_given():
    audio = chirp(1.0, 300.0, 900.0)
    spectrum = stft.stft(tf.constant(audio, tf.float32), N_FFT, HOP)
    found = griffin_lim.griffin_lim(
        tf.abs(spectrum), N_FFT, HOP, 0, phase=tf.math.angle(spectrum)
    )
    np.testing.assert_allclose(found, audio, atol=1e-5)


def test_the_true_phase_is_kept():
    audio = chirp(1.0, 300.0, 900.0)
    spectrum = stft.stft(tf.constant(audio, tf.float32), N_FFT, HOP)
    found = griffin_lim.griffin_lim(
        tf.abs(spectrum), N_FFT, HOP, 16, phase=tf.math.angle(spectrum)
    )
    np.testing.assert_allclose(found, audio, atol=1e-3)


def test_a_chirp_keeps_its_pitch_and_its_level():
    audio = chirp(3.0, 300.0, 3_000.0)
    found = griffin_lim.griffin_lim(magnitude_of(audio), N_FFT, HOP, 32).numpy()
    assert found.shape == audio.shape
    inner = slice(4, -4)
    heard_hz = peaks_hz(magnitude_of(found).numpy())[inner]
    centres = (np.arange(len(audio) // HOP) + 0.5) * HOP / RATE_HZ
    played_hz = (300.0 + 900.0 * centres)[inner]
    assert np.max(np.abs(heard_hz - played_hz)) < RATE_HZ / N_FFT
    assert np.median(np.abs(heard_hz - played_hz)) < 1.0
    np.testing.assert_allclose(np.std(found), np.std(audio), rtol=0.05)


def test_momentum_brings_it_nearer():
    magnitude = magnitude_of(melody(220.0, 330.0, 294.0, 440.0))
    plain, fast, longer = (
        convergence_db(
            griffin_lim.griffin_lim(magnitude, N_FFT, HOP, iterations, momentum),
            magnitude,
        )
        for iterations, momentum in [(32, 0.0), (32, 0.99), (64, 0.99)]
    )
    assert fast < plain - 3.0
    assert longer < fast < -20.0


def test_a_near_phase_beats_none():
    audio = chirp(2.0, 300.0, 900.0)
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(audio))
    hint = tf.math.angle(stft.stft(tf.constant(audio + noise, tf.float32), N_FFT, HOP))
    magnitude = magnitude_of(audio)
    blind = griffin_lim.griffin_lim(magnitude, N_FFT, HOP, 8)
    hinted = griffin_lim.griffin_lim(magnitude, N_FFT, HOP, 8, phase=hint)
    assert convergence_db(hinted, magnitude) < convergence_db(blind, magnitude) - 6.0


def test_silence_stays_silent():
    found = griffin_lim.griffin_lim(tf.zeros([2, 9, 513]), N_FFT, HOP, 4)
    np.testing.assert_array_equal(found, np.zeros([2, 9 * HOP]))


def test_the_same_input_gives_the_same_bytes():
    magnitude = magnitude_of(chirp(1.0, 300.0, 900.0))
    once, again = (
        griffin_lim.griffin_lim(magnitude, N_FFT, HOP, 16).numpy() for _ in range(2)
    )
    assert once.tobytes() == again.tobytes()


def test_clips_of_a_batch_do_not_mix():
    clips = np.stack([chirp(1.0, 300.0, 900.0), chirp(1.0, 2_000.0, 500.0)])
    magnitude = magnitude_of(clips)
    together = griffin_lim.griffin_lim(magnitude[:, tf.newaxis], N_FFT, HOP, 8)
    assert together.shape == (2, 1, clips.shape[-1])
    for clip in range(2):
        alone = griffin_lim.griffin_lim(magnitude[clip], N_FFT, HOP, 8)
        np.testing.assert_allclose(together[clip, 0], alone, atol=1e-4)


def test_a_saved_model_gives_the_same_for_every_length(tmp_path):
    module = tf.Module()
    module.invert = tf.function(
        lambda magnitude, phase: griffin_lim.griffin_lim(
            magnitude, N_FFT, HOP, 8, phase=phase
        ),
        input_signature=2 * [tf.TensorSpec([None, None, 513], tf.float32)],
    )
    module.invert_blind = tf.function(
        lambda magnitude: griffin_lim.griffin_lim(magnitude, N_FFT, HOP, 8),
        input_signature=[tf.TensorSpec([None, None, 513], tf.float32)],
    )
    tf.saved_model.save(module, tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    for seconds in (0.1, 0.7):
        magnitude = magnitude_of(chirp(seconds, 300.0, 900.0)[np.newaxis])
        phase = tf.zeros_like(magnitude)
        live = griffin_lim.griffin_lim(magnitude, N_FFT, HOP, 8)
        np.testing.assert_allclose(loaded.invert_blind(magnitude), live, atol=1e-4)
        live = griffin_lim.griffin_lim(magnitude, N_FFT, HOP, 8, phase=phase)
        np.testing.assert_allclose(loaded.invert(magnitude, phase), live, atol=1e-4)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="window=1024 and hop=600 do not fit"):
        griffin_lim.griffin_lim(tf.zeros([4, 513]), 1024, 600, 1)
    with pytest.raises(ValueError, match="bins=257 must be"):
        griffin_lim.griffin_lim(tf.zeros([4, 257]), 1024, 256, 1)
