"""Script that converts a dataset, any of those that this package knows.

Example: python -m pipelines.convert --dataset=scores --data_dir=data
"""

from absl import flags

from tf_mt import script, startup

DATASET = flags.DEFINE_string(
    "dataset",
    None,
    "The dataset to make: audio_folder, irmas, musicnet, nsynth or scores.",
    required=True,
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "The folder that datasets are kept in.", required=True
)
CONFIG = flags.DEFINE_string(
    "config",
    None,
    "The variant of the dataset; scores: unpaired (default) or paired; musicnet: umt "
    "(default), cpc, lord or custom; irmas: full (default) or piano_guitar; nsynth: "
    "full (default), a family (string) or a family of a source (keyboard_acoustic).",
)
OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Whether to make a dataset again that is already there."
)
BEAM_OPTIONS = flags.DEFINE_string(
    "beam_options",
    None,
    "Options of Apache Beam, with spaces between them, to make the dataset on Beam's "
    "workers; source and data_dir have to be visible to all of them.",
)

# What follows are the settings of the datasets; without a value, the dataset's own
# default holds. A setting that a dataset does not have is refused.
SETTINGS = [
    flags.DEFINE_string(
        "source",
        None,
        "The folder to read: for audio_folder, one with a folder of recordings for "
        "each domain; for scores, one of MIDI files; for the published datasets, the "
        "one that their archives were unpacked in.",
    ),
    flags.DEFINE_integer("sample_rate", None, "Samples per second to store."),
    flags.DEFINE_bool(
        "skip_bad_files",
        None,
        "Whether to go on without files that cannot be read, if they are at most half "
        "of all.",
    ),
    flags.DEFINE_multi_string(
        "domain",
        None,
        "musicnet: a domain and the columns of the metadata that select it, such as "
        "'Bach Piano=ensemble:Solo Piano,composer:Bach'; may be repeated.",
    ),
    flags.DEFINE_enum(
        "domain_by",
        None,
        ["family", "source", "family_source", "instrument"],
        "nsynth: what a domain is.",
    ),
    flags.DEFINE_integer("min_pitch", None, "nsynth: the lowest MIDI pitch to take."),
    flags.DEFINE_integer("max_pitch", None, "nsynth: the highest MIDI pitch to take."),
    flags.DEFINE_bool(
        "exclude_drums",
        None,
        "irmas: whether to leave out training excerpts that are tagged to have drums.",
    ),
    flags.DEFINE_string(
        "corpus", None, "scores: a composer in music21's corpus, if no source is given."
    ),
    flags.DEFINE_integer(
        "max_scores",
        None,
        "scores: the most scores to use, chosen by a hash of their names; 0 for all. "
        "All of Bach's chorales rendered by every instrument last 100 hours.",
    ),
    flags.DEFINE_integer(
        "studies",
        None,
        "scores: so many generated studies are added: scales, arpeggios, runs, dances, "
        "leaps; with --voices=together or both double stops and pedalled chords, too.",
        lower_bound=0,
    ),
    flags.DEFINE_list(
        "domains", None, "scores: the instruments, as General MIDI names them."
    ),
    flags.DEFINE_list(
        "heard_domains",
        None,
        "scores, with --config=paired: instruments that play training pieces as well, "
        "as sources only: models hear them and are not translated to them; all: every "
        "other one of the players whose pitch is clear.",
    ),
    flags.DEFINE_multi_string(
        "soundfont",
        None,
        "scores: the SF2 or SF3 file to render with; may be repeated: each is a "
        "player, and a recording has one of them.",
    ),
    flags.DEFINE_multi_string(
        "notes",
        None,
        "scores: a folder of single notes of real instruments to render with; the "
        "domains are its folders; may be repeated, and be given beside soundfonts.",
    ),
    flags.DEFINE_enum(
        "voices",
        None,
        ["separate", "together", "both"],
        "scores: whether each part of a score is a piece, all parts are one, or both.",
    ),
    flags.DEFINE_bool(
        "common_range",
        None,
        "scores: whether instruments are limited to the pitches that all of them have.",
    ),
    flags.DEFINE_integer(
        "renditions", None, "scores: the performances of each piece for training."
    ),
    flags.DEFINE_integer("test_pieces", None, "scores: the most pieces in test."),
    flags.DEFINE_integer("seed", None, "scores: the seed of the performances."),
]


def main(argv: list[str]) -> None:
    """Makes the dataset that the flags describe."""
    del argv
    # Here, so that the processes this one starts need not load TensorFlow.
    with startup.quiet():
        from pipelines import conversion

    conversion.convert(
        DATASET.value,
        DATA_DIR.value,
        config=CONFIG.value,
        settings={f.name: f.value for f in SETTINGS if f.value is not None},
        overwrite=OVERWRITE.value,
        beam_options=BEAM_OPTIONS.value,
    )


if __name__ == "__main__":
    script.run(main)
