"""Explores the latent space of a trained VAE-GAN: samples, interpolations.

Example: python -m tf_mt.explore --run=RUN --domain=flute --out=explored --points=4
"""

from pathlib import Path

import numpy as np
from absl import flags

from tf_mt import script, startup
from tf_mt.audio import files
from tf_mt.evaluation.report import contact_sheet

with startup.quiet():
    from tf_mt.inference import latent_space
    from tf_mt.models.vae_gan import model as vae_gan

FLAGS = flags.FLAGS

flags.DEFINE_string("run", None, "Run whose newest weights are used.", required=True)
flags.DEFINE_string(
    "domain", None, "Domain to decode to; a wrong name lists all.", required=True
)
flags.DEFINE_string("out", None, "Folder for WAV files and picture.png.", required=True)
flags.DEFINE_integer(
    "points", None, "Decodes so many codes drawn from the prior.", lower_bound=1
)
flags.DEFINE_integer("seed", 0, "Seed of the random codes.", lower_bound=0)
flags.DEFINE_string("from", None, "Audio file at the start of an interpolation.")
flags.DEFINE_string(
    "to",
    None,
    "Audio file to end with: the codes are interpolated linearly, and once more "
    "spherically.",
)
flags.DEFINE_string(
    "blend_domain", None, "Domain to end with: --domain is interpolated to it."
)
flags.DEFINE_integer(
    "steps",
    5,
    "Points of an interpolation, both ends included.",
    lower_bound=2,
    upper_bound=101,
)
flags.DEFINE_float(
    "seconds",
    4.0,
    "Length of the audio of a random code, and of what is read of each file.",
    lower_bound=0.1,
)
flags.mark_flags_as_mutual_exclusive(["points", "from"], required=True)


def main(argv: list[str]) -> None:
    """Explores as the flags say."""
    if FLAGS.points and (FLAGS.to or FLAGS.blend_domain):
        raise ValueError("points go without --to and --blend_domain.")
    if not (FLAGS.points or FLAGS.to or FLAGS.blend_domain):
        raise ValueError("from needs an end: give --to, --blend_domain, or both.")
    model = latent_space.load(Path(FLAGS.run))
    folder, rate_hz = Path(FLAGS.out), model.info.sample_rate_hz
    rows = _sounds(model)
    for row, sounds in rows.items():
        for title, audio in sounds.items():
            files.write(folder / f"{row}_{title}.wav", audio, rate_hz)
    contact_sheet.draw(rows, rate_hz, folder / "picture.png")
    print(f"Sound: {folder}/*.wav. Picture: {folder / 'picture.png'}.")


def _sounds(model: vae_gan.VaeGan) -> dict[str, dict[str, np.ndarray]]:
    start_domain = latent_space.domain_number(model, FLAGS.domain)
    if FLAGS.points:
        sounds = latent_space.points(
            model, start_domain, FLAGS.points, FLAGS.seconds, FLAGS.seed
        )
        return {"point": sounds}
    end_domain = latent_space.domain_number(model, FLAGS.blend_domain or FLAGS.domain)
    domains = start_domain, end_domain
    start = latent_space.read(model, Path(FLAGS["from"].value), FLAGS.seconds)
    if not FLAGS.to:
        clips = start, start
        return {
            "blend": latent_space.interpolate(
                model, latent_space.linear, clips, domains, FLAGS.steps
            )
        }
    clips = start, latent_space.read(model, Path(FLAGS.to), FLAGS.seconds)
    return {
        name: latent_space.interpolate(
            model, interpolation, clips, domains, FLAGS.steps
        )
        for name, interpolation in latent_space.INTERPOLATIONS.items()
    }


if __name__ == "__main__":
    script.run(main)
