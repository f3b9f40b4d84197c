"""The header of a WAV file in a pipe, where nobody can go back to fill in its length.

RIFF, the length of all, WAVE; then chunks, each with a name and a length. What comes
after the name and the length of `data` is samples.
"""

import struct
from collections.abc import Callable

from tf_mt.audio import pcm, riff

_CHUNK = struct.Struct("<4sI")
_KIND = b"WAVE"
# Tag, channels, rate, bytes a second, bytes of all channels, bits of a value.
_FORMAT = struct.Struct("<HHIIHH")
_TAG = struct.Struct("<H")
_INTEGERS, _FLOATS, _EXTENSIBLE = 1, 3, 0xFFFE
# Of an extensible format, where the tag is that is meant.
_TAG_PLACE = 24
_KNOWN = {_INTEGERS: (8, 16, 24, 32), _FLOATS: (32, 64)}
# More cannot be a header.
_MOST_BYTES = 1 << 24

_UNKNOWN_BYTES = 0xFFFFFFFF


def read_header(read: Callable[[int], bytes]) -> tuple[pcm.Format, int | None]:
    """Reads the header of a WAV file up to its first sample.

    Args:
        read: Reads so many bytes; fewer only where the input ends.

    Returns:
        How the samples are written, and the bytes of all of them; None if the header
        does not tell and they last until the input ends.

    Raises:
        ValueError: It is no WAV file, or one of an encoding that is not read here.
    """
    head = read(_CHUNK.size + len(_KIND))
    if not head.startswith(b"RIFF") or not head.endswith(_KIND):
        raise ValueError(
            "input does not begin like a WAV file; send one, or give the rate of raw "
            "16-bit samples by --raw_rate_hz."
        )
    written = None
    while len(header := read(_CHUNK.size)) == _CHUNK.size:
        name, length = _CHUNK.unpack(header)
        if name == b"data" and written is not None:
            known = 0 < length < riff.STREAMED_BYTES
            return written, length if known else None
        if length > _MOST_BYTES:
            break
        content = read(length + length % 2)
        if name == b"fmt ":
            written = _format(content)
    raise ValueError("input ends before its first sample, or its header is damaged.")


def _format(content: bytes) -> pcm.Format:
    if len(content) < _FORMAT.size:
        raise ValueError("input has a header that is damaged.")
    tag, channels, rate_hz, _, _, bits = _FORMAT.unpack_from(content)
    if tag == _EXTENSIBLE and len(content) >= _TAG_PLACE + _TAG.size:
        (tag,) = _TAG.unpack_from(content, _TAG_PLACE)
    if bits not in _KNOWN.get(tag, ()) or not channels:
        raise ValueError(
            f"input is a WAV file of encoding {tag} with {bits} bits in {channels} "
            "channels; send integers of 8 to 32 bits, or floats."
        )
    return pcm.Format(rate_hz, channels, bits // 8, tag == _FLOATS)


def header(sample_rate_hz: int) -> bytes:
    """The header of 16-bit mono samples that go on until the pipe is closed."""
    content = _FORMAT.pack(_INTEGERS, 1, sample_rate_hz, 2 * sample_rate_hz, 2, 16)
    return b"".join(
        [
            _CHUNK.pack(b"RIFF", _UNKNOWN_BYTES),
            _KIND,
            _CHUNK.pack(b"fmt ", len(content)),
            content,
            _CHUNK.pack(b"data", _UNKNOWN_BYTES),
        ]
    )
