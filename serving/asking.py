"""What a model can be asked: the request for each signature of a bundle."""

from typing import NamedTuple

import numpy as np

from serving import proto, tensors


class Request(NamedTuple):
    """One request to a model.

    Attributes:
        signature: Name of the signature to run.
        inputs: Its inputs: numbers, or arrays of `bytes` objects.
        output_filter: Names of the outputs to return; all if empty.
    """

    signature: str
    inputs: dict[str, np.ndarray]
    output_filter: tuple[str, ...] = ()

    def message(self, model: str) -> proto.PredictRequest:
        """The message that asks the model of that name."""
        message = proto.PredictRequest(output_filter=self.output_filter)
        message.model_spec.name = model
        message.model_spec.signature_name = self.signature
        for alias, array in self.inputs.items():
            tensors.write_content(array, message.inputs.add(key=alias).value)
        return message


def outputs(response: proto.PredictResponse) -> dict[str, np.ndarray]:
    """The outputs of an answer by name."""
    return {named.key: tensors.to_array(named.value) for named in response.outputs}


def info() -> Request:
    """Asks for the properties of the model."""
    return Request("info", {})


def version() -> Request:
    """Asks for as little as there is; every answer tells the version."""
    return Request("info", {}, ("sample_rate",))


def translation(audio: np.ndarray, domain: str) -> Request:
    """Asks for clips `[batch, samples]` with the timbre of a domain."""
    domains = np.full(len(audio), domain.encode(), object)
    inputs = {"audio": np.asarray(audio, np.float32), "domain": domains}
    return Request("serving_default", inputs, ("audio",))


def timbre(reference: np.ndarray, reference_samples: int) -> Request:
    """Asks for the timbre of reference clips `[batch, samples]`.

    What is more than `reference_samples` the model would leave out; it is not sent.
    """
    used = np.asarray(reference, np.float32)[..., :reference_samples]
    return Request("timbre_of", {"reference": used}, ("timbre",))


def decoding(audio: np.ndarray, timbre: np.ndarray) -> Request:
    """Asks for clips `[batch, samples]` with a timbre each."""
    inputs = {"audio": np.asarray(audio, np.float32), "timbre": timbre}
    return Request("transfer", inputs, ("audio",))


def resynthesis(audio: np.ndarray) -> Request:
    """Asks for clips `[batch, samples]`, analysed and synthesised."""
    return Request("resynthesis", {"audio": np.asarray(audio, np.float32)}, ("audio",))


def codes(audio: np.ndarray) -> Request:
    """Asks for the content of clips `[batch, samples]`."""
    return Request("codes", {"audio": np.asarray(audio, np.float32)})
