"""Translates audio files of any length in this process, without a server.

Example: python -m tf_mt.translate --domain=cello --input=my.mp3 --output=cello.wav

With `--input=- --output=-` audio is translated from stdin to stdout while it comes.
"""

from pathlib import Path

from absl import flags

from tf_mt import script, startup
from tf_mt.inference import pipe, pretrained, stream, target, threads

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
flags.DEFINE_string(
    "input", None, "Audio file, folder of them, or - for stdin.", required=True
)
flags.DEFINE_string(
    "output",
    None,
    "WAV file to write; for a folder, the folder that receives its tree as WAV files; "
    "- for stdout.",
    required=True,
)
flags.DEFINE_integer(
    "raw_rate_hz",
    None,
    "Of stdin and stdout: rate of raw 16-bit little-endian mono samples; without it "
    "they are WAV files.",
)
flags.DEFINE_float(
    "window_seconds",
    None,
    "Of stdin and stdout: translate in windows of this length, for a shorter delay; "
    "without it they are as long as the model asks for.",
)


def main(argv: list[str]) -> int:
    """Translates; the exit code is 1 if a file of a folder could not be."""
    options = pipe.Options(FLAGS.raw_rate_hz, FLAGS.window_seconds)
    piped = options.wanted(FLAGS.input, FLAGS.output)
    threads.limit()
    translating = bundle.Bundle(Path(FLAGS.bundle))
    if piped:
        clips = target.clips(translating, FLAGS.domain, FLAGS.reference)
        pipe.standard(translating.info, clips, options)
        return 0
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
