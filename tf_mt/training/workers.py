"""The machines that share a training, as the environment variable TF_CONFIG has it."""

import json
from typing import Any

_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def are_named(tf_config: str) -> bool:
    """Whether `TF_CONFIG` names machines, in a form that TensorFlow takes.

    Args:
        tf_config: Its value; empty if it is not set.

    Raises:
        ValueError: It is not of that form.
    """
    try:
        found = json.loads(tf_config or "{}")
    except ValueError as error:
        raise _refusal(tf_config, f"is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise _refusal(tf_config, "is not a JSON object")
    if "cluster" not in found:
        return False
    if not _is_cluster(found["cluster"]):
        raise _refusal(tf_config, "needs lists of HOST:PORT in its cluster")
    if not _is_task(found.get("task"), found["cluster"]):
        raise _refusal(
            tf_config, "needs a task whose type and index are in its cluster"
        )
    return True


def _is_cluster(found: Any) -> bool:
    return isinstance(found, dict) and all(
        isinstance(addresses, list)
        and all(_is_address(address) for address in addresses)
        for addresses in found.values()
    )


def _is_address(found: Any) -> bool:
    return isinstance(found, str) and found.rpartition(":")[2].isdecimal()


def _is_task(found: Any, cluster: dict[str, list[str]]) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        return False
    # TensorFlow takes a text of digits, too.
    index = str(found.get("index"))
    places = len(cluster.get(found["type"], []))
    return index.isdecimal() and int(index) < places


def _refusal(tf_config: str, reason: str) -> ValueError:
    return ValueError(
        f"TF_CONFIG={tf_config!r} {reason}; unset it to train on this machine alone, "
        f"or set it as in TF_CONFIG='{_EXAMPLE}'."
    )
