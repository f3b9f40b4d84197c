"""Writes IRMAS in small: the published folders and names, with tones for music."""

import itertools

import numpy as np
import soundfile

RATE_HZ = 44100
SECONDS = 0.1

INSTRUMENTS = (
    *("cel", "cla", "flu", "gac", "gel", "org"),
    *("pia", "sax", "tru", "vio", "voi"),
)
GENRES = ("cla", "pop_roc", "jaz_blu", "cou_fol", "lat_sou")
# What is in front of the tag of the genre.
STARTS = (
    *("{count:03d}__[{instrument}][nod]", "[{instrument}]"),
    *("{count:03d}__[{instrument}][dru]", "[{instrument}]"),
)

# The testing data: what is in a text file, by the path of an excerpt.
TESTING = {
    "IRMAS-TestingData-Part1/Part1/01 - Três raças-9": "gac\t\nvoi\t\n",
    "IRMAS-TestingData-Part1/Part1/02 - And It Will-8": "gel\t\nvoi\t\n",
    "IRMAS-TestingData-Part2/IRTestingData-Part2/Revue #4 [live] - Air-12": "pia\t\n",
    "IRMAS-TestingData-Part3/Part3/10 - Suite No. 3, BWV 808 (Bàrd) (1)-1": "org\t\n",
}


def tone(path, hz=440.0, seconds=SECONDS):
    """Writes a stereo file as IRMAS has them, the right channel silent."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    left = 0.5 * np.sin(2 * np.pi * hz * time)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.stack([left, 0 * left], axis=1), RATE_HZ, "PCM_16")


def write(folder, instruments=INSTRUMENTS, recordings=6, excerpts=2, testing=TESTING):
    """Writes a tree; two recordings of each instrument are those of the next one, too.

    Args:
        folder: Where the archives would be unpacked.
        instruments: The folders of the training data.
        recordings: The recordings of each.
        excerpts: The files of each recording.
        testing: The testing data, as `TESTING`.

    Returns:
        The folder.
    """
    for place, instrument in enumerate(instruments):
        tags = zip(itertools.cycle(STARTS), itertools.cycle(GENRES))
        for count, (start, genre) in enumerate(itertools.islice(tags, recordings), 1):
            number = place * (recordings - 2) + count
            start = start.format(count=count, instrument=instrument)
            for excerpt in range(1, excerpts + 1):
                name = f"{start}[{genre}]{number:04d}__{excerpt}.wav"
                path = folder / "IRMAS-TrainingData" / instrument / name
                tone(path, 200 + 100 * place + 10 * count + excerpt)
    for name, text in testing.items():
        tone(folder / f"{name}.wav", seconds=2 * SECONDS)
        (folder / f"{name}.txt").write_text(text)
    return folder
