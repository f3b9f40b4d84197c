"""How long a graph can take, by what its runs have taken.

TensorFlow keeps about a kilobyte for good of every run that fails and had a timeout
(`aborted_rendezs_` in its `local_rendezvous.h`). So a run that will surely end before
its deadline is better given none.
"""

import itertools
import threading

from tensorflow.core.protobuf import meta_graph_pb2

_LOOPS = frozenset(["While", "StatelessWhile", "For", "NextIteration"])
_MARGIN = 10.0


def has_loops(meta_graph: meta_graph_pb2.MetaGraphDef) -> bool:
    """Whether what the inputs say, and not only their sizes, can set a run's time."""
    functions = meta_graph.graph_def.library.function
    nodes = itertools.chain(
        meta_graph.graph_def.node, *(function.node_def for function in functions)
    )
    return any(node.op in _LOOPS for node in nodes)


class RunTimes:
    """The runs of one signature; any number of threads may use it at once."""

    def __init__(self):
        self._lock = threading.Lock()
        self._most_numbers = -1
        self._longest_seconds = 0.0

    def add(self, numbers: int, seconds: float) -> None:
        """Notes a run that did not fail.

        Args:
            numbers: How many its inputs had.
            seconds: How long it took.
        """
        with self._lock:
            self._most_numbers = max(self._most_numbers, numbers)
            self._longest_seconds = max(self._longest_seconds, seconds)

    def are_far_below(self, seconds: float, numbers: int) -> bool:
        """Whether a run will surely end in time, unless its graph has loops.

        Args:
            seconds: How long it may take.
            numbers: How many its inputs have.

        Returns:
            Whether inputs as large have been run, and none for a tenth of the time.
        """
        with self._lock:
            return (
                numbers <= self._most_numbers
                and seconds > _MARGIN * self._longest_seconds
            )
