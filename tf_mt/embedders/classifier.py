"""Networks that classify a dataset's domains, and the folder that keeps a trained one.

```
embedder.json     what it says of itself: `About`
model.weights.h5  the weights
```
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from tf_mt import atomic, names, weights_file
from tf_mt.embedders import cnn, cp_resnet

Network = cnn.Network | cp_resnet.Network

# By name: the class of each, and what a report calls it.
ARCHITECTURES = {
    "cnn": (cnn.Network, "CNN"),
    "cp_resnet": (cp_resnet.Network, "CP-ResNet"),
}

ABOUT = "embedder.json"
WEIGHTS = "model.weights.h5"


@dataclasses.dataclass(frozen=True)
class About:
    """What a trained network says of itself.

    Attributes:
        architecture: Which of `ARCHITECTURES`.
        sizes: What its class takes besides the number of domains.
        front: The settings of the log-mel spectrogram that it takes, as
            `spectrogram.LogMel` takes them.
        frames: Of the windows that it was trained on.
        dataset: Name of the dataset that it was trained on.
        domains: Names of the domains that it classifies.
        steps: How long it was trained.
        seed: Of the training.
        validation_accuracy: Share of clips of the validation split named right.
        test_accuracy: The same of the test split.
    """

    architecture: str
    sizes: dict[str, int]
    front: dict[str, Any]
    frames: int
    dataset: str
    domains: tuple[str, ...]
    steps: int
    seed: int
    validation_accuracy: float
    test_accuracy: float

    @property
    def title(self) -> str:
        """What a report calls the architecture."""
        return ARCHITECTURES[self.architecture][1]

    @property
    def seconds(self) -> float:
        """Length of a window."""
        return self.frames * self.front["hop"] / self.front["sample_rate_hz"]


def make(architecture: str, domains: int, sizes: dict[str, int]) -> Network:
    """Makes an untrained network.

    Args:
        architecture: Which of `ARCHITECTURES`.
        domains: How many it tells apart.
        sizes: What its class takes besides.

    Raises:
        ValueError: There is no such architecture; the message lists those there are.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(names.unknown("architecture", architecture, ARCHITECTURES))
    return ARCHITECTURES[architecture][0](domains, **sizes)


def save(folder: Path, about: About, network: Network) -> None:
    """Writes a trained network to a new folder, whole or not at all."""
    with atomic.path(folder) as temporary:
        temporary.mkdir()
        text = json.dumps(dataclasses.asdict(about), indent=2)
        (temporary / ABOUT).write_text(text + "\n")
        weights_file.save(network, temporary / WEIGHTS)


def load(folder: Path) -> tuple[About, Network]:
    """Reads what `save` wrote.

    Raises:
        FileNotFoundError: The folder holds no network.
        ValueError: The network there is of another version of this package.
    """
    if not (folder / ABOUT).exists():
        raise FileNotFoundError(
            f"embedder={str(folder)!r} holds no {ABOUT}; give a folder that "
            "`python -m tf_mt.train_embedder --out` made."
        )
    stored = json.loads((folder / ABOUT).read_text())
    if set(stored) != {field.name for field in dataclasses.fields(About)}:
        raise ValueError(
            f"embedder={str(folder)!r} was trained by another version of tf_mt; train "
            "it again with `python -m tf_mt.train_embedder`."
        )
    about = About(**stored | {"domains": tuple(stored["domains"])})
    network = make(about.architecture, len(about.domains), about.sizes)
    network.load_weights(folder / WEIGHTS)
    return about, network
