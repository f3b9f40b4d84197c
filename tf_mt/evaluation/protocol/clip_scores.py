"""Every metric of one translated clip."""

from typing import NamedTuple

import numpy as np

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
from tf_mt.evaluation.protocol import analysis


class Clips(NamedTuple):
    """A translated clip and what it is compared with, all of one length and rate.

    Attributes:
        source: What was translated.
        estimate: Its translation.
        style: A clip of the target domain; for one-shot transfer, the reference.
        truth: The same music by the target, if it is known.
        cycle: The translation translated back to the source's domain, if there is one.
        reconstruction: The source translated to its own domain, if there is one.
        notes: The notes of the music, with `onset_seconds`, `duration_seconds` and
            `pitch`, if they are known.
    """

    source: analysis.Analysis
    estimate: analysis.Analysis
    style: analysis.Analysis
    truth: analysis.Analysis | None = None
    cycle: analysis.Analysis | None = None
    reconstruction: analysis.Analysis | None = None
    notes: np.ndarray | None = None


class Metric(NamedTuple):
    """A column of the scorecard.

    Attributes:
        name: In `scorecard.json`.
        title: In tables.
        unit: Of its values; empty if they have none.
        better: "lower" or "higher".
        against: What a translation is compared with.
        about: What it measures, and the paper that has it.
    """

    name: str
    title: str
    unit: str
    better: str
    against: str
    about: str


_CONTENT = "the truth, or the source where there is none"
_TIMBRE = "the truth, or a clip of the target where there is none"

METRICS = (
    Metric(
        *("log_mel", "log-mel", "dB", "lower", "truth"),
        "Mean absolute difference of log-mel spectrograms of 128 bands.",
    ),
    Metric(
        *("stft", "MR-STFT", "", "lower", "truth"),
        "Spectral convergence and log magnitude of three STFTs (Yamamoto et al. 2020).",
    ),
    Metric(
        *("mfcc", "MFCC", "", "lower", _TIMBRE),
        "L2 distance of mean MFCCs at equal loudness (EBU R128), as in zero-shot style "
        "transfer.",
    ),
    Metric(
        *("style", "style", "", "higher", "source and a clip of the target"),
        "MFCC distance to the source as a share of that to the source and to a clip of "
        "the target; above 0.5 it is closer to the style (the same paper's criterion).",
    ),
    Metric(
        *("pitch", "pitch", "", "higher", _CONTENT),
        "Raw pitch accuracy: frames with the right pitch within 50 cents, by YIN.",
    ),
    Metric(
        *("pitch_class", "pitch class", "", "higher", _CONTENT),
        "Raw chroma accuracy: the same, octave errors forgiven.",
    ),
    Metric(
        *("notes", "notes", "", "higher", "the labelled notes"),
        "F-measure of transcribed notes: onset within 50 ms, pitch within 50 cents.",
    ),
    Metric(
        *("onsets", "onsets", "", "higher", _CONTENT),
        "F-measure of onsets within 50 ms.",
    ),
    Metric(
        *("loudness", "loudness", "", "higher", _CONTENT),
        "Correlation of frame levels in decibels.",
    ),
    Metric(
        *("chroma", "chroma", "", "higher", "source"),
        "Mean cosine of chromagrams of source and translation (the CPC paper's Figure "
        "1 as a number).",
    ),
    Metric(
        *("ncc", "NCC", "", "higher", _CONTENT),
        "Normalised cross-correlation of pitch contours (the CPC paper's Table 1).",
    ),
    Metric(
        *("cycle_ncc", "cycle NCC", "", "higher", "source"),
        "The same of the source and its translation there and back (its Table 2).",
    ),
    Metric(
        *("cycle_loss", "cycle loss", "", "lower", "source"),
        "Relative forward cycle loss on STFT magnitudes (the CycleGAN paper's Figure "
        "7).",
    ),
    Metric(
        *("cycle_ssim", "cycle SSIM", "", "higher", "source"),
        "Structural similarity of log-mel spectrograms of the source and its "
        "translation there and back (the VAE-GAN's).",
    ),
    Metric(
        *("reconstruction_ssim", "rec. SSIM", "", "higher", "source"),
        "The same of the source and its reconstruction.",
    ),
)


def measure(clips: Clips) -> dict[str, float]:
    """Scores a translated clip.

    Returns:
        The score of each metric that these clips allow, by its name; NaN where it is
        not defined for them.

    Raises:
        ValueError: The clips cannot be compared, or the notes are of something else.
    """
    _validate(clips)
    source, estimate = clips.source, clips.estimate
    content = source if clips.truth is None else clips.truth
    kept = pitch.accuracies(*analysis.each(pitch.track, content, estimate))
    both = np.logical_and(*analysis.each(pitch.sounding, source, estimate))
    timbre = clips.style if clips.truth is None else clips.truth
    scores = {
        "mfcc": mfcc.distance(*analysis.each(mfcc.means, timbre, estimate)),
        "style": mfcc.transfer_ratio(
            *analysis.each(mfcc.means, source, clips.style, estimate)
        ),
        "pitch": kept.raw,
        "pitch_class": kept.chroma,
        "onsets": onsets.f_measure(*analysis.each(onsets.detect, content, estimate)),
        "loudness": loudness.correlation(
            content.audio, estimate.audio, source.sample_rate_hz
        ),
        "chroma": chroma.similarity(
            *analysis.each(chroma.chromagram, source, estimate), both
        ),
        "ncc": ncc.correlation(*analysis.each(ncc.contour, content, estimate)),
    }
    if clips.truth is not None:
        scores |= _to_truth(clips.truth, estimate)
    if clips.notes is not None:
        found = estimate.by(transcription.transcribe)
        scores["notes"] = notes.f_measure(clips.notes, found)
    if clips.cycle is not None:
        scores |= _of_cycle(source, clips.cycle)
    if clips.reconstruction is not None:
        pair = analysis.each(log_mel.spectrogram, source, clips.reconstruction)
        scores["reconstruction_ssim"] = ssim.similarity(*pair)
    return {name: float(score) for name, score in scores.items()}


def _to_truth(
    truth: analysis.Analysis, estimate: analysis.Analysis
) -> dict[str, float]:
    rate = truth.sample_rate_hz
    return {
        "log_mel": log_mel.difference(
            *analysis.each(log_mel.spectrogram, truth, estimate)
        ),
        # Not cached: three STFTs are ten times as large as all other analyses.
        "stft": stft_distance.distance(truth.audio, estimate.audio, rate),
    }


def _of_cycle(
    source: analysis.Analysis, returned: analysis.Analysis
) -> dict[str, float]:
    rate = source.sample_rate_hz
    return {
        "cycle_ncc": ncc.correlation(*analysis.each(ncc.contour, source, returned)),
        "cycle_loss": cycle.relative_loss(source.audio, returned.audio, rate),
        "cycle_ssim": ssim.similarity(
            *analysis.each(log_mel.spectrogram, source, returned)
        ),
    }


def _validate(clips: Clips) -> None:
    source = clips.source
    others = (clips.estimate, clips.style, clips.truth, clips.cycle)
    for other in (*others, clips.reconstruction):
        if other is not None:
            log_mel.validate(source.audio, other.audio)
    if clips.notes is not None:
        notes.validate(clips.notes, len(source.audio) / source.sample_rate_hz)
