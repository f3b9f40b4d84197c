"""Measures the quality and speed of decoding in segments, by their number and warm-up.

python tests/benchmarks/segments.py --run=runs/umt --data=demo/data

Pieces of a paired test split, each through the decoder of another domain, by a run of
the WaveNet family, for each number of segments, and for each length of their warm-up
in as many as the run has: distances to the true answer; the distance close to where
segments are joined, and halfway between, which differ if a join is audible; and how
long it took.
"""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import machine
import numpy as np
import tensorflow as tf
from absl import flags

from tf_mt import script
from tf_mt.data import recordings
from tf_mt.evaluation.metrics import log_mel, pitch, stft_distance
from tf_mt.inference import threads
from tf_mt.models import translator
from tf_mt.models.wavenet_autoencoder import configuration
from tf_mt.training import run

RUN = flags.DEFINE_string("run", None, "Run of the WaveNet family.", required=True)
DATA = flags.DEFINE_string("data", None, "Paired dataset.", required=True)
SEGMENTS = flags.DEFINE_multi_integer(
    "segments", [16, 64, 128, 256], "Segments of a piece; may be repeated."
)
WARMUP = flags.DEFINE_multi_integer(
    "warmup_samples", [0, 100, 400, 800], "Samples of warm-up; may be repeated."
)
PIECES = flags.DEFINE_integer("pieces", 3, "Pieces, each from every domain.")
SECONDS = flags.DEFINE_float("seconds", 20.0, "How much of each piece.")

# Of spectra so short that most lie between two joins.
FRAME_SAMPLES = 256
FLOOR = 1e-3


class Case(NamedTuple):
    """A piece in two domains: float32 `[samples]`, and the number of the second."""

    source: np.ndarray
    truth: np.ndarray
    domain: int


def main(argv: list[str]) -> None:
    """Prints a table."""
    threads.limit()
    path = Path(RUN.value)
    hparams = run.config_of(run.Run(path).settings())
    if not isinstance(hparams, configuration.Config):
        raise ValueError(f"run={RUN.value} decodes no segments; give a run of umt.")
    cases = list(_cases())
    print(f"{machine.description()}, TF {tf.__version__}, {RUN.value}")
    print(f"{len(cases)} translations of {SECONDS.value:g} s")
    print(
        f"{'segments':>9}{'warm-up':>9}{'log-mel dB':>12}{'MR-STFT':>9}{'pitch':>7}"
        f"{'at joins dB':>13}{'between':>9}{'x real time':>13}"
    )
    for name, values in (("segments", SEGMENTS), ("warmup_samples", WARMUP)):
        for value in values.value:
            changed = dataclasses.replace(hparams, **{name: value})
            scores = _scores(run.load_model(path, changed), cases)
            print(
                "{:9}{:9}{:12.2f}{:9.3f}{:7.3f}{:13.2f}{:9.2f}{:13.1f}".format(
                    changed.segments, changed.warmup_samples, *scores
                ),
                flush=True,
            )


def _cases() -> Iterator[Case]:
    data = recordings.Recordings(Path(DATA.value), "test")
    samples = round(SECONDS.value * data.info.sample_rate_hz)
    domains = data.info.domains
    by_piece = {}
    for entry in data.entries:
        if entry.samples >= samples:
            by_piece.setdefault(entry.piece, {})[entry.domain] = entry
    whole = [piece for piece in by_piece.values() if len(piece) == len(domains)]
    if not whole:
        raise ValueError(
            f"data={DATA.value} has no piece of {SECONDS.value:g} s in test that every "
            "domain has; give a paired dataset, or fewer --seconds."
        )
    for piece in whole[: PIECES.value]:
        audio = [data.audio(piece[domain], 0, samples) for domain in domains]
        for source in range(len(domains)):
            target = (source + 1) % len(domains)
            yield Case(audio[source], audio[target], target)


def _scores(model: translator.Translator, cases: list[Case]) -> tuple[float, ...]:
    """Means over all cases, in the order of the table."""
    rate_hz, hop = model.info.sample_rate_hz, model.hop_samples
    translate = tf.function(
        model.translate,
        input_signature=[
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    # Traces the graph.
    translate(cases[0].source[np.newaxis], [cases[0].domain])
    began = time.perf_counter()
    translated = [translate(c.source[np.newaxis], [c.domain])[0].numpy() for c in cases]
    times = len(cases) * SECONDS.value / (time.perf_counter() - began)
    samples = len(translated[0])
    apart = hop * int(model.segment_decoder.segment_frames(-(-samples // hop)))
    found = [
        (
            log_mel.distance(case.truth, out, rate_hz),
            stft_distance.distance(case.truth, out, rate_hz),
            pitch.accuracies(
                pitch.track(case.truth, rate_hz), pitch.track(out, rate_hz)
            ).raw,
            _error_db(case.truth, out, apart, 0),
            _error_db(case.truth, out, apart, apart // 2),
        )
        for case, out in zip(cases, translated, strict=True)
    ]
    return *np.nanmean(found, axis=0), times


def _error_db(truth: np.ndarray, out: np.ndarray, apart: int, offset: int) -> float:
    """The distance of spectra in decibels, of frames in the middle of which is a join.

    Args:
        truth: `[samples]`.
        out: `[samples]`.
        apart: Samples from one join to the next.
        offset: Samples from a join to what is looked at.
    """
    centres = np.arange(apart + offset, len(out) - FRAME_SAMPLES, apart)
    places = centres[:, np.newaxis] + np.arange(FRAME_SAMPLES) - FRAME_SAMPLES // 2
    spectra = [
        np.abs(np.fft.rfft(audio[places] * np.hanning(FRAME_SAMPLES)))
        for audio in (truth, out)
    ]
    expected, found = (20.0 * np.log10(np.maximum(one, FLOOR)) for one in spectra)
    return float(np.mean(np.abs(expected - found)))


if __name__ == "__main__":
    script.run(main)
