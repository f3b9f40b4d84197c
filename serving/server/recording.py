"""Translation of a whole audio file by a served model, window by window."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from tensorflow_serving.apis import predict_pb2

from serving import properties, tensors
from serving.server import status
from tf_mt import names
from tf_mt.audio import files, windows
from tf_mt.inference import system

Run = Callable[[predict_pb2.PredictRequest], predict_pb2.PredictResponse]


def translate(run: Run, source: Path, target: Path, domain: str | None) -> None:
    """Translates an audio file of any length, in memory that does not grow with it.

    Args:
        run: Runs a signature of the model.
        source: The file; its name is not told to anybody.
        target: The WAV file to write.
        domain: A name that the model knows.

    Raises:
        StatusError: The source is not audio, the domain is not known, or a run failed.
    """
    info = _info(run)
    if domain not in info.domains:
        raise status.invalid_argument(
            names.unknown("domain", domain or "", info.domains)
        )

    def ask(window: np.ndarray) -> np.ndarray:
        request = predict_pb2.PredictRequest(output_filter=["audio"])
        tensors.write_content(window[np.newaxis], request.inputs["audio"])
        name = np.array([domain.encode()], object)
        tensors.write_content(name, request.inputs["domain"])
        return tensors.to_array(run(request).outputs["audio"])[0]

    cut = windows.Windows(info.window_samples, info.overlap_samples)
    rate_hz = info.sample_rate_hz
    try:
        blocks = files.blocks(source, rate_hz, block_samples=rate_hz)
        with files.Writer(target, rate_hz) as writer:
            for block in cut.join(map(ask, cut.split(blocks))):
                writer.write(block)
    except ValueError as error:
        message = str(error).replace(f"path={str(source)!r}", "The body")
        raise status.invalid_argument(message) from error


def _info(run: Run) -> system.Info:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = properties.SIGNATURE
    outputs = run(request).outputs
    return properties.read(
        {name: tensors.to_array(told) for name, told in outputs.items()}
    )
