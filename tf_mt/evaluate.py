"""Scores a model on a paired test set: a run, a bundle or a server's model."""

import contextlib
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
flags.DEFINE_integer(
    "pieces",
    0,
    "Pieces to score on, from all over the test set; 0 takes all.",
    lower_bound=0,
)
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
    data, folder = Path(FLAGS.data), Path(FLAGS.out)
    info = clips.read_info(data)
    test = paired.pieces(recordings.read(data, "test"), info.domains)
    test = paired.some(test, FLAGS.pieces or len(test))
    with _translator() as translator:
        for domain in info.domains:
            rate_hz = translator.check_domain(domain).sample_rate_hz
        if rate_hz != info.sample_rate_hz:
            raise ValueError(
                f"data={FLAGS.data!r} has {info.sample_rate_hz} Hz, but the model is "
                f"made for {rate_hz} Hz; convert the data with that --sample_rate."
            )

        def translate(audio: np.ndarray, domain: str) -> np.ndarray:
            return np.concatenate(list(translator.translate_stream([audio], domain)))

        scores = paired.evaluate(translate, test, rate_hz, folder / "audio")
    table = report.write(scores, test, rate_hz, folder)
    print(table.markdown())
    print(f"Picture: {folder / 'picture.png'}. Sound: {folder / 'audio'}.")


if __name__ == "__main__":
    script.run(main)
