"""A keyed permutation of whole numbers, computed element by element."""

import math

import numpy as np

# With fewer, neighbours of a small range stay apart by the same too often.
_ROUNDS = 12


def permute(numbers: np.ndarray, size: int, key: tuple[int, int]) -> np.ndarray:
    """Maps numbers below `size` to numbers below `size`, one to one.

    A Feistel network over two digits, as in Black and Rogaway, "Ciphers with arbitrary
    finite domains" (2002): time and memory are those of `numbers`, whatever the size.

    Args:
        numbers: int64, of any shape, each from 0 to `size - 1`.
        size: How many numbers are permuted.
        key: Which permutation.

    Returns:
        int64, of the shape of `numbers`.
    """
    random = np.random.Generator(np.random.Philox(key=list(key)))
    keys = random.integers(0, 2**64, _ROUNDS, dtype=np.uint64)
    found = np.array(numbers, np.int64)
    outside = np.full(found.shape, True)
    # The digits may count a little further than `size`; what lands there is mapped
    # again until it is inside, which it comes to be because it began there.
    while outside.any():
        found[outside] = _rounds(found[outside], size, keys)
        outside = found >= size
    return found


def _rounds(numbers: np.ndarray, size: int, keys: np.ndarray) -> np.ndarray:
    base = math.isqrt(size - 1) + 1
    other = -(-size // base)
    left, right = numbers % base, numbers // base
    for number, key in enumerate(keys):
        modulus = base if number % 2 == 0 else other
        shift = (_mixed(right.astype(np.uint64) + key) % modulus).astype(np.int64)
        left, right = right, (left + shift) % modulus
    return left + base * right


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Spreads each bit over all others: the last step of SplitMix64."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
