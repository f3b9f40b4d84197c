"""JSON as TensorFlow Serving's REST API words it: bodies, values in errors, errors."""

import json
import re
from collections.abc import Iterator
from typing import Any

from serving.server import status

_SHOWN_CHARACTERS = 256
_INDENT = "    "
_WHITESPACE = " \t\n\r"
_DECODER = json.JSONDecoder()

# One of the two codes of a character beyond the first 2^16; the other may be missing.
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def parse(body: bytes) -> dict[str, Any]:
    """Reads the object of a request; NaN and Infinity are numbers.

    What follows the object is ignored.

    Raises:
        StatusError: There is no object.
    """
    try:
        text = body.decode("utf-8-sig").lstrip(_WHITESPACE)
        if not text:
            raise status.invalid_argument("JSON Parse error: The document is empty")
        value, _ = _DECODER.raw_decode(text)
        if _HALF_CHARACTER.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise status.invalid_argument(
            f"JSON Parse error: {error.msg} at offset: {error.pos}"
        ) from error
    except (ValueError, RecursionError) as error:
        # No text, half a character, a number of thousands of digits, or lists within
        # lists without end.
        raise status.invalid_argument(f"JSON Parse error: {error}") from error
    if not isinstance(value, dict):
        raise malformed(value, "Is not object")
    return value


def malformed(value: Any, reason: str) -> status.StatusError:
    """Says what is wrong with a value, and shows it."""
    return status.invalid_argument(f"JSON Value: {shown(value)} {reason}")


def shown(value: Any) -> str:
    """The beginning of a value as text; most of it where it is short."""
    text = ""
    for token in _tokens(value, "\n"):
        text += token
        if len(text) >= _SHOWN_CHARACTERS:
            break
    return text


def type_name(value: Any) -> str:
    """What JSON calls the type of a value."""
    if value is None or isinstance(value, bool):
        return "Null" if value is None else str(value)
    if isinstance(value, str):
        return "String"
    if isinstance(value, dict):
        return "Object"
    return "Array" if isinstance(value, list) else "Number"


def of_error(message: str) -> bytes:
    """The body of an answer that is an error."""
    text = json.dumps({"error": message}, indent=_INDENT, ensure_ascii=False)
    # A message may quote what is no text.
    return text.encode("utf-8", "replace")


def _tokens(value: Any, line: str) -> Iterator[str]:
    if isinstance(value, list):
        yield "["
        for number, element in enumerate(value):
            yield ", " if number else ""
            yield from _tokens(element, line)
        yield "]"
    elif isinstance(value, dict):
        yield "{"
        for number, (key, element) in enumerate(value.items()):
            yield f"{',' if number else ''}{line}{_INDENT}{json.dumps(key)}: "
            yield from _tokens(element, line + _INDENT)
        yield f"{line}}}" if value else "}"
    else:
        yield json.dumps(value, ensure_ascii=False)
