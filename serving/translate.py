"""Translates audio files of any length with a model that a server has.

python -m serving.translate --server=localhost:8500 --model=NAME --domain=cello
    --input=FILE_OR_FOLDER --output=FILE_OR_FOLDER
"""

import functools
from pathlib import Path

from absl import flags

from serving import client
from tf_mt import script
from tf_mt.inference import stream

_SERVER = flags.DEFINE_string(
    "server", "localhost:8500", "Address of the server, HOST:PORT."
)
_MODEL = flags.DEFINE_string(
    "model", None, "Name of the model on the server.", required=True
)
_DOMAIN = flags.DEFINE_string(
    "domain", None, "What to translate to; a wrong name lists all.", required=True
)
_INPUT = flags.DEFINE_string(
    "input", None, "Audio file, or folder of audio files.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "WAV file to write; for a folder, the folder that receives its tree as WAV files.",
    required=True,
)
_DEADLINE = flags.DEFINE_float(
    "deadline_seconds", 600.0, "How long one window of audio may take.", lower_bound=0.0
)
_IN_FLIGHT = flags.DEFINE_integer(
    "in_flight", 4, "How many windows the server may have at once.", lower_bound=1
)


def main(argv: list[str]) -> int:
    """Translates; the exit code is 1 if a file of a folder could not be."""
    with client.Client(_SERVER.value, _MODEL.value, _DEADLINE.value) as connected:
        info = connected.check_domain(_DOMAIN.value)
        failed = stream.translate_files(
            Path(_INPUT.value),
            Path(_OUTPUT.value),
            info.sample_rate_hz,
            functools.partial(
                connected.translate_stream,
                domain=_DOMAIN.value,
                in_flight=_IN_FLIGHT.value,
            ),
        )
    return 1 if failed else 0


if __name__ == "__main__":
    script.run(main)
