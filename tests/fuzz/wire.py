"""Mutates tensors on the wire and files of PyTorch, and reads them.

python tests/fuzz/wire.py [--messages=10000] [--seed=0]

Prints how many were read and refused, how many led to anything but a `ValueError`
("crashes", with the first of each kind), and the slowest.
"""

import argparse
import collections
import pathlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable

import numpy as np
from google.protobuf import message

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from serving import proto, tensors
from tests.tf_mt import torch_writer
from tf_mt.importers import torch_file

_ARRAYS = [
    np.array([[1.5, -2.0], [np.inf, 3e-8]], np.float32),
    np.array([-5, 7], np.int64),
    np.array([0, 255], np.int32),
    np.array([[b"a", b""], [b"cello", b"\xff"]], object),
]
# Numbers at which a length, a size or a type changes its meaning.
_BYTES = (0x00, 0x01, 0x07, 0x7F, 0x80, 0xFF)


def wire_messages() -> list[bytes]:
    """Requests, answers and tensors, as they are on the wire."""
    found = []
    for array in _ARRAYS:
        for write in (tensors.write_content, tensors.write_values):
            tensor = proto.TensorProto()
            if write is tensors.write_values and array.dtype == np.int32:
                tensor.dtype = 4
                tensor.int_val.extend(array.tolist())
            else:
                write(array, tensor)
            response = proto.PredictResponse()
            response.outputs.add(key="audio").value.CopyFrom(tensor)
            found.append(response.SerializeToString())
    return found


def torch_files() -> list[bytes]:
    """What `torch.save` writes, in both of its layouts."""
    content = {"state": {"weight": np.arange(6.0).reshape(2, 3), "steps": np.array(3)}}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for layout in torch_writer.LAYOUTS:
            path = pathlib.Path(folder, layout)
            torch_writer.save(path, content, layout)
            found.append(path.read_bytes())
    return found


def read_wire(data: bytes) -> None:
    """Reads an answer as the client does.

    Raises:
        ValueError: It is refused.
    """
    try:
        response = proto.PredictResponse.FromString(data)
    except message.DecodeError as error:
        raise ValueError(str(error)) from error
    for named in response.outputs:
        array = tensors.to_array(named.value)
        assert array.shape == tensors.shape_of(named.value)


def read_torch(data: bytes, path: pathlib.Path) -> None:
    """Reads a file of these bytes.

    Raises:
        ValueError: It is refused.
    """
    path.write_bytes(data)
    torch_file.load(path)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Changes, removes, repeats or moves a few bytes."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        start = draw.randrange(len(changed) + 1)
        size = draw.choice((1, 1, 2, 8, 50))
        kind = draw.randrange(4)
        if kind == 0:
            del changed[start : start + size]
        elif kind == 1:
            changed[start:start] = changed[start : start + size]
        elif kind == 2:
            changed[start : start + 1] = bytes([draw.choice(_BYTES)]) * size
        else:
            changed[start : start + 1] = bytes([draw.randrange(256)])
    return bytes(changed)


def fuzz(
    read: Callable[[bytes], None], seeds: Iterable[bytes], messages: int, seed: int
) -> dict:
    """Reads that many mutated messages.

    Returns:
        Counts by what became of them, `crashes` (a list of them) and `slowest_seconds`.
    """
    draw, seeds = random.Random(seed), list(seeds)
    counts, crashes, slowest = collections.Counter(), {}, 0.0
    for _ in range(messages):
        data = mutated(draw.choice(seeds), draw)
        began = time.perf_counter()
        try:
            read(data)
            counts["read"] += 1
        except ValueError:
            counts["refused"] += 1
        except Exception as error:
            counts["crashes"] += 1
            crashes.setdefault(type(error).__name__, (error, data))
        slowest = max(slowest, time.perf_counter() - began)
    return {"counts": counts, "crashes": crashes, "slowest_seconds": slowest}


def main() -> None:
    """Prints a line for each reader; the status is 1 after a crash."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "mutated.pth")
        for name, read, seeds in (
            ("wire", read_wire, wire_messages()),
            ("torch", lambda data: read_torch(data, path), torch_files()),
        ):
            began = time.perf_counter()
            found = fuzz(read, seeds, given.messages, given.seed)
            counts = found["counts"]
            print(
                f"{name}: {given.messages} messages, "
                f"{time.perf_counter() - began:.1f} seconds, {counts['read']} read, "
                f"{counts['refused']} refused, {counts['crashes']} crashes, "
                f"slowest {1e3 * found['slowest_seconds']:.1f} ms"
            )
            for kind, (error, data) in found["crashes"].items():
                failed = True
                print(f"  {kind}: {error}: {data!r}"[:2000])
    sys.exit(failed)


if __name__ == "__main__":
    main()
