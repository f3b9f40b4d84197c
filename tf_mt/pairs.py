"""Transfers every file to the timbre of every other, and tells which it is closer to.

The experiments of zero-shot style transfer: of each pair the L2 distance of mean MFCCs
of what a system makes to its source and to its reference, at equal loudness.

Example: python -m tf_mt.pairs --bundle=bundles/adain --input=a.wav --input=b.wav
    --out=pairs
"""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from tf_mt import atomic, names, progress, script, startup
from tf_mt.audio import files
from tf_mt.evaluation.metrics import chroma, mfcc, pitch
from tf_mt.evaluation.protocol import analysis
from tf_mt.evaluation.report import contact_sheet

with startup.quiet():
    from tf_mt.inference import named, system

FLAGS = flags.FLAGS

flags.DEFINE_multi_string("run", [], "A run that transfers; may be repeated.")
flags.DEFINE_multi_string("bundle", [], "A bundle that transfers; may be repeated.")
flags.DEFINE_multi_string(
    "gram", [], "A run of the approach vqvae, for Gram matrices; may be repeated."
)
flags.DEFINE_integer("gram_iterations", 100, "The most iterations.", lower_bound=1)
flags.DEFINE_multi_string(
    "input", None, "Audio file, source and reference; may be repeated.", required=True
)
flags.DEFINE_string(
    "out", None, "Folder for sounds, scores and a table.", required=True
)
flags.DEFINE_float("seconds", 8.0, "What is read of each file.", lower_bound=0.1)

COPY = "copy"


class Score(NamedTuple):
    """What became of a pair.

    Attributes:
        to_source: L2 distance of mean MFCCs to the source.
        to_reference: The same to the reference.
        chroma: Cosine of chromagrams of the source and of what was made of it.
    """

    to_source: float
    to_reference: float
    chroma: float


def score(
    source: analysis.Analysis, reference: analysis.Analysis, made: analysis.Analysis
) -> Score:
    """Scores what a system made of a source with the timbre of a reference."""
    sounding = np.logical_and(*analysis.each(pitch.sounding, source, made))
    return Score(
        mfcc.distance(*analysis.each(mfcc.means, source, made)),
        mfcc.distance(*analysis.each(mfcc.means, reference, made)),
        chroma.similarity(*analysis.each(chroma.chromagram, source, made), sounding),
    )


def table(scores: Mapping[str, Mapping[str, Score]]) -> str:
    """Draws means over pairs in Markdown, a row for each system."""
    lines = [
        "| | MFCC to source | MFCC to reference (↓) | closer to reference (↑) | "
        "chroma (↑) |",
        "|---|---|---|---|---|",
    ]
    for name, pairs in scores.items():
        values = list(pairs.values())
        closer = sum(one.to_reference < one.to_source for one in values)
        source, reference, kept = np.nanmean(np.array(values), axis=0)
        lines.append(
            f"| {name} | {source:.0f} | {reference:.0f} | {closer} of {len(values)} "
            f"| {kept:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> None:
    """Transfers and scores as the flags say."""
    paths = names.of_files([Path(path) for path in FLAGS.input])
    if len(paths) < 2:
        raise ValueError(f"input={FLAGS.input[0]!r}: give two files or more.")
    systems, rate_hz = _opened()
    length = round(FLAGS.seconds * rate_hz)
    sounds = {
        name: next(files.blocks(path, rate_hz, length)) for name, path in paths.items()
    }
    heard = {name: analysis.Analysis(x, rate_hz) for name, x in sounds.items()}
    scores: dict[str, dict[str, Score]] = {name: {} for name in (COPY, *systems)}
    rows: dict[str, dict[str, np.ndarray]] = {}
    folder = Path(FLAGS.out)
    pairs = list(itertools.permutations(sounds, 2))
    for source, reference in progress.bar(pairs, desc="pairs", unit="pair"):
        key = f"{source}_to_{reference}"
        made = {COPY: sounds[source]}
        for name, system in systems.items():
            stream = system.transfer_stream([sounds[source]], sounds[reference])
            made[name] = np.concatenate(list(stream))
            files.write(folder / name / f"{key}.wav", made[name], rate_hz)
        for name, audio in made.items():
            one = analysis.Analysis(audio, rate_hz)
            scores[name][key] = score(heard[source], heard[reference], one)
        rows[key] = {**made, "reference": sounds[reference]}
    _write(scores, folder)
    # The pairs of the first source; all of them make a picture that nobody can read.
    shown = dict(itertools.islice(rows.items(), len(sounds) - 1))
    contact_sheet.draw(shown, rate_hz, folder / "picture.png")
    print(table(scores))
    print(f"n = {len(pairs)} pairs. Sounds, pairs.json, picture.png: {folder}.")


def _opened() -> tuple[dict[str, system.System], int]:
    """The systems that the flags name, and their rate in hertz."""
    opened = list(
        named.systems(FLAGS.run, FLAGS.bundle, FLAGS.gram, FLAGS.gram_iterations)
    )
    if not opened:
        raise ValueError("nothing transfers; give --run, --bundle or --gram.")
    systems = {name: one for name, _, one in opened}
    if len(systems) < len(opened):
        raise ValueError("two systems have one name; rename a folder.")
    rates = {one.check_transfer().sample_rate_hz for one in systems.values()}
    if len(rates) > 1:
        raise ValueError(f"the systems have several rates, {sorted(rates)}; give one.")
    return systems, rates.pop()


def _write(scores: Mapping[str, Mapping[str, Score]], folder: Path) -> None:
    found = {
        name: {key: one._asdict() for key, one in pairs.items()}
        for name, pairs in scores.items()
    }
    for name, text in {
        "pairs.json": json.dumps(found, indent=1),
        "pairs.md": table(scores),
    }.items():
        with atomic.path(folder / name) as temporary:
            temporary.write_text(text)


if __name__ == "__main__":
    script.run(main)
