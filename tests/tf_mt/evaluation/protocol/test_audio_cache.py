"""The audio cache writes each file once, under a path that no other name leads to."""

import time

import numpy as np
import pytest

from tests.tf_mt.evaluation import made_up_systems, synthetic
from tf_mt.evaluation.protocol import audio_cache, baselines, cases, systems

DOMAINS = ("bell", "reed")
SAMPLES = 2 * synthetic.RATE_HZ


@pytest.fixture
def cache(tmp_path):
    test = synthetic.Recordings(["a", "b"])
    train = synthetic.Recordings(["d", "e"], paired=False)
    return audio_cache.AudioCache(
        tmp_path, test, test, train, synthetic.RATE_HZ, SAMPLES
    )


def choose(pieces=("a", "b"), transfer=False):
    test, train = (
        synthetic.Recordings(pieces),
        synthetic.Recordings(["d"], paired=False),
    )
    return cases.choose(
        test.entries,
        test.entries,
        train.entries,
        DOMAINS,
        0,
        synthetic.RATE_HZ,
        transfer,
    )


@pytest.mark.parametrize("answered", [True, False])
def test_what_is_translated_is_read_from_the_sources(tmp_path, answered):
    class Silent(synthetic.Recordings):
        def audio(self, entry, start=0, samples=None):
            return 0.0 * super().audio(entry, start, samples)

        def notes(self, entry):
            return super().notes(entry)[:1]

    test = synthetic.Recordings(["a"])
    sources, train = Silent(["a"]), synthetic.Recordings(["d"], paired=False)
    cache = audio_cache.AudioCache(
        tmp_path, sources, test, train, synthetic.RATE_HZ, SAMPLES
    )
    case = choose(["a"])[0]
    case = case if answered else case._replace(answer=None)
    cache.write_case(case)
    assert not cache.read(cache.folder(case) / audio_cache.SOURCE).any()
    assert cache.read(cache.truth(case)).any() == answered
    notes = np.load(cache.folder(case) / audio_cache.NOTES)
    assert len(notes) == (5 if answered else 1)


@pytest.mark.parametrize("name", ["source", "truth", "style", "random", "copy"])
def test_no_name_of_a_system_can_replace_a_clip(cache, name):
    case = choose()[0]
    cache.write_case(case)
    before = {path: path.read_bytes() for path in cache.folder(case).iterdir()}
    scored = made_up_systems.scored(name, lambda audio, domain: np.zeros_like(audio))
    cache.write_outputs(scored, systems.TRANSLATION, case)
    assert len(before) == 5
    for path, content in before.items():
        assert path.read_bytes() == content
    output = cache.read(cache.output(case, name, audio_cache.OUTPUT))
    assert not output.any()


def test_the_first_call_is_no_part_of_the_speed(cache):
    calls = []

    def traced(audio, domain):
        if not calls:
            time.sleep(1.0)
        calls.append(len(audio))
        return audio

    scored = made_up_systems.scored("m", traced)
    for case in choose():
        cache.write_case(case)
        cache.write_outputs(scored, systems.TRANSLATION, case)
    assert cache.speed("m", choose()) > 4 * 2.0 / 1.0
    assert calls.count(scored.info.window_samples) == 1


def test_transfer_takes_the_timbre_of_other_music_by_the_target(cache):
    given = []

    def transfer(audio, reference):
        given.append(reference)
        return audio

    scored = made_up_systems.scored("m", transfer=transfer)
    case = choose(transfer=True)[0]
    cache.write_case(case)
    cache.write_outputs(scored, systems.TRANSFER, case)
    expected = synthetic.render("b", "reed")[: 2 * synthetic.RATE_HZ]
    assert (case.clip, case.source, case.target) == ("a", "bell", "reed")
    np.testing.assert_allclose(given[-1], expected, atol=1e-4)
    assert cache.output(case, "m (transfer)", audio_cache.OUTPUT).exists()
    assert not cache.output(case, "m (transfer)", audio_cache.CYCLE).exists()


def names(cache, chosen, *scored):
    return [row.name for row in baselines.rows(cache, scored, chosen)]


def test_with_one_clip_nothing_is_shuffled(cache):
    model = made_up_systems.scored("m", lambda audio, domain: audio)
    assert names(cache, choose("a"), model) == [
        *("m", "truth", "copy", "resynthesis (m)", "random clip")
    ]
    assert "shuffled (m)" in names(cache, choose("ab"), model)


@pytest.mark.parametrize(
    "given",
    [
        *(["truth"], ["copy"], ["random clip"], ["source"], ["reference"], ["a", "a"]),
        *(["a", "shuffled (a)"], ["resynthesis (a)", "a"]),
    ],
)
def test_names_that_clash_are_refused(cache, given):
    models = [made_up_systems.scored(name, lambda a, d: a) for name in given]
    with pytest.raises(ValueError, match="is that of a baseline or of another model"):
        names(cache, choose(), *models)
