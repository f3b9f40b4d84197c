"""Translation with the live model of a run, in this process."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_mt.inference import system
from tf_mt.models import translator
from tf_mt.training import run


class Live(system.System):
    """The newest weights of a run.

    Args:
        path: The run folder.

    Raises:
        FileNotFoundError: It holds no run, or no checkpoint yet.
    """

    def __init__(self, path: Path):
        model = run.load_model(path)
        self._info = info_of(model)
        self._capabilities = model.capabilities
        # A graph of dynamic shape, as in a bundle, rounds as a bundle does.
        clips = tf.TensorSpec([None, None], tf.float32)
        number = tf.TensorSpec([None], tf.int32)
        self._translate = tf.function(model.translate, input_signature=[clips, number])
        self._timbre_of = tf.function(model.reference_timbre, input_signature=[clips])
        self._decode_to = tf.function(model.decode_to, reduce_retracing=True)
        self._resynthesise = tf.function(model.resynthesise, input_signature=[clips])
        self._codes = tf.function(model.codes, input_signature=[clips])

    @property
    def info(self) -> system.Info:
        """See `System.info`."""
        return self._info

    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """See `System.translate`."""
        self.check_domain(domain)
        number = self.info.domains.index(domain)
        return self._translate(
            tf.constant(audio, tf.float32), tf.fill([len(audio)], number)
        ).numpy()

    def timbre_of(self, reference: np.ndarray) -> np.ndarray:
        """See `System.timbre_of`."""
        self.check_transfer()
        return self._timbre_of(tf.constant(reference, tf.float32)).numpy()

    def decode_to(self, audio: np.ndarray, timbre: np.ndarray) -> np.ndarray:
        """See `System.decode_to`."""
        self.check_transfer()
        return self._decode_to(
            tf.constant(audio, tf.float32), tf.constant(timbre, tf.float32)
        ).numpy()

    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """See `System.resynthesise`."""
        return self._resynthesise(tf.constant(audio, tf.float32)).numpy()

    def codes(self, audio: np.ndarray) -> np.ndarray:
        """See `System.codes`."""
        if translator.POOLED_CONTENT not in self._capabilities:
            raise ValueError("codes: the model has no pooled content vector.")
        return self._codes(tf.constant(audio, tf.float32)).numpy()


def info_of(model: translator.Translator) -> system.Info:
    """Returns what a system says of itself whose model this is."""
    knows_domains = translator.DOMAINS in model.capabilities
    transfers = translator.TRANSFER in model.capabilities
    return system.Info(
        model.info.domains if knows_domains else (),
        model.info.sample_rate_hz,
        model.window_samples,
        model.overlap_samples,
        model.parameters,
        model.reference_samples if transfers else 0,
    )
