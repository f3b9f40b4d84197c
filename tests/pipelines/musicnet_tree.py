"""Writes tiny trees in the layout that MusicNet is published in."""

import csv
import pathlib

import numpy as np
import soundfile

RATE_HZ = 44100

# Of the published table, by composer and ensemble: four recordings of each domain of
# the configuration umt, and some of others.
RECORDINGS = {
    ("Beethoven", "Accompanied Violin"): (2330, 2335, 2466, 2628),
    ("Bach", "Solo Cello"): (2217, 2218, 2293, 2298),
    ("Bach", "Solo Piano"): (2195, 2196, 2303, 2308),
    ("Beethoven", "Solo Piano"): (2343, 2532, 2556, 2678),
    ("Beethoven", "String Quartet"): (2382, 2403, 2433, 2494),
    ("Cambini", "Wind Quintet"): (2075, 2076, 2078, 2083),
    ("Bach", "Solo Violin"): (2186, 2191, 2241),
    ("Schubert", "Solo Piano"): (1733, 1759),
    ("Brahms", "String Sextet"): (2155,),
}

# Those of them that are published in test_data and test_labels.
TEST = (1759, 2191, 2298, 2303, 2382, 2556, 2628)

COLUMNS = (
    *("id", "composer", "composition", "movement", "ensemble", "source"),
    *("transcriber", "catalog_name", "seconds"),
)
LABEL_COLUMNS = "start_time,end_time,instrument,note,start_beat,end_beat,note_value"

# Start and end in samples, instrument from 1, pitch.
NOTES = ((4410, 12000, 1, 48), (0, 8000, 43, 53), (4410, 11025, 43, 60))


def write(folder, seconds=0.3):
    """Writes the four folders and the table, with a tone and `NOTES` for each row.

    Returns:
        The folder.
    """
    folder = pathlib.Path(folder)
    for name in ("train_data", "train_labels", "test_data", "test_labels"):
        (folder / name).mkdir(parents=True)
    rows = table(seconds)
    write_metadata(folder / "musicnet_metadata.csv", rows)
    for number, (recording, *_) in enumerate(rows):
        write_tone(wav(folder, recording), seconds, hz=200 + 10 * number)
        write_labels(labels(folder, recording), NOTES)
    return folder


def table(seconds=0.3):
    """The rows of the table, with what is hard to read: commas and other letters."""
    return [
        (
            *(recording, composer, "WTK I, No. 3: Prelude", "2. Andante, ma moderato"),
            *(ensemble, "Neal O\u2019Doan", "suzumidi", "BWV848", round(seconds)),
        )
        for (composer, ensemble), recordings in RECORDINGS.items()
        for recording in recordings
    ]


def wav(folder, recording):
    part = "test" if recording in TEST else "train"
    return pathlib.Path(folder) / f"{part}_data" / f"{recording}.wav"


def labels(folder, recording):
    part = "test" if recording in TEST else "train"
    return pathlib.Path(folder) / f"{part}_labels" / f"{recording}.csv"


def write_metadata(path, rows):
    """Writes the table as it is published: all that is text is in quotes."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerows([COLUMNS, *rows])


def write_tone(path, seconds, hz=440.0):
    """Writes a tone of float32 samples at 44.1 kHz."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = 0.5 * np.sin(2 * np.pi * hz * time)
    soundfile.write(path, tone.astype(np.float32), RATE_HZ, "FLOAT")


def write_labels(path, notes):
    """Writes notes such as `NOTES`."""
    rows = [",".join(map(str, note)) + ",4.0,1.5,Dotted Quarter" for note in notes]
    path.write_text("\n".join([LABEL_COLUMNS, *rows]) + "\n")
