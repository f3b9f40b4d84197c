"""What an evaluation leaves behind: scores, a table, a picture."""

import json
from pathlib import Path

import numpy as np

from tf_mt import atomic
from tf_mt.audio import files
from tf_mt.evaluation import paired, plots

ROWS = 4


def write(
    scores: list[paired.Score],
    test: dict[str, dict[str, np.ndarray]],
    sample_rate_hz: int,
    folder: Path,
) -> paired.Table:
    """Writes `scores.json`, `table.md` and `picture.png`.

    Args:
        scores: Of translations that `paired.evaluate` left in `folder / "audio"`.
        test: The pieces that were translated.
        sample_rate_hz: The rate of all audio.
        folder: Where to write.

    Returns:
        The table.
    """
    table = paired.tabulate(scores)
    with atomic.path(folder / "scores.json") as temporary:
        temporary.write_text(json.dumps([score._asdict() for score in scores]))
    with atomic.path(folder / "table.md") as temporary:
        temporary.write_text(table.markdown())
    piece, played = next(iter(test.items()))
    examples = []
    for source, target in _ring(table.domains)[:ROWS]:
        path = folder / "audio" / piece / f"{source}_to_{target}.wav"
        translated = files.read(path, sample_rate_hz)
        examples.append(
            plots.Example(source, target, played[source], translated, played[target])
        )
    plots.examples(examples, sample_rate_hz, folder / "picture.png")
    return table


def _ring(domains: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs each domain with the next, the last with the first."""
    return list(zip(domains, domains[1:] + domains[:1], strict=True))
