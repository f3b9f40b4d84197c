"""The contract of every approach: content, timbre, and a decoder of both."""

import abc
import math
from typing import Any, ClassVar

import tensorflow as tf

from tf_mt import dataset
from tf_mt.layers import loudness
from tf_mt.models import trainable, translator_config

DOMAINS = "domains"
TRANSFER = "transfer"
POOLED_CONTENT = "pooled_content"
CAPABILITIES = (DOMAINS, TRANSFER, POOLED_CONTENT)


class Translator(trainable.Trainable):
    """An encoder of content, a source of timbre and a decoder of both to a waveform.

    An approach writes `parts`, `objectives`, `encode`, `decode` and `round_trip`, what
    its capabilities need (`timbre` for known domains, `timbre_of` for transfer, `pool`
    for a pooled content vector), and where Adam for all parts at once is not enough
    `make_optimizers` and `updates`. This class owns what follows from them:
    translation, transfer, their loudness, resynthesis and padding;
    `trainable.Trainable` owns the training and the test step.

    Args:
        hparams: The approach's configuration; see `trainable.Trainable`.
        info: The dataset that the model is trained on.

    Raises:
        ValueError: The weights are not those of the terms, or the approach declares
            capabilities that are not known, that it has no method for, or neither
            known domains nor transfer.

    Attributes:
        capabilities: What it can do: some of `CAPABILITIES`. One that knows domains
            translates to each of them; one that transfers takes the timbre of a
            reference clip.
        hop_samples: Audio is padded to a multiple of this before it is encoded.
        window_samples: Length of the windows that a long recording is cut into.
        overlap_samples: How far two such windows overlap.
        reference_samples: The most of a reference clip that transfer uses; 0 where it
            cannot transfer.
        begins_from: The approach of the run that a training has to be initialised
            from; empty where none is needed.
    """

    capabilities: ClassVar[frozenset[str]]
    hop_samples: int
    window_samples: int
    overlap_samples: int
    reference_samples: int = 0
    begins_from: ClassVar[str] = ""

    def __init__(self, hparams: translator_config.Config, info: dataset.DatasetInfo):
        super().__init__(hparams, info)
        self._check_capabilities()
        self.loudness = loudness.Loudness(info.sample_rate_hz)

    def _check_capabilities(self) -> None:
        name = type(self).__name__
        unknown = self.capabilities - set(CAPABILITIES)
        if unknown:
            raise ValueError(
                f"capabilities of {name}: {', '.join(sorted(unknown))} must be some of "
                f"{', '.join(CAPABILITIES)}."
            )
        if not self.capabilities & {DOMAINS, TRANSFER}:
            raise ValueError(
                f"capabilities of {name} must have {DOMAINS!r} or {TRANSFER!r}: a "
                "model needs known domains or a reference clip for its timbre."
            )
        methods = {DOMAINS: "timbre", TRANSFER: "timbre_of", POOLED_CONTENT: "pool"}
        for capability, method in methods.items():
            own = getattr(type(self), method) is not getattr(Translator, method)
            if own != (capability in self.capabilities):
                raise ValueError(
                    f"capabilities of {name}: {capability!r} must be declared if, and "
                    f"only if, it has the method {method!r}."
                )

    @abc.abstractmethod
    def encode(self, audio: tf.Tensor) -> Any:
        """Extracts the content of `[batch, samples]`, a multiple of `hop_samples`."""

    def timbre(self, domain: tf.Tensor) -> Any:
        """Returns the timbre of each domain number in int32 `[batch]`."""
        raise NotImplementedError(f"{type(self).__name__} knows no domains.")

    def timbre_of(self, reference: tf.Tensor) -> tf.Tensor:
        """Extracts the timbre of reference clips.

        Args:
            reference: float32 `[batch, samples]` in [-1, 1], a multiple of
                `hop_samples` and at most `reference_samples` and a hop.

        Returns:
            float32 `[batch, ...]`, of a shape that does not depend on the samples.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot transfer.")

    @abc.abstractmethod
    def decode(self, content: Any, timbre: Any) -> tf.Tensor:
        """Decodes content with a timbre; returns audio `[batch, samples]`."""

    @abc.abstractmethod
    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Takes audio apart and puts it together, without encoding it to content.

        Args:
            audio: float32 `[batch, samples]`, a multiple of `hop_samples`.

        Returns:
            float32 `[batch, samples]`, by the analysis of `encode` and the synthesis
            of `decode`.
        """

    def pool(self, content: Any) -> tf.Tensor:
        """Summarises the content of a clip, of any length, as one vector.

        Args:
            content: Of `[batch]` clips, from `encode`.

        Returns:
            float32 `[batch, features]`, statistics over time of the content.
        """
        raise NotImplementedError(f"{type(self).__name__} has no pooled content.")

    def initialise_from(self, other: "Translator") -> None:
        """Takes over what another trained model has learned.

        Args:
            other: The other model.

        Raises:
            ValueError: It has nothing that this one could take over.
        """
        raise ValueError(
            f"init_from: {type(self).__name__} cannot begin from the weights of "
            "another run."
        )

    def freeze_all_but(self, domain: str) -> None:
        """Leaves all as it is but what only one domain needs.

        Args:
            domain: A name in `info.domains`.

        Raises:
            ValueError: The approach has no part of its own for a domain.
        """
        raise ValueError(
            f"add_domain={domain!r}: {type(self).__name__} has no part of its own for "
            "a domain."
        )

    @property
    def parameters(self) -> int:
        """How many trainable numbers the model has."""
        return sum(math.prod(v.shape) for v in self.trainable_variables)

    def translate(self, audio: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
        """Decodes the content of a clip with the timbre of a known domain.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.
            domain: int32 `[batch]`, the domain to translate to.

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        return self.decode_to(audio, self.timbre(domain))

    def transfer(self, audio: tf.Tensor, reference: tf.Tensor) -> tf.Tensor:
        """Decodes the content of a clip with the timbre of a reference clip.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1].
            reference: float32 `[batch, other samples]` in [-1, 1].

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        return self.decode_to(audio, self.reference_timbre(reference))

    def reference_timbre(self, reference: tf.Tensor) -> tf.Tensor:
        """Extracts the timbre of reference clips of any length.

        Args:
            reference: float32 `[batch, samples]` in [-1, 1]; what is more than
                `reference_samples` is left out.

        Returns:
            float32 `[batch, ...]`.
        """
        return self.timbre_of(self.padded(reference[:, : self.reference_samples]))

    def resynthesise(self, audio: tf.Tensor) -> tf.Tensor:
        """Analyses and synthesises a clip, without encoding it to content.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        made = self.round_trip(self.padded(audio))
        return tf.clip_by_value(made[:, : tf.shape(audio)[1]], -1.0, 1.0)

    def codes(self, audio: tf.Tensor) -> tf.Tensor:
        """Returns the content of each clip as one vector.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.

        Returns:
            float32 `[batch, features]`; as many features whatever the length.
        """
        return self.pool(self.encode(self.padded(audio)))

    def sounds(self, batch: trainable.Batch) -> dict[str, dict[str, tf.Tensor]]:
        """Clips of the first domains, as they are, translated to the next, and back.

        See `Trainable.sounds`.
        """
        audio = batch["audio"][0, : trainable.LOGGED_CLIPS]
        domain = batch["domain"][0, : trainable.LOGGED_CLIPS]
        domains = self.info.domains
        target = (domain + 1) % len(domains)
        if DOMAINS in self.capabilities:
            translation = self.translate(audio, target)
            reconstruction = self.translate(audio, domain)
        else:
            translation = self.transfer(audio, tf.roll(audio, -1, axis=0))
            reconstruction = self.transfer(audio, audio)
        return {
            f"{domains[source]}_to_{domains[other]}": {
                "source": audio[row],
                "translation": translation[row],
                "reconstruction": reconstruction[row],
            }
            for row, (source, other) in enumerate(zip(domain, target, strict=True))
        }

    def decode_to(self, audio: tf.Tensor, timbre: Any) -> tf.Tensor:
        """Decodes the content of clips with a timbre.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.
            timbre: As `timbre` or `timbre_of` gives it.

        Returns:
            float32 `[batch, samples]` in [-1, 1]; as loud as `audio`, unless the
            configuration leaves it as it is decoded.
        """
        decoded = self.decode(self.encode(self.padded(audio)), timbre)
        decoded = decoded[:, : tf.shape(audio)[1]]
        if self.hparams.loudness == translator_config.SOURCE:
            return self.loudness.matched(decoded, self.loudness.power(audio))
        return tf.clip_by_value(decoded, -1.0, 1.0)

    def whole_hops(self, seconds: float) -> int:
        """About so many seconds in samples: two or more times `hop_samples`."""
        hops = round(seconds * self.info.sample_rate_hz / self.hop_samples)
        return self.hop_samples * max(2, hops)

    def padded(self, audio: tf.Tensor) -> tf.Tensor:
        """Appends zeros to `[batch, samples]` up to a multiple of `hop_samples`."""
        missing = -tf.shape(audio)[1] % self.hop_samples
        return tf.pad(audio, [[0, 0], [0, missing]])
