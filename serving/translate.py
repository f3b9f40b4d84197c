"""Translates audio files of any length with a model on a server.

python -m serving.translate --server=localhost:8500 --model=NAME --domain=cello
    --input=FILE_OR_FOLDER --output=FILE_OR_FOLDER

With `--reference=CLIP` in the place of `--domain` the timbre is that of an audio file.
With `--input=- --output=-` audio is translated from stdin to stdout while it comes.
"""

from pathlib import Path

import grpc
from absl import flags

from serving import client, tls
from tf_mt import script
from tf_mt.inference import pipe, stream, target

_SERVER = flags.DEFINE_string(
    "server", "localhost:8500", "Address of the server, HOST:PORT or unix:PATH."
)
_MODEL = flags.DEFINE_string(
    "model", None, "Name of the model on the server.", required=True
)
_DOMAIN = flags.DEFINE_string(
    "domain", None, "What to translate to; a wrong name lists all."
)
_REFERENCE = flags.DEFINE_string(
    "reference",
    None,
    "Audio file whose timbre to give the input, in the place of --domain; of a long "
    "one the model uses the beginning.",
)
_INPUT = flags.DEFINE_string(
    "input", None, "Audio file, folder of them, or - for stdin.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "WAV file to write; for a folder, the folder that receives its tree as WAV files; "
    "- for stdout.",
    required=True,
)
_DEADLINE = flags.DEFINE_float(
    "deadline_seconds", 600.0, "How long one window of audio may take.", lower_bound=0.0
)
_IN_FLIGHT = flags.DEFINE_integer(
    "in_flight", 4, "How many windows the server may have at once.", lower_bound=1
)
_RAW_RATE = flags.DEFINE_integer(
    "raw_rate_hz",
    None,
    "Of stdin and stdout: rate of raw 16-bit little-endian mono samples; without it "
    "they are WAV files.",
)
_WINDOW = flags.DEFINE_float(
    "window_seconds",
    None,
    "Of stdin and stdout: translate in windows of this length, for a shorter delay; "
    "without it they are as long as the model asks for.",
)
_TLS = flags.DEFINE_bool(
    "tls",
    False,
    "Encrypt, to a server whose certificate is signed by an authority that gRPC knows; "
    "the other flags of TLS imply it.",
)
_TLS_CA = flags.DEFINE_string(
    "tls_ca", None, "PEM file with the certificates of the authorities to trust."
)
_TLS_CERTIFICATE = flags.DEFINE_string(
    "tls_certificate",
    None,
    "PEM file with a certificate to show, to servers that want to see one.",
)
_TLS_KEY = flags.DEFINE_string(
    "tls_key", None, "PEM file with the private key of --tls_certificate."
)


def _credentials() -> grpc.ChannelCredentials | None:
    """What encrypts the connection; None if no flag asks for it."""
    files = _TLS_CA.value, _TLS_CERTIFICATE.value, _TLS_KEY.value
    if not _TLS.value and not any(files):
        return None
    return tls.credentials(*(file and Path(file) for file in files))


def main(argv: list[str]) -> int:
    """Translates; the exit code is 1 if a file of a folder could not be."""
    options = pipe.Options(_RAW_RATE.value, _WINDOW.value, _IN_FLIGHT.value)
    piped = options.wanted(_INPUT.value, _OUTPUT.value)
    with client.Client(
        _SERVER.value,
        _MODEL.value,
        _DEADLINE.value,
        _IN_FLIGHT.value,
        _credentials(),
    ) as connected:
        if piped:
            translate = target.clips(connected, _DOMAIN.value, _REFERENCE.value)
            pipe.standard(connected.info, translate, options)
            return 0
        translate = target.streaming(connected, _DOMAIN.value, _REFERENCE.value)
        failed = stream.translate_files(
            Path(_INPUT.value),
            Path(_OUTPUT.value),
            connected.info.sample_rate_hz,
            translate,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    script.run(main)
