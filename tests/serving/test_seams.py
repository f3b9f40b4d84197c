"""Seams between the windows of a long recording are inaudible.

What is tested is the small preset's way from sound to spectrogram and back, in the
windows that it asks for, with a network in between that shows no sign of windows: it
passes the spectrogram through, or changes every frame alike.
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from serving import client
from serving.server.model import Model
from tests.tf_mt import steadiness
from tf_mt import dataset, models
from tf_mt.inference import bundle
from tf_mt.models.vae_gan import model as vae_gan

RATE_HZ = 16_000
SECONDS = 30
# An envelope is the level of each 20 ms; the ends of a recording are left out.
SPAN = 320
ENDS = slice(25, -25)

BANDS = np.arange(128)
# What the domains add to a log-mel frame, on its scale of 50 dB to 1.
CURVES = {
    "same": 0.0 * BANDS,
    "brighter": np.linspace(-0.3, 0.3, len(BANDS)),
    "hollow": 0.3 * np.cos(0.15 * BANDS),
}
TONES_HZ = {
    "tone": (440.0,),
    "tone between bins": (455.3,),
    "harmonics": (440.0, 880.0, 1320.0),
    "chord": (440.0, 554.37),
}


class PassingThrough:
    """A generator whose code is the spectrogram itself."""

    def decode_windows(self, code, domain):
        curves = tf.constant(np.stack(list(CURVES.values())), tf.float32)
        changed = code + tf.gather(curves, domain)[:, tf.newaxis, tf.newaxis]
        return tf.clip_by_value(changed, -1.0, 1.0)


def made(loudness):
    # The network is not used; a small one is made faster.
    hparams = dataclasses.replace(
        models.preset("vae_gan", "small").model,
        stem=8,
        encoder_blocks=0,
        loudness=loudness,
    )
    model = vae_gan.VaeGan(hparams, dataset.DatasetInfo("toy", RATE_HZ, tuple(CURVES)))
    model.encoder = keras.layers.Identity()
    model.generator = PassingThrough()
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bundle.export(made("decoded"), tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def exported(folder):
    return bundle.Bundle(folder)


@pytest.fixture(scope="module")
def following(tmp_path_factory):
    """One whose windows are each brought to the loudness of their source."""
    return bundle.Bundle(bundle.export(made("source"), tmp_path_factory.mktemp("own")))


@pytest.fixture(scope="module")
def connected(folder, served):
    with (
        served(Model("toy", folder.parent, poll_wait_seconds=0)) as stubs,
        client.Client(stubs.address, "toy") as connected,
    ):
        yield connected


def played(pitches_hz):
    """A steady sound of `SECONDS`."""
    time = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    partials = [
        np.sin(2 * np.pi * pitch_hz * time + place) / (1 + place)
        for place, pitch_hz in enumerate(pitches_hz)
    ]
    return (0.3 * np.sum(partials, axis=0)).astype(np.float32)


def streamed(system, audio, domain):
    return np.concatenate(list(system.translate_stream([audio], domain)))


def envelope_db(audio):
    spans = audio[: len(audio) // SPAN * SPAN].reshape(-1, SPAN)
    return 10.0 * np.log10(np.mean(spans**2, axis=1))[ENDS]


def deviation_db(audio, reference):
    """How far the difference of two envelopes moves from where it mostly is."""
    return steadiness.deviation_db(envelope_db(audio) - envelope_db(reference))


def signal_to_noise_db(reference, audio):
    inner = slice(RATE_HZ // 2, -RATE_HZ // 2)
    noise = (audio - reference)[inner]
    return 10.0 * np.log10(np.sum(reference[inner] ** 2) / np.sum(noise**2))


@pytest.mark.parametrize("way", ["exported", "following", "connected"])
@pytest.mark.parametrize("domain", CURVES)
@pytest.mark.parametrize("pitches_hz", TONES_HZ.values(), ids=TONES_HZ)
def test_what_is_steady_stays_steady(request, way, domain, pitches_hz):
    audio = played(pitches_hz)
    translated = streamed(request.getfixturevalue(way), audio, domain)
    assert deviation_db(translated, audio) < 0.5


@pytest.mark.parametrize("domain", CURVES)
@pytest.mark.parametrize("pitches_hz", TONES_HZ.values(), ids=TONES_HZ)
def test_windows_equal_one_window_of_everything(exported, domain, pitches_hz):
    audio = played(pitches_hz)
    whole = exported.translate(audio[np.newaxis], domain)[0]
    assert signal_to_noise_db(whole, streamed(exported, audio, domain)) > 60.0


@pytest.mark.parametrize("domain", CURVES)
@pytest.mark.parametrize("pitches_hz", TONES_HZ.values(), ids=TONES_HZ)
def test_the_place_in_the_file_does_not_matter(exported, domain, pitches_hz):
    audio = played(pitches_hz)
    translated = streamed(exported, audio, domain)
    for frames in (1, 37, 64):
        shift = 256 * frames
        later = np.pad(audio, (shift, 0))
        moved = streamed(exported, later, domain)[shift:]
        assert signal_to_noise_db(translated, moved) > 60.0
    for shift in (1000, 33_333):
        later = np.pad(audio, (shift, 0))
        moved = streamed(exported, later, domain)[shift:]
        assert deviation_db(moved, translated) < 0.5


def test_music_is_seamless_as_well(exported):
    """Notes with attacks, some of them across a seam, sound as in one window."""
    random = np.random.default_rng(0)
    audio = np.zeros(SECONDS * RATE_HZ, np.float32)
    time = np.arange(RATE_HZ) / RATE_HZ
    for start in range(0, len(audio) - RATE_HZ, RATE_HZ // 4):
        pitch_hz = 220.0 * 2.0 ** (random.integers(0, 24) / 12)
        note = np.sin(2 * np.pi * pitch_hz * time) * np.exp(-4.0 * time)
        audio[start : start + RATE_HZ] += 0.2 * note
    whole = exported.translate(audio[np.newaxis], "brighter")[0]
    assert signal_to_noise_db(whole, streamed(exported, audio, "brighter")) > 60.0
