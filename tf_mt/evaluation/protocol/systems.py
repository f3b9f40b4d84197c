"""The systems that are scored, each on translation, one-shot transfer or both."""

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tf_mt.inference import system as inference_system

TRANSLATION, TRANSFER = "translation", "transfer"


class ScoredSystem(NamedTuple):
    """A system with its name in the report.

    Attributes:
        name: In the scorecard.
        identity: What distinguishes it from others of its name: a hash of its weights,
            or a server's address and version.
        system: What translates: a live run, a bundle, or a client of a server.
        info: What the system says of itself.
        modes: What is scored: `TRANSLATION` to known domains, one-shot `TRANSFER` from
            a reference clip, or both.
    """

    name: str
    identity: str
    system: inference_system.System
    info: inference_system.Info
    modes: tuple[str, ...]

    def row_name(self, mode: str) -> str:
        """The name of the scorecard's row of a mode."""
        return self.name if mode == TRANSLATION else f"{self.name} (transfer)"

    def run(
        self, mode: str, audio: np.ndarray, domain: str, reference: np.ndarray
    ) -> np.ndarray:
        """Translates a recording, or transfers the timbre of a reference to it.

        Args:
            mode: One of `modes`.
            audio: float32 `[samples]`.
            domain: The target, for a translation.
            reference: float32 `[any]`, a clip of the target, for a transfer.

        Returns:
            float32 `[samples]`.
        """
        if mode == TRANSLATION:
            return _joined(self.system.translate_stream([audio], domain))
        return _joined(self.system.transfer_stream([audio], reference))

    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """Analysis and synthesis of a recording: float32 `[samples]` of the same."""
        return _joined(self.system.resynthesise_stream([audio]))


def _joined(blocks: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(blocks))


def check(
    named: Iterable[tuple[str, str, inference_system.System]],
    domains: Sequence[str],
    transfer: bool,
) -> list[ScoredSystem]:
    """Finds what each system can be scored on.

    Args:
        named: Name, identity and system of each.
        domains: The domains of the dataset.
        transfer: Whether one-shot transfer is scored, too. Then a system takes part
            that either knows all domains or can transfer; else all domains must be
            known.

    Returns:
        The systems with their modes.

    Raises:
        ValueError: A system can do neither, or none can transfer.
    """
    questions = {TRANSLATION: functools.partial(_check_domains, domains)}
    if transfer:
        questions[TRANSFER] = lambda system: system.check_transfer()
    systems, refusals = [], []
    for name, identity, system in named:
        infos = {}
        for mode, ask in questions.items():
            try:
                infos[mode] = ask(system)
            except ValueError as error:
                refusals.append(error)
        if not infos:
            raise ValueError(f"{name!r} cannot be scored: {refusals[-1]}")
        info = next(iter(infos.values()))
        systems.append(ScoredSystem(name, identity, system, info, tuple(infos)))
    if transfer and not any(TRANSFER in one.modes for one in systems):
        raise ValueError(f"no system can be scored on transfer: {refusals[-1]}")
    return systems


def _check_domains(
    domains: Sequence[str], system: inference_system.System
) -> inference_system.Info:
    for domain in domains:
        info = system.check_domain(domain)
    return info
