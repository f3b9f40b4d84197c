"""What translates in this process: a bundle, or the live model of a run."""

import abc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_mt import names
from tf_mt.audio import windows
from tf_mt.training import run


class Info(NamedTuple):
    """What a system says of itself.

    Attributes:
        domains: Names of the domains that it translates to.
        sample_rate_hz: Of the audio that it takes and gives.
        window_samples: Length of the windows that a long recording is cut into.
        overlap_samples: How far two such windows overlap.
        parameters: How many trainable numbers its model has; None where it does not
            tell.
    """

    domains: tuple[str, ...]
    sample_rate_hz: int
    window_samples: int
    overlap_samples: int
    parameters: int | None


class System(abc.ABC):
    """Translates clips, and recordings of any length window by window.

    Attributes:
        info: What it says of itself.
    """

    info: Info

    @abc.abstractmethod
    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """Plays clips with the timbre of a domain.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], at `info.sample_rate_hz`.
            domain: A name in `info.domains`.

        Returns:
            float32 `[batch, samples]`.
        """

    @abc.abstractmethod
    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """Plays clips as well as any translation of the model can sound.

        The model's analysis and synthesis, with nothing learned in between.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], at `info.sample_rate_hz`.

        Returns:
            float32 `[batch, samples]`.

        Raises:
            ValueError: It is a bundle that has no such signature.
        """

    @abc.abstractmethod
    def codes(self, audio: np.ndarray) -> np.ndarray:
        """Returns the content of each clip as one vector, summed up over time.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], at `info.sample_rate_hz`.

        Returns:
            float32 `[batch, features]`; as many features whatever the length.

        Raises:
            ValueError: It is a bundle that has no such signature.
        """

    def translate_stream(
        self, blocks: Iterable[np.ndarray], domain: str
    ) -> Iterator[np.ndarray]:
        """Translates a recording of any length in constant memory.

        Args:
            blocks: The recording in pieces: float32 `[any]`.
            domain: A name in `info.domains`.

        Yields:
            float32 `[any]`; together as many samples as went in.

        Raises:
            ValueError: The domain is not known.
        """
        self.check_domain(domain)
        yield from self._by_windows(
            lambda window: self.translate(window, domain), blocks
        )

    def resynthesise_stream(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Resynthesises a recording of any length in constant memory.

        Args:
            blocks: The recording in pieces: float32 `[any]`.

        Yields:
            float32 `[any]`; together as many samples as went in.

        Raises:
            ValueError: It is a bundle that has no such signature.
        """
        return self._by_windows(self.resynthesise, blocks)

    def _by_windows(
        self, play: Callable[[np.ndarray], np.ndarray], blocks: Iterable[np.ndarray]
    ) -> Iterator[np.ndarray]:
        cut = windows.Windows(self.info.window_samples, self.info.overlap_samples)
        return cut.join(play(window[np.newaxis])[0] for window in cut.split(blocks))

    def check_domain(self, domain: str) -> Info:
        """Makes sure that a domain is known.

        Returns:
            What the system says of itself.

        Raises:
            ValueError: It is not; the message lists those that are.
        """
        if domain not in self.info.domains:
            raise ValueError(names.unknown("domain", domain, self.info.domains))
        return self.info


class Live(System):
    """The newest weights of a run.

    Args:
        path: The run folder.

    Raises:
        FileNotFoundError: It holds no run, or no checkpoint yet.
    """

    def __init__(self, path: Path):
        model = run.load_model(path)
        self.info = Info(
            model.info.domains,
            model.info.sample_rate_hz,
            model.window_samples,
            model.overlap_samples,
            model.parameters,
        )
        # A graph of dynamic shape, as in a bundle, rounds as a bundle does.
        clips = tf.TensorSpec([None, None], tf.float32)
        self._translate = tf.function(
            model.translate, input_signature=[clips, tf.TensorSpec([None], tf.int32)]
        )
        self._resynthesise = tf.function(model.resynthesise, input_signature=[clips])
        self._codes = tf.function(model.codes, input_signature=[clips])

    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """See `System.translate`."""
        self.check_domain(domain)
        number = self.info.domains.index(domain)
        return self._translate(
            tf.constant(audio, tf.float32), tf.fill([len(audio)], number)
        ).numpy()

    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """See `System.resynthesise`."""
        return self._resynthesise(tf.constant(audio, tf.float32)).numpy()

    def codes(self, audio: np.ndarray) -> np.ndarray:
        """See `System.codes`."""
        return self._codes(tf.constant(audio, tf.float32)).numpy()
