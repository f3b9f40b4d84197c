"""Imports the published VQ-VAE of openai/jukebox as a run of the approach vqvae."""

from pathlib import Path

from absl import flags

from tf_mt import script, startup

with startup.quiet():
    from tf_mt.importers import jukebox

FLAGS = flags.FLAGS

flags.DEFINE_string("checkpoint", None, "The file vqvae.pth.tar.", required=True)
flags.DEFINE_string("run", None, "New folder for the run.", required=True)
flags.DEFINE_integer("sample_rate", 44_100, "What it was trained on, in Hz.", 1)


def main(argv: list[str]) -> None:
    """Imports as the flags say."""
    checkpoint, folder = Path(FLAGS.checkpoint), Path(FLAGS.run)
    model = jukebox.make_run(checkpoint, FLAGS.sample_rate, folder)
    hops = [model.hparams.hop(level) for level in range(model.hparams.levels)]
    print(f"Levels whose features stand for {', '.join(map(str, hops))} samples.")
    print(
        f"licence: {jukebox.LICENCE}: neither the weights nor what is made with them\n"
        "may be used commercially."
    )
    print(f"Next: python -m tf_mt.export --run={folder} --out=bundles --method=adain")


if __name__ == "__main__":
    script.run(main)
