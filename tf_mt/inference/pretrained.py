"""Where the trained model is that travels with the package."""

from pathlib import Path

BUNDLE = Path(__file__).parents[1] / "pretrained" / "harmonics"
