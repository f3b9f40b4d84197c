"""The samples of a soundfont: what is said of each, checked, and their sound."""

import dataclasses
import io

import numpy as np
import soundfile

from pipelines.scores.sf2.file import File

RATES_HZ = (400, 192_000)
UNPITCHED, MIDDLE_C = 255, 60

_ROM = 0x8000
_COMPRESSED = 0x10  # The type of samples that an SF3 file keeps as Ogg Vorbis.
_BLOCK = 1 << 16


@dataclasses.dataclass(frozen=True)
class Sample:
    """One recording of an instrument.

    Attributes:
        name: Its name.
        stored: uint8 `[bytes]`, little-endian 16-bit samples or Ogg Vorbis.
        compressed: Whether it is Ogg Vorbis.
        loop: First sample of the loop and the one after its last, counted from its
            start; they may lie outside of it.
        rate_hz: Its sample rate.
        root: The pitch at which it sounds at its rate, if it is 0 to 127.
        correction_cents: What its pitch lacks.
    """

    name: str
    stored: np.ndarray
    compressed: bool
    loop: tuple[int, int]
    rate_hz: int
    root: int
    correction_cents: int

    def read(self, samples: int) -> np.ndarray:
        """Its beginning: float32 `[at most samples]`.

        Raises:
            ValueError: If it cannot be decoded.
        """
        if self.compressed:
            return self._decode(samples)
        pcm = np.frombuffer(self.stored[: 2 * samples], "<i2")
        return pcm.astype(np.float32) / 32768

    def _decode(self, samples: int) -> np.ndarray:
        try:
            with soundfile.SoundFile(io.BytesIO(self.stored)) as sound:
                if sound.channels != 1:
                    raise ValueError(
                        f"sample {self.name!r} has {sound.channels} channels; one is "
                        "what a soundfont's samples have."
                    )
                # In blocks, since a damaged file may claim any length.
                blocks = [np.zeros(0, np.float32)]
                while samples > 0:
                    block = sound.read(min(samples, _BLOCK), dtype="float32")
                    if not len(block):
                        break
                    blocks.append(block)
                    samples -= len(block)
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise ValueError(
                f"sample {self.name!r} cannot be decoded ({error})."
            ) from error
        found = np.concatenate(blocks)
        if not np.all(np.isfinite(found)):
            raise ValueError(f"sample {self.name!r} is decoded to what is no number.")
        return found


def find(file: File, number: int) -> Sample:
    """The sample of that number.

    Raises:
        ValueError: If there is none, or what is said of it cannot be.
    """
    headers = file.records["shdr"][:-1]
    if number >= len(headers):
        raise ValueError(
            f"there is no sample {number}; the last is {len(headers) - 1}."
        )
    header, name = headers[number], file.name("shdr", number)
    start, end, rate_hz = (int(header[key]) for key in ("start", "end", "rate"))
    compressed = bool(header["type"] & _COMPRESSED)
    bytes_each = 1 if compressed else 2
    there = len(file.samples) // bytes_each
    if header["type"] & _ROM:
        raise ValueError(f"sample {name!r} is in the memory of a sound card, not here.")
    if not start < end <= there:
        unit = "bytes" if compressed else "samples"
        raise ValueError(
            f"sample {name!r} goes from {start} to {end}, where the file has {there} "
            f"{unit}."
        )
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise ValueError(
            f"sample {name!r} has a rate of {rate_hz} Hz; {RATES_HZ[0]} to "
            f"{RATES_HZ[1]} can be played."
        )
    first = 0 if compressed else start  # Of Vorbis, loops count from their sample's.
    loop = int(header["loop_start"]) - first, int(header["loop_end"]) - first
    root = int(header["pitch"])
    return Sample(
        name,
        file.samples[bytes_each * start : bytes_each * end],
        compressed,
        loop,
        rate_hz,
        MIDDLE_C if root == UNPITCHED else root,
        int(header["correction"]),
    )
