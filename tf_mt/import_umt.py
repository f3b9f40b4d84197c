"""Imports checkpoints of facebookresearch/music-translation as a run."""

from pathlib import Path

from absl import flags

from tf_mt import script, startup

with startup.quiet():
    from tf_mt.importers import umt

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "checkpoints",
    None,
    "Folder with args.pth and <name>_<id>.pth, one for each decoder.",
    required=True,
)
flags.DEFINE_list(
    "domains",
    None,
    "Names of the decoders' domains, in order of their ids. The published ones were "
    "trained on bach_cello, beethoven_piano, cambini_winds, bach_piano, "
    "beethoven_violin, beethoven_quartet.",
    required=True,
)
flags.DEFINE_string("run", None, "New folder for the run.", required=True)
flags.DEFINE_string("name", "lastmodel", "The <name> of the files.")
flags.DEFINE_integer("sample_rate", 16000, "What they were trained on, in Hz.", 1)


def main(argv: list[str]) -> None:
    """Imports as the flags say."""
    found = umt.find(Path(FLAGS.checkpoints), FLAGS.name)
    corpora = umt.make_run(found, FLAGS.domains, FLAGS.sample_rate, Path(FLAGS.run))
    for domain, path, data in zip(FLAGS.domains, found.values(), corpora, strict=True):
        print(f"{domain}: {path.name}, trained on {data}")
    print(
        f"licence: {umt.LICENCE}, as published: neither the weights nor "
        "what is made with them\nmay be used commercially, and both have to name the "
        "authors."
    )
    print(f"Next: python -m tf_mt.export --run={FLAGS.run} --out=bundles")


if __name__ == "__main__":
    script.run(main)
