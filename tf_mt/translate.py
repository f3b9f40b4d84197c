"""Translates audio files of any length in this process, without a server.

Example: python -m tf_mt.translate --domain=cello --input=my.mp3 --output=cello.wav

With `--input=- --output=-` audio is translated from stdin to stdout while it comes.
"""

from importlib.util import find_spec
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
flags.DEFINE_string(
    "picture",
    None,
    "PNG to write with the spectrograms of one file and of its translation.",
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
    source, output = Path(FLAGS.input), Path(FLAGS.output)
    options = pipe.Options(FLAGS.raw_rate_hz, FLAGS.window_seconds)
    piped = options.wanted(FLAGS.input, FLAGS.output)
    if FLAGS.picture is not None:
        _check_picture(source)
    threads.limit()
    translating = bundle.Bundle(Path(FLAGS.bundle))
    if piped:
        clips = target.clips(translating, FLAGS.domain, FLAGS.reference)
        pipe.standard(translating.info, clips, options)
        return 0
    translate = target.streaming(translating, FLAGS.domain, FLAGS.reference)
    rate_hz = translating.info.sample_rate_hz
    failed = stream.translate_files(source, output, rate_hz, translate)
    if FLAGS.picture is not None:
        from tf_mt.evaluation.report import translation_picture

        written = stream.find_targets(source, output)[source]
        translation_picture.draw(source, written, rate_hz, Path(FLAGS.picture))
    return 1 if failed else 0


def _check_picture(source: Path) -> None:
    if not source.is_file():
        raise ValueError(
            f"picture={FLAGS.picture!r} is of one file, but input={FLAGS.input!r} is "
            "not one."
        )
    if not (find_spec("matplotlib") and find_spec("librosa")):
        raise ValueError(
            f"picture={FLAGS.picture!r} needs matplotlib and librosa: "
            "pip install 'tf_mt[app]'."
        )


if __name__ == "__main__":
    script.run(main)
