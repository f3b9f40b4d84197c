"""The target of a translation: a known domain, or the timbre of a reference clip."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from tf_mt.audio import files
from tf_mt.inference import system


def streaming(
    translating: system.System, domain: str | None, reference: str | None
) -> Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]:
    """Chooses how recordings are translated, by the flags of a command.

    Args:
        translating: What translates.
        domain: The flag `--domain`, a name that the system knows.
        reference: The flag `--reference`, an audio file; of a long one the model
            uses the beginning.

    Returns:
        Makes float32 `[any]` blocks of the float32 `[any]` blocks of a recording.

    Raises:
        ValueError: Not exactly one of the two is given, the system cannot do it, or
            the reference is not audio.
        FileNotFoundError: There is no such reference.
    """
    clip = _reference(translating, domain, reference)
    if clip is None:
        return functools.partial(translating.translate_stream, domain=domain)
    return functools.partial(translating.transfer_stream, reference=clip)


def clips(
    translating: system.System, domain: str | None, reference: str | None
) -> Callable[[np.ndarray], np.ndarray]:
    """Chooses how clips are translated, by the flags of a command; see `streaming`.

    Returns:
        Makes float32 `[1, samples]` of float32 `[1, samples]`.
    """
    clip = _reference(translating, domain, reference)
    if clip is None:
        return functools.partial(translating.translate, domain=domain)
    timbre = translating.timbre_of(clip[np.newaxis])
    return functools.partial(translating.decode_to, timbre=timbre)


def _reference(
    translating: system.System, domain: str | None, reference: str | None
) -> np.ndarray | None:
    """What the model uses of the reference; None if the target is a domain."""
    if (domain is None) == (reference is None):
        raise ValueError(
            f"domain={domain!r} and reference={reference!r}: give exactly one of "
            "--domain and --reference."
        )
    if domain is not None:
        translating.check_domain(domain)
        return None
    info = translating.check_transfer()
    # One block is all that the model uses.
    with contextlib.closing(
        files.blocks(Path(reference), info.sample_rate_hz, info.reference_samples)
    ) as blocks:
        return next(blocks)
