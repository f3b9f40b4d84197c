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
GRAMS = flags.DEFINE_multi_string(
    "gram",
    [],
    "A run of the approach vqvae whose transfer by Gram matrices, with --transfer, is "
    "scored; may be repeated.",
)
GRAM_ITERATIONS = flags.DEFINE_integer(
    "gram_iterations", 100, "The most iterations of it.", lower_bound=1
)
SERVER = flags.DEFINE_string("server", None, "Server whose --model is scored.")
MODEL = flags.DEFINE_string("model", None, "Name of the model on the server.")
DATA = flags.DEFINE_string("data", None, "Converted dataset.", required=True)
SOURCES = flags.DEFINE_string(
    "sources",
    None,
    "Another converted dataset, whose test split is translated instead of that of "
    "--data; the truth of the pieces that both have is that of --data.",
)
OUT = flags.DEFINE_string(
    "out", None, "Folder for the report, the scores and the audio.", required=True
)
CLIPS = flags.DEFINE_integer(
    "clips",
    8,
    "Pieces of a paired test set, or recordings of each domain of another one, spread "
    "over it; 0 takes all.",
    lower_bound=0,
)
SECONDS = flags.DEFINE_float(
    "seconds", 8.0, "The most of a recording that is translated.", lower_bound=1.0
)
DOMAINS = flags.DEFINE_list(
    "domains", [], "The domains to translate between; without it all of the dataset's."
)
TRANSFER = flags.DEFINE_bool(
    "transfer",
    False,
    "Scores one-shot transfer, too: the timbre is that of a clip of other music by the "
    "target, from the test split. A model that knows the dataset's domains is scored "
    "on translation as well, in a row of its own.",
)
EMBEDDER = flags.DEFINE_string(
    "embedder",
    "mfcc",
    "What embeds audio: mfcc; a folder of python -m tf_mt.train_embedder, which "
    "classifies domains, too; or vggish:FILE.",
)


def main(argv: list[str]) -> None:
    """Scores as the flags say."""
    del argv
    # Here, so that a mistake in the flags is reported before TensorFlow is loaded.
    with startup.quiet():
        from tf_mt.evaluation.protocol import setup
        from tf_mt.evaluation.report import markdown

    threads.limit()
    out = Path(OUT.value)
    with contextlib.ExitStack() as resources:
        card = setup.evaluate(
            list(_systems(resources)),
            Path(DATA.value),
            Path(SOURCES.value) if SOURCES.value else None,
            EMBEDDER.value,
            CLIPS.value,
            SECONDS.value,
            DOMAINS.value,
            TRANSFER.value,
            out,
        )
    print(markdown.table(card))
    print(f"Report: {out / 'report.html'}. Sounds: {out / 'audio'}.")


def _systems(resources: contextlib.ExitStack) -> Iterator[tuple]:
    """The name, the identity and the system for each that the flags name."""
    from serving import client
    from tf_mt.inference import named

    if bool(SERVER.value) != bool(MODEL.value):
        raise ValueError("--server and --model go together; give both or neither.")
    if not (RUNS.value or BUNDLES.value or GRAMS.value or SERVER.value):
        raise ValueError("nothing to score; give --run, --bundle, --gram or --server.")
    yield from named.systems(
        RUNS.value, BUNDLES.value, GRAMS.value, GRAM_ITERATIONS.value
    )
    if SERVER.value:
        served = resources.enter_context(client.Client(SERVER.value, MODEL.value))
        identity = f"{SERVER.value} {MODEL.value} {served.version()}"
        yield MODEL.value, identity, served


if __name__ == "__main__":
    script.run(main)
