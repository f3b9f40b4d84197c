import numpy as np
import pytest

from tests.tf_mt.inference import untrained
from tf_mt import models
from tf_mt.inference import bundle
from tf_mt.inference import live as live_runs
from tf_mt.training import run


def noise(*shape):
    audio = np.random.default_rng(0).uniform(-0.9, 0.9, shape)
    return audio.astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return untrained.save(tmp_path_factory.mktemp("runs") / "toy", "vae_gan", "tiny")


@pytest.fixture(scope="module")
def live(folder):
    return live_runs.Live(folder)


@pytest.fixture(scope="module")
def exported(folder, tmp_path_factory):
    base = tmp_path_factory.mktemp("bundles") / "toy"
    bundle.export(run.load_model(folder), base)
    return bundle.Bundle(base)


def test_info(live):
    clip = 32 * 128
    assert live.info[:4] == (("cello", "flute", "piano"), 8000, 4 * clip, clip)


def test_parameters_are_all_that_is_trained(folder, live):
    model = run.load_model(folder)
    # Batch statistics and the like would not be counted; this model has none.
    assert live.info.parameters == model.count_params() > 10_000


@pytest.mark.parametrize("shape", [(1, 1), (1, 16384), (3, 9001)])
@pytest.mark.parametrize("domain", ["cello", "piano"])
def test_a_live_model_and_its_bundle_agree(live, exported, shape, domain):
    assert live.info == exported.info
    audio = noise(*shape)
    translated = live.translate(audio, domain)
    assert translated.shape == shape
    assert translated.dtype == np.float32
    np.testing.assert_allclose(translated, exported.translate(audio, domain), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 16384), (3, 9001)])
def test_a_live_model_and_its_bundle_resynthesise_and_encode_alike(
    live, exported, shape
):
    audio = noise(*shape)
    resynthesised, codes = live.resynthesise(audio), live.codes(audio)
    assert resynthesised.shape == shape
    assert resynthesised.dtype == codes.dtype == np.float32
    assert codes.shape[0] == shape[0]
    np.testing.assert_allclose(resynthesised, exported.resynthesise(audio), atol=1e-5)
    np.testing.assert_allclose(codes, exported.codes(audio), atol=1e-5)


def test_domains_sound_different(live):
    audio = noise(1, 4096)
    cello, piano = (live.translate(audio, domain) for domain in ("cello", "piano"))
    assert np.mean(np.abs(cello) == 1.0) < 0.01
    assert not np.allclose(cello, piano, atol=1e-2)


@pytest.mark.slow
def test_the_small_preset_agrees_with_its_bundle(tmp_path):
    live = live_runs.Live(untrained.save(tmp_path / "run", "vae_gan", "small"))
    bundle.export(run.load_model(tmp_path / "run"), tmp_path / "bundle")
    exported = bundle.Bundle(tmp_path / "bundle")
    audio = noise(1, live.info.window_samples)
    np.testing.assert_allclose(
        live.translate(audio, "flute"), exported.translate(audio, "flute"), atol=1e-5
    )


def test_a_stream_is_as_long_as_what_went_in(live):
    audio = noise(40_001)
    blocks = np.split(audio, [0, 1, 1, 20_000])
    streamed = np.concatenate(list(live.translate_stream(blocks, "flute")))
    assert streamed.shape == audio.shape
    whole = np.concatenate(list(live.translate_stream([audio], "flute")))
    np.testing.assert_array_equal(streamed, whole)


def test_a_resynthesised_stream_is_as_long_as_what_went_in(live):
    audio = noise(40_001)
    blocks = np.split(audio, [0, 1, 1, 20_000])
    streamed = np.concatenate(list(live.resynthesise_stream(blocks)))
    assert streamed.shape == audio.shape
    whole = np.concatenate(list(live.resynthesise_stream([audio])))
    np.testing.assert_array_equal(streamed, whole)


def test_a_stream_of_nothing_is_nothing(live):
    assert sum(len(block) for block in live.translate_stream([], "flute")) == 0
    assert sum(len(block) for block in live.resynthesise_stream([])) == 0


def test_a_window_is_translated_alike_wherever_it_is(live):
    """What comes before a recording does not change how it is translated."""
    audio = noise(40_000)
    hop = live.info.window_samples - live.info.overlap_samples
    blocks = [np.zeros(2 * hop, np.float32), audio]
    later = np.concatenate(list(live.translate_stream(blocks, "flute")))[2 * hop :]
    first = np.concatenate(list(live.translate_stream([audio], "flute")))
    # The first fade of a recording that follows something comes after its start.
    faded = live.info.overlap_samples // 2
    np.testing.assert_array_equal(later[faded:], first[faded:])


def test_words_for_an_unknown_domain(live):
    words = "domain='celo' is not known; did you mean 'cello'.*cello, flute, piano"
    for refused in (
        lambda: live.check_domain("celo"),
        lambda: live.translate(noise(1, 9), "celo"),
        lambda: next(live.translate_stream([], "celo")),
    ):
        with pytest.raises(ValueError, match=words):
            refused()


def test_words_for_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no config\.json; give a"):
        live_runs.Live(tmp_path)


def test_words_for_a_run_without_weights(tmp_path):
    preset = models.preset("vae_gan", "tiny")
    run.Run(tmp_path).settle(run.settings_of("vae_gan", preset, untrained.INFO))
    with pytest.raises(FileNotFoundError, match="has no checkpoint yet"):
        live_runs.Live(tmp_path)
