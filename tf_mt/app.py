"""Shows a page in the browser that translates recordings.

Example: python -m tf_mt.app

It translates in this process, or with a model on a server (`--server`, `--model`).
"""

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from absl import flags

from tf_mt import script, startup
from tf_mt.inference import pretrained, system, threads

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "bundle",
    str(pretrained.BUNDLE),
    "Bundle to translate with; the one of the package.",
)
flags.DEFINE_string(
    "server", None, "Address of a server that translates instead, HOST:PORT."
)
flags.DEFINE_string("model", None, "Name of the model on the server.")
flags.DEFINE_string(
    "address", "127.0.0.1", "Interface to listen on; 0.0.0.0 takes all."
)
flags.DEFINE_integer(
    "port", 7860, "Port to listen on; 0 takes the first free one from 7860.", 0, 65_535
)


def main(argv: list[str]) -> None:
    """Serves the page until it is interrupted."""
    if not find_spec("gradio"):
        raise ValueError("The page needs Gradio: pip install 'tf_mt[app]'.")
    with _translating() as translating:
        from tf_mt import page

        page.serve(page.build(translating), FLAGS.address, FLAGS.port)


@contextlib.contextmanager
def _translating() -> Iterator[system.System]:
    """What the flags name: a model on a server, or a bundle."""
    if (FLAGS.server is None) != (FLAGS.model is None):
        raise ValueError(
            f"server={FLAGS.server!r} and model={FLAGS.model!r}: give both or none."
        )
    if FLAGS.server is not None:
        from serving import client

        with client.Client(FLAGS.server, FLAGS.model) as connected:
            yield connected
        return
    with startup.quiet():
        from tf_mt.inference import bundle
    threads.limit()
    yield bundle.Bundle(Path(FLAGS.bundle))


if __name__ == "__main__":
    script.run(main)
