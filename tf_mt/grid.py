"""Draws the grid of contents and classes: recordings, each played by every instrument.

A row for each recording: itself, then its content with the timbre of each domain.

Example: python -m tf_mt.grid --run=RUN --input=a.wav --input=b.wav --out=grid
"""

from pathlib import Path

import numpy as np
from absl import flags

from tf_mt import names, progress, script, startup
from tf_mt.audio import files
from tf_mt.evaluation.report import contact_sheet

with startup.quiet():
    from tf_mt.inference import live

FLAGS = flags.FLAGS

flags.DEFINE_string("run", None, "Run whose newest weights are used.", required=True)
flags.DEFINE_multi_string(
    "input", None, "Audio file of a row; may be repeated.", required=True
)
flags.DEFINE_string("out", None, "Folder for WAV files and picture.png.", required=True)
flags.DEFINE_float("seconds", 4.0, "What is read of each file.", lower_bound=0.1)


def main(argv: list[str]) -> None:
    """Draws what the flags say."""
    paths = names.of_files([Path(path) for path in FLAGS.input])
    model = live.Live(Path(FLAGS.run))
    info = model.info
    if not info.domains:
        raise ValueError(f"run={FLAGS.run!r} knows no domains; give one that does.")
    samples = round(FLAGS.seconds * info.sample_rate_hz)
    sources = {
        name: next(files.blocks(path, info.sample_rate_hz, samples))
        for name, path in paths.items()
    }
    rows: dict[str, dict[str, np.ndarray]] = {}
    for name, source in progress.bar(sources.items(), desc="grid", unit="row"):
        rows[name] = {"source": source}
        for domain in info.domains:
            rows[name][domain] = model.translate(source[np.newaxis], domain)[0]
    folder = Path(FLAGS.out)
    for name, sounds in rows.items():
        for title, audio in sounds.items():
            files.write(folder / f"{name}_{title}.wav", audio, info.sample_rate_hz)
    contact_sheet.draw(rows, info.sample_rate_hz, folder / "picture.png")
    print(f"Sound: {folder}/*.wav. Picture: {folder / 'picture.png'}.")


if __name__ == "__main__":
    script.run(main)
