"""The systems that commands compare, each with a name and what tells it from others."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tf_mt.inference import bundle, gram_transfer, live, system
from tf_mt.training import run

Named = tuple[str, str, system.System]


def systems(
    runs: Sequence[str], bundles: Sequence[str], grams: Sequence[str], iterations: int
) -> Iterator[Named]:
    """Opens runs and bundles.

    Args:
        runs: Folders of runs, whose newest weights translate.
        bundles: Folders of bundles.
        grams: Folders of runs of the VQ-VAE, for transfer by Gram matrices.
        iterations: The most iterations of such a transfer, for each window.

    Yields:
        Name, identity and system of each: the identity changes with the weights.

    Raises:
        ValueError: One is damaged, or cannot do it.
        FileNotFoundError: One is not there.
    """
    for path in map(Path, runs):
        yield path.resolve().name, f"run {_of_run(path)}", live.Live(path)
    for path in map(Path, bundles):
        loaded = bundle.Bundle(path)
        files = sorted(one for one in loaded.folder.rglob("*") if one.is_file())
        yield loaded.folder.parent.name, f"bundle {_digest(files)}", loaded
    for path in map(Path, grams):
        identity = f"gram {iterations} {_of_run(path)}"
        yield (
            f"{path.resolve().name} gram",
            identity,
            gram_transfer.GramTransfer(path, iterations),
        )


def _of_run(path: Path) -> str:
    return _digest([path / "config.json", run.Run(path).weights()])


def _digest(files: Iterable[Path]) -> str:
    """A hash of the content of files, so that other weights are another system."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
