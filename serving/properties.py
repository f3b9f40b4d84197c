"""What a model says of itself by the signature `info` of its bundle."""

from collections.abc import Mapping

import numpy as np

from tf_mt.inference import system

SIGNATURE = "info"


def read(outputs: Mapping[str, np.ndarray]) -> system.Info:
    """Reads the outputs of the signature; older bundles lack some."""
    return system.Info(
        domains=tuple(name.decode() for name in outputs["domains"]),
        sample_rate_hz=int(outputs["sample_rate"]),
        window_samples=int(outputs["window_samples"]),
        overlap_samples=int(outputs["overlap_samples"]),
        parameters=int(outputs["parameters"]) if "parameters" in outputs else None,
        reference_samples=int(outputs.get("reference_samples", 0)),
    )
