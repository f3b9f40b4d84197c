"""Scores a model on a paired test set: a run, a bundle or a server's model."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from absl import flags

from serving import client
from tf_mt import bundle, script, system
from tf_mt.data import clips, recordings
from tf_mt.evaluation import paired, report

FLAGS = flags.FLAGS

flags.DEFINE_string("run", None, "Run whose newest weights are scored.")
flags.DEFINE_string("bundle", None, "Bundle that is scored.")
flags.DEFINE_string("server", None, "Server whose --model is scored, HOST:PORT.")
flags.DEFINE_string("model", None, "Name of the model on the server.")
flags.DEFINE_string("data", None, "Converted dataset, paired in test.", required=True)
flags.DEFINE_string(
    "out", None, "Folder for scores, table, picture and sound.", required=True
)
flags.DEFINE_integer("pieces", 0, "Pieces to score on; 0 takes all.", lower_bound=0)
flags.mark_flags_as_mutual_exclusive(["run", "bundle", "server"], required=True)


@contextlib.contextmanager
def _translator() -> Iterator[system.System | client.Client]:
    if FLAGS.run:
        yield system.Live(Path(FLAGS.run))
    elif FLAGS.bundle:
        yield bundle.Bundle(Path(FLAGS.bundle))
    else:
        if not FLAGS.model:
            raise ValueError("model is not given; --server needs the name of a model.")
        with client.Client(FLAGS.server, FLAGS.model) as connected:
            yield connected


def main(argv: list[str]) -> None:
    """Scores as the flags say."""
    info = clips.read_info(Path(FLAGS.data))
    test = paired.pieces(recordings.read(Path(FLAGS.data), "test"))
    test = dict(itertools.islice(test.items(), FLAGS.pieces or None))
    folder = Path(FLAGS.out)
    with _translator() as translator:

        def translate(audio: np.ndarray, domain: str) -> np.ndarray:
            return np.concatenate(list(translator.translate_stream([audio], domain)))

        scores = paired.evaluate(translate, test, info.sample_rate_hz, folder / "audio")
    table = report.write(scores, test, info.sample_rate_hz, folder)
    print(table.markdown())
    print(f"Picture: {folder / 'picture.png'}. Sound: {folder / 'audio'}.")


if __name__ == "__main__":
    script.run(main)
