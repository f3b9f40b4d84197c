"""A small test set of synthetic instruments, and models that translate between them."""

import dataclasses

import numpy as np

RATE_HZ = 16000
SECONDS = 3.0
# How strong each instrument's partials are.
PARTIALS = {
    "bell": (1.0, 0.0, 0.5, 0.0, 0.3),
    "horn": (1.0, 0.6, 0.3, 0.1),
    "reed": (0.3, 0.1, 1.0, 0.2, 0.8, 0.1),
}


@dataclasses.dataclass(frozen=True)
class Entry:
    domain: str
    recording: str
    piece: str
    samples: int


def melody(piece):
    """Six notes; the same for the same piece."""
    rng = np.random.default_rng(sum(piece.encode()))
    notes = np.zeros(
        6, [("onset_seconds", "f8"), ("duration_seconds", "f8"), ("pitch", "i4")]
    )
    notes["onset_seconds"] = 0.05 + np.arange(6) * 0.48
    notes["duration_seconds"] = 0.4
    notes["pitch"] = rng.integers(57, 72, 6)
    return notes


def render(piece, domain):
    time = np.arange(round(0.4 * RATE_HZ)) / RATE_HZ
    audio = np.zeros(round(SECONDS * RATE_HZ), np.float32)
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.02)
    for onset, _, pitch in melody(piece).tolist():
        hz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(
            strength * np.sin(2 * np.pi * hz * (number + 1) * time)
            for number, strength in enumerate(PARTIALS[domain])
        )
        start = round(onset * RATE_HZ)
        audio[start : start + len(time)] += (0.15 * fade * tone).astype(np.float32)
    return audio


class Recordings:
    """Has what the reader of a dataset has."""

    def __init__(self, pieces, paired=True):
        samples = round(SECONDS * RATE_HZ)
        self.reads = 0
        self.entries = [
            Entry(domain, f"{piece}/{domain}", piece if paired else "", samples)
            for piece in pieces
            for domain in PARTIALS
        ]

    def audio(self, entry, start=0, samples=None):
        self.reads += 1
        piece = entry.recording.rpartition("/")[0]
        return render(piece, entry.domain)[start : start + samples]

    def notes(self, entry):
        return melody(entry.recording.rpartition("/")[0])
