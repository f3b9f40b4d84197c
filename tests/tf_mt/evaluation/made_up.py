"""A scorecard that looks like a real one, with examples and a picture."""

import numpy as np
from matplotlib import figure

from tf_mt.audio import files

RATE_HZ = 16_000
DOMAINS = ("violin", "flute", "trumpet")
MODELS = ("vae-gan/run 7", "umt")
BASELINES = ("truth", "copy", "resynthesis (umt)", "shuffled (umt)", "random clip")

# Title, unit, better, and the means of models and baselines; None where not defined.
METRICS = {
    "log_mel": ("log-mel", "dB", "lower", 7.91, 8.64, 0, 12.7, 4.0, 14.9, 17.2),
    "stft": ("MR-STFT", "", "lower", 1.62, 1.58, 0, 2.41, 0.93, 2.9, 3.3),
    "mfcc": ("MFCC", "", "lower", 48.1, 62.0, 0, 121.0, 22.0, 80.0, 96.0),
    "style": ("style", "", "higher", 0.61, 0.55, 0.64, 0.0, 0.63, 0.6, 1.0),
    "pitch": ("pitch", "", "higher", 0.81, 0.74, 1.0, 0.91, 0.97, 0.12, 0.09),
    "pitch_class": ("pitch class", "", "higher", 0.84, 0.79, 1, 0.92, 0.97, 0.17, 0.15),
    "notes": ("notes", "", "higher", 0.58, 0.49, 0.81, 0.8, 0.77, 0.05, 0.04),
    "onsets": ("onsets", "", "higher", 0.66, 0.71, 1.0, 0.7, 0.93, 0.21, 0.19),
    "loudness": ("loudness", "", "higher", 0.77, 0.69, 1.0, 0.73, 0.99, 0.06, -0.02),
    "chroma": ("chroma", "", "higher", 0.86, 0.85, 0.95, 1.0, 0.94, 0.55, 0.53),
    "ncc": ("NCC", "", "higher", 0.71, 0.64, 1.0, 0.93, 0.96, 0.41, 0.4),
    "cycle_ncc": ("cycle NCC", "", "higher", 0.83, 0.76, 1.0, 1.0, *3 * [None]),
    "cycle_loss": ("cycle loss", "", "lower", 0.031, 0.044, 0, 0, *3 * [None]),
    "cycle_ssim": ("cycle SSIM", "", "higher", 0.7, 0.66, 1.0, 1.0, *3 * [None]),
    "speed": ("speed", "x real time", "higher", 41.0, 6.1, *5 * [None]),
    "timbre": ("timbre", "", "lower", 0.21, 0.28, 0.06, 0.52, 0.09, 0.22, 0.05),
    "domain": ("domain", "", "higher", 0.93, 0.88, 1.0, 0.02, 0.99, 0.93, 1.0),
    "fad": ("FAD", "", "lower", 5.3, 6.7, 1.2, 19.0, 2.4, 5.6, 0.8),
}


def scorecard():
    """Two models and five baselines on eighteen metrics."""
    systems = (*MODELS, *BASELINES)
    scores, pairs = {name: {} for name in systems}, {name: {} for name in systems}
    routes = [f"{a} -> {b}" for a in DOMAINS for b in DOMAINS if a != b]
    for metric, (_, _, _, *means) in METRICS.items():
        for name, mean in zip(systems, means, strict=True):
            if mean is not None:
                half = 0.0 if mean in (0, 1) else 0.03 * abs(mean) + 0.004
                scores[name][metric] = {
                    "mean": float(mean),
                    "low": mean - half,
                    "high": mean + half,
                    "n": 240,
                }
                pairs[name][metric] = {
                    route: mean * (0.9 + 0.04 * k) for k, route in enumerate(routes)
                }
    separates = {metric: metric not in ("onsets", "speed") for metric in METRICS}
    return {
        "dataset": "scores (violin, flute, trumpet), test",
        "n": 240,
        "clip_seconds": 4.0,
        "machine": "2 cores of an x86-64 CPU",
        "embedder": {"name": "domain CNN", "reference": "train", "n": 1500},
        "systems": [
            {"name": name, "kind": "model", "about": {"steps": 40_000, "step": 1.5}}
            for name in MODELS
        ]
        + [
            {"name": name, "kind": "baseline", "about": {"what": f"the {name}"}}
            for name in BASELINES
        ],
        "metrics": [
            {
                "name": name,
                "title": title,
                "unit": unit,
                "better": better,
                "against": "truth",
                "about": f"What {title} measures (Somebody et al. 2020, eq. 3).",
            }
            for name, (title, unit, better, *_) in METRICS.items()
        ],
        "scores": scores,
        "warnings": [],
        "separates": separates,
        "pairs": pairs,
    }


def tune(seed, harmonics, seconds=4.0):
    """Some notes: float32 `[samples]`."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE_HZ) // 8) / RATE_HZ
    notes = [
        sum(np.sin(2 * np.pi * hz * k * time) / k**1.3 for k in range(1, harmonics + 1))
        for hz in 440.0 * 2.0 ** (rng.integers(-9, 12, 8) / 12)
    ]
    fade = np.minimum(1.0, 40.0 * np.minimum(time, time[::-1]))
    return (0.2 * np.concatenate([fade * note for note in notes])).astype(np.float32)


def examples(folder, count=1, seconds=4.0):
    """Sounds of source, truth, the models and a baseline, each in a file."""
    names = ("source", "truth", *MODELS, BASELINES[2])
    found = []
    for number in range(count):
        sounds = {}
        for k, name in enumerate(names):
            sounds[name] = folder / f"{number}_{k}.wav"
            files.write(sounds[name], tune(number, 1 + 2 * k, seconds), RATE_HZ)
        found.append({"title": f"piece {number}, violin -> flute", "sounds": sounds})
    return found


def pictures(folder):
    """A scatter plot."""
    page = figure.Figure(figsize=(5, 4))
    page.subplots().scatter(*np.random.default_rng(0).normal(size=(2, 200)), s=4)
    page.savefig(folder / "codes.png")
    return {"Content codes by t-SNE": folder / "codes.png"}
