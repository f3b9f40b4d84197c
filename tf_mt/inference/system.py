"""The interface of what translates audio: a live run, a bundle or a served model."""

import abc
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tf_mt import names
from tf_mt.audio import windows


class Info(NamedTuple):
    """What a system says of itself.

    Attributes:
        domains: Names of the domains that it translates to; empty where it knows none.
        sample_rate_hz: Of the audio that it takes and gives.
        window_samples: Length of the windows that a long recording is cut into.
        overlap_samples: How far two such windows overlap.
        parameters: How many trainable numbers its model has; None where it does not
            tell.
        reference_samples: The most of a reference clip that transfer uses; 0 where it
            cannot transfer.
    """

    domains: tuple[str, ...]
    sample_rate_hz: int
    window_samples: int
    overlap_samples: int
    parameters: int | None
    reference_samples: int

    def check_domain(self, domain: str) -> None:
        """Makes sure that a domain is known.

        Raises:
            ValueError: It is not; the message lists those that are.
        """
        if not self.domains:
            raise ValueError(
                f"domain={domain!r}: the model knows no domains; give a reference clip."
            )
        if domain not in self.domains:
            raise ValueError(names.unknown("domain", domain, self.domains))

    def check_transfer(self) -> None:
        """Makes sure that the model can take its timbre from a reference clip.

        Raises:
            ValueError: It cannot; the message lists the domains that it knows.
        """
        if not self.reference_samples:
            raise ValueError(
                "reference: the model cannot transfer from a clip; give one of its "
                f"domains: {', '.join(self.domains)}."
            )

    def check_reference(self, reference: np.ndarray) -> None:
        """Makes sure that the model can take its timbre from this reference clip.

        Args:
            reference: The clip `[samples]`.

        Raises:
            ValueError: The model cannot transfer, or the clip has no sample.
        """
        self.check_transfer()
        if not len(reference):
            raise ValueError("reference has no samples; give a clip that has some.")


class System(abc.ABC):
    """Translates clips, and recordings of any length window by window.

    Audio is float32 in [-1, 1] at `info.sample_rate_hz`.
    """

    @property
    @abc.abstractmethod
    def info(self) -> Info:
        """What the system says of itself."""

    @abc.abstractmethod
    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """Decodes the content of clips with the timbre of a domain.

        Args:
            audio: `[batch, samples]`.
            domain: A name in `info.domains`.

        Returns:
            float32 `[batch, samples]`.

        Raises:
            ValueError: The domain is not known.
        """

    @abc.abstractmethod
    def timbre_of(self, reference: np.ndarray) -> np.ndarray:
        """Extracts the timbre of reference clips.

        Args:
            reference: `[batch, samples]`; what is more than `info.reference_samples`
                is left out.

        Returns:
            float32 `[batch, ...]`.

        Raises:
            ValueError: The model cannot transfer.
        """

    @abc.abstractmethod
    def decode_to(self, audio: np.ndarray, timbre: np.ndarray) -> np.ndarray:
        """Decodes the content of clips with timbres that `timbre_of` gave.

        Args:
            audio: `[batch, samples]`.
            timbre: `[batch, ...]`.

        Returns:
            float32 `[batch, samples]`.

        Raises:
            ValueError: The model cannot transfer.
        """

    @abc.abstractmethod
    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """Analyses and synthesises clips, without encoding them to content.

        No translation of the model can sound better.

        Args:
            audio: `[batch, samples]`.

        Returns:
            float32 `[batch, samples]`.

        Raises:
            ValueError: It is a bundle that has no such signature.
        """

    @abc.abstractmethod
    def codes(self, audio: np.ndarray) -> np.ndarray:
        """Returns the content of each clip as one vector, pooled over time.

        Args:
            audio: `[batch, samples]`.

        Returns:
            float32 `[batch, features]`; as many features whatever the length.

        Raises:
            ValueError: The model has no pooled content.
        """

    def transfer(self, audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Decodes the content of clips with the timbre of reference clips.

        Args:
            audio: `[batch, samples]`.
            reference: `[batch, other samples]`, one for each clip.

        Returns:
            float32 `[batch, samples]`.

        Raises:
            ValueError: The model cannot transfer.
        """
        return self.decode_to(audio, self.timbre_of(reference))

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
        info = self.check_domain(domain)
        yield from self._by_windows(
            lambda window: self.translate(window, domain), blocks, info
        )

    def transfer_stream(
        self, blocks: Iterable[np.ndarray], reference: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Transfers a recording of any length in constant memory.

        The timbre of the reference is computed once, so that every window has the same.

        Args:
            blocks: The recording in pieces: float32 `[any]`.
            reference: The reference clip `[samples]`.

        Yields:
            float32 `[any]`; together as many samples as went in.

        Raises:
            ValueError: The model cannot transfer, or the reference has no sample.
        """
        info = self.check_reference(reference)
        timbre = self.timbre_of(reference[np.newaxis])
        yield from self._by_windows(
            lambda window: self.decode_to(window, timbre), blocks, info
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
        return self._by_windows(self.resynthesise, blocks, self.info)

    def _by_windows(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        blocks: Iterable[np.ndarray],
        info: Info,
    ) -> Iterator[np.ndarray]:
        cut = windows.Windows(info.window_samples, info.overlap_samples)
        return cut.join(function(window[np.newaxis])[0] for window in cut.split(blocks))

    def check_domain(self, domain: str) -> Info:
        """Makes sure that a domain is known.

        Returns:
            What the system says of itself.

        Raises:
            ValueError: It is not; the message lists those that are.
        """
        info = self.info
        info.check_domain(domain)
        return info

    def check_transfer(self) -> Info:
        """Makes sure that the model can take its timbre from a reference clip.

        Returns:
            What the system says of itself.

        Raises:
            ValueError: It cannot; the message lists the domains that it knows.
        """
        info = self.info
        info.check_transfer()
        return info

    def check_reference(self, reference: np.ndarray) -> Info:
        """Makes sure that the model can take its timbre from this reference clip.

        Args:
            reference: The clip `[samples]`.

        Returns:
            What the system says of itself.

        Raises:
            ValueError: The model cannot transfer, or the clip has no sample.
        """
        info = self.info
        info.check_reference(reference)
        return info
