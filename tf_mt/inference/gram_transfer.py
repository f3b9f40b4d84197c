"""Transfer by Gram matrices of a VQ-VAE behind the interface of `System`.

Each window is an optimisation of its own, so this is offline: no bundle has it.
"""

from pathlib import Path

import numpy as np

from tf_mt.inference import input_optimisation, live, system
from tf_mt.models.vqvae import model as vqvae
from tf_mt.training import run


class GramTransfer(system.System):
    """Transfers with an encoder of a run, by matrices over time.

    It is that of the level that the run's other methods are heard from.

    Args:
        path: The run folder.
        iterations: The most iterations of L-BFGS for a window.

    Raises:
        ValueError: The run is of another approach.
        FileNotFoundError: It holds no run, or no checkpoint yet.
    """

    def __init__(self, path: Path, iterations: int):
        model = run.load_model(path)
        if not isinstance(model, vqvae.VqVae):
            raise ValueError(f"gram={str(path)!r} must be a run of the approach vqvae.")
        self._model = model
        self._iterations = iterations

    @property
    def info(self) -> system.Info:
        """See `System.info`."""
        return live.info_of(self._model)

    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """See `System.translate`; no domain is known."""
        self.check_domain(domain)
        raise NotImplementedError

    def timbre_of(self, reference: np.ndarray) -> np.ndarray:
        """See `System.timbre_of`; it is the reference itself."""
        return reference[:, : self.info.reference_samples].astype(np.float32)

    def decode_to(self, audio: np.ndarray, timbre: np.ndarray) -> np.ndarray:
        """See `System.decode_to`."""
        return np.stack(
            [
                input_optimisation.optimise(
                    self._model,
                    content.astype(np.float32),
                    style,
                    [self._model.hparams.level],
                    input_optimisation.time_averaged,
                    content_weight=0.0,
                    iterations=self._iterations,
                )
                for content, style in zip(audio, timbre, strict=True)
            ]
        )

    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """See `System.resynthesise`; nothing stands between."""
        return np.asarray(audio, np.float32)

    def codes(self, audio: np.ndarray) -> np.ndarray:
        """See `System.codes`; there are none."""
        raise ValueError("codes: an optimisation of the waveform has none.")
