"""Scores models on a dataset, side by side: runs, bundles, a server's model.

Example: python -m tf_mt.evaluate --bundle=bundles/small --data=data --out=scores
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from absl import flags

from tf_mt import script, startup
from tf_mt.inference import threads

RUNS = flags.DEFINE_multi_string(
    "run", [], "A run whose newest weights are scored; may be repeated."
)
BUNDLES = flags.DEFINE_multi_string(
    "bundle", [], "A bundle that is scored; may be repeated."
)
SERVER = flags.DEFINE_string("server", None, "Server whose --model is scored.")
MODEL = flags.DEFINE_string("model", None, "Name of the model on the server.")
DATA = flags.DEFINE_string("data", None, "Converted dataset.", required=True)
OUT = flags.DEFINE_string(
    "out", None, "Folder for the report, the scores and the sounds.", required=True
)
CLIPS = flags.DEFINE_integer(
    "clips",
    8,
    "Pieces of a paired test set, or recordings of each domain of another one, from "
    "all over it; 0 takes all.",
    lower_bound=0,
)
SECONDS = flags.DEFINE_float(
    "seconds", 8.0, "The most of a recording that is translated.", lower_bound=1.0
)
EMBEDDER = flags.DEFINE_string(
    "embedder",
    "mfcc",
    "What embeds sounds: mfcc, a folder of python -m tf_mt.train_embedder, which tells "
    "domains apart as well, or vggish:FILE.",
)


def main(argv: list[str]) -> None:
    """Scores as the flags say."""
    del argv
    # Here, so that a mistake in the flags is told before TensorFlow is loaded.
    with startup.quiet():
        from tf_mt.evaluation.protocol import setup
        from tf_mt.evaluation.report import markdown

    threads.limit()
    out = Path(OUT.value)
    with contextlib.ExitStack() as resources:
        card = setup.judge(
            list(_systems(resources)),
            Path(DATA.value),
            EMBEDDER.value,
            CLIPS.value,
            SECONDS.value,
            out,
        )
    print(markdown.table(card))
    print(f"Report: {out / 'report.html'}. Sounds: {out / 'audio'}.")


def _systems(resources: contextlib.ExitStack) -> Iterator[tuple]:
    """The name and the identity of each system that the flags name, and itself."""
    from serving import client
    from tf_mt.inference import bundle
    from tf_mt.inference import live as live_runs
    from tf_mt.training import run

    if bool(SERVER.value) != bool(MODEL.value):
        raise ValueError("--server and --model go together; give both or neither.")
    if not (RUNS.value or BUNDLES.value or SERVER.value):
        raise ValueError("nothing to score; give --run, --bundle, or --server.")
    for path in map(Path, RUNS.value):
        live = live_runs.Live(path)
        yield path.resolve().name, str(run.Run(path).weights().resolve()), live
    for path in map(Path, BUNDLES.value):
        loaded = bundle.Bundle(path)
        yield loaded.folder.parent.name, str(loaded.folder), loaded
    if SERVER.value:
        served = resources.enter_context(client.Client(SERVER.value, MODEL.value))
        yield MODEL.value, f"{SERVER.value} {MODEL.value}", served


if __name__ == "__main__":
    script.run(main)
