import numpy as np
import pytest
import soundfile

from pipelines import conversion

RATE_HZ = 16000
RAMP_SAMPLES = 2000


@pytest.fixture(scope="session")
def ramps(tmp_path_factory):
    """A converted folder of ramps: each sample says where in which file it is.

    Sample `i` of file `k` is `2000 k + i - 32000`; files 0 to 11 are in domain
    "high", 12 to 23 in "low".
    """
    folder = tmp_path_factory.mktemp("ramps")
    for file in range(24):
        path = folder / "source" / ("high" if file < 12 else "low") / f"{file:02d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = RAMP_SAMPLES * file + np.arange(RAMP_SAMPLES) - 32000
        soundfile.write(path, ramp.astype(np.int16), RATE_HZ)
    conversion.convert(
        "audio_folder", folder / "data", settings={"source": str(folder / "source")}
    )
    return folder / "data"
