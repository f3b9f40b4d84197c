"""All metrics of a clip at once, which share what was found in its sounds."""

import numpy as np
import pytest

from tests.tf_mt.evaluation import synthetic
from tf_mt.evaluation.metrics import (
    chroma,
    cycle,
    log_mel,
    loudness,
    mfcc,
    ncc,
    notes,
    onsets,
    pitch,
    ssim,
    stft_distance,
    transcription,
)
from tf_mt.evaluation.protocol import analysis, clip_scores

RATE_HZ = synthetic.RATE_HZ
NOISE = np.random.default_rng(0).normal(0.0, 0.02, (9, 3 * RATE_HZ)).astype(np.float32)

SOURCE, TRUTH = synthetic.render("a", "bell"), synthetic.render("a", "reed")
STYLE = synthetic.render("d", "reed")
# What some rows make of it: a model, the truth, a copy, noise and silence.
ESTIMATES = (TRUTH + NOISE[0], TRUTH, SOURCE, NOISE[1], np.zeros_like(SOURCE))


def analysed(audio):
    return None if audio is None else analysis.Analysis(audio, RATE_HZ)


def clips(estimate, truth=TRUTH, **known):
    return clip_scores.Clips(
        analysed(SOURCE), analysed(estimate), analysed(STYLE), analysed(truth), **known
    )


def there_and_back(estimate):
    """With all that a model has."""
    return clips(
        estimate,
        cycle=analysed(SOURCE + NOISE[2]),
        reconstruction=analysed(SOURCE + NOISE[3]),
        notes=synthetic.melody("a"),
    )


def rows_of_one_case():
    """As `there_and_back`, but what they are held against is one and the same."""
    first, *others = map(there_and_back, ESTIMATES)
    return [first] + [
        other._replace(source=first.source, style=first.style, truth=first.truth)
        for other in others
    ]


def each(function, *audio):
    return [function(one, RATE_HZ) for one in audio]


@pytest.mark.parametrize("estimate", ESTIMATES[:3:2])
@pytest.mark.parametrize("truth", [TRUTH, None])
def test_scores_are_exactly_those_of_each_metric(estimate, truth):
    content = SOURCE if truth is None else truth
    timbre = STYLE if truth is None else truth
    kept = pitch.accuracies(*each(pitch.track, content, estimate))
    returned, reconstruction = SOURCE + NOISE[2], SOURCE + NOISE[3]
    expected = {
        "mfcc": mfcc.distance(*each(mfcc.means, timbre, estimate)),
        "style": mfcc.transfer_ratio(*each(mfcc.means, SOURCE, STYLE, estimate)),
        "pitch": kept.raw,
        "pitch_class": kept.chroma,
        "onsets": onsets.f_measure(*each(onsets.detect, content, estimate)),
        "loudness": loudness.correlation(content, estimate, RATE_HZ),
        "chroma": chroma.similarity(
            *each(chroma.chromagram, SOURCE, estimate),
            np.logical_and(*each(pitch.sounding, SOURCE, estimate)),
        ),
        "ncc": ncc.correlation(*each(ncc.contour, content, estimate)),
        "notes": notes.f_measure(
            synthetic.melody("a"), transcription.transcribe(estimate, RATE_HZ)
        ),
        "cycle_ncc": ncc.correlation(*each(ncc.contour, SOURCE, returned)),
        "cycle_loss": cycle.relative_loss(SOURCE, returned, RATE_HZ),
        "cycle_ssim": ssim.similarity(*each(log_mel.spectrogram, SOURCE, returned)),
        "reconstruction_ssim": ssim.similarity(
            *each(log_mel.spectrogram, SOURCE, reconstruction)
        ),
    }
    if truth is not None:
        expected |= {
            "log_mel": log_mel.distance(truth, estimate, RATE_HZ),
            "stft": stft_distance.distance(truth, estimate, RATE_HZ),
        }
    found = clip_scores.measure(
        there_and_back(estimate)._replace(truth=analysed(truth))
    )
    assert found == expected
    if truth is not None:
        assert set(found) == {metric.name for metric in clip_scores.METRICS}


def test_rows_score_exactly_the_same_whether_they_share_or_not():
    alone = [clip_scores.measure(there_and_back(estimate)) for estimate in ESTIMATES]
    for order in (1, -1):
        together = [clip_scores.measure(row) for row in rows_of_one_case()[::order]]
        for found, expected in zip(together[::order], alone, strict=True):
            np.testing.assert_equal(found, expected)


def test_measuring_changes_nothing_that_is_shared():
    row = there_and_back(ESTIMATES[0])
    expected = clip_scores.measure(row)
    for _ in range(2):
        assert clip_scores.measure(row) == expected
    np.testing.assert_array_equal(row.source.audio, SOURCE)
    np.testing.assert_array_equal(row.truth.audio, TRUTH)


@pytest.mark.parametrize(
    "given", ["source", "estimate", "style", "truth", "cycle", "reconstruction"]
)
def test_what_cannot_be_compared_is_refused(given):
    row = there_and_back(ESTIMATES[0])
    with pytest.raises(ValueError, match="must be one equal, positive length"):
        clip_scores.measure(row._replace(**{given: analysed(SOURCE[1:])}))
    with pytest.raises(ValueError, match="must be finite"):
        clip_scores.measure(
            row._replace(**{given: analysed(np.full_like(SOURCE, np.nan))})
        )


def test_notes_of_something_else_are_refused():
    late = synthetic.melody("a")
    late["onset_seconds"] += 1.0
    with pytest.raises(ValueError, match="must be at least 0 and below 3"):
        clip_scores.measure(there_and_back(TRUTH)._replace(notes=late))
