"""Systems made of functions, with the methods of `tf_mt.inference.system.System`."""

import types

import numpy as np

from tests.tf_mt.evaluation import synthetic
from tf_mt import names
from tf_mt.evaluation.protocol import systems


class System:
    """Translates, transfers, or both.

    Args:
        translate: Of a recording and a domain; None if it knows no domain.
        resynthesise: Of a recording.
        codes: Of clips; None if it has no content vectors.
        transfer: Of a recording and a reference; None if it cannot.
    """

    def __init__(
        self,
        translate=None,
        resynthesise=lambda audio: audio,
        codes=None,
        transfer=None,
    ):
        self._translate = translate
        self._resynthesise = resynthesise
        self._codes = codes
        self._transfer = transfer
        self.info = types.SimpleNamespace(
            domains=tuple(synthetic.PARTIALS) if translate else (),
            sample_rate_hz=synthetic.RATE_HZ,
            window_samples=synthetic.RATE_HZ // 2,
            parameters=3,
            reference_samples=synthetic.RATE_HZ if transfer else 0,
        )

    def check_domain(self, domain):
        if not self.info.domains:
            raise ValueError("it knows no domains.")
        if domain not in self.info.domains:
            raise ValueError(names.unknown("domain", domain, self.info.domains))
        return self.info

    def check_transfer(self):
        if not self.info.reference_samples:
            raise ValueError(f"it translates to {self.info.domains} only.")
        return self.info

    def translate_stream(self, blocks, domain):
        yield self._translate(np.concatenate(list(blocks)), domain)

    def transfer_stream(self, blocks, reference):
        yield self._transfer(np.concatenate(list(blocks)), reference)

    def resynthesise_stream(self, blocks):
        yield self._resynthesise(np.concatenate(list(blocks)))

    def codes(self, audio):
        if self._codes is None:
            raise ValueError("it has no content vectors.")
        return self._codes(audio)


def scored(name, *given, **known):
    """A system as it is scored, in all that it can do."""
    system = System(*given, **known)
    modes = [systems.TRANSLATION] if system.info.domains else []
    modes += [systems.TRANSFER] if system.info.reference_samples else []
    return systems.ScoredSystem(name, f"{name} 1", system, system.info, tuple(modes))
