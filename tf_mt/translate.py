"""Translates audio files of any length in this process, without a server.

Example: python -m tf_mt.translate --domain=cello --input=my.mp3 --output=cello.wav
"""

from pathlib import Path

from absl import flags

from tf_mt import script, startup
from tf_mt.inference import pretrained, stream, target, threads

with startup.quiet():
    from tf_mt.inference import bundle

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "bundle",
    str(pretrained.BUNDLE),
    "Bundle to translate with; the one of the package.",
)
flags.DEFINE_string("domain", None, "What to translate to; a wrong name lists all.")
flags.DEFINE_string(
    "reference",
    None,
    "Audio file whose timbre the translation is to have, instead of a domain's.",
)
flags.DEFINE_string("input", None, "Audio file, or folder of them.", required=True)
flags.DEFINE_string(
    "output",
    None,
    "WAV file to write; for a folder, the folder that receives its tree as WAV files.",
    required=True,
)


def main(argv: list[str]) -> int:
    """Translates; the exit code is 1 if a file of a folder could not be."""
    threads.limit()
    translating = bundle.Bundle(Path(FLAGS.bundle))
    translate = target.streaming(translating, FLAGS.domain, FLAGS.reference)
    failed = stream.translate_files(
        Path(FLAGS.input),
        Path(FLAGS.output),
        translating.info.sample_rate_hz,
        translate,
    )
    return 1 if failed else 0


if __name__ == "__main__":
    script.run(main)
