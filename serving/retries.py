"""When a request is tried again."""

import random
import time

import grpc
import numpy as np

from serving import failures

# Pauses before the retries of a request.
RETRY_SECONDS = (0.25, 0.5, 1.0, 2.0)


class Retries:
    """The tries of one request: pauses that grow, within a deadline from now.

    Args:
        deadline_seconds: How long all of them may take.
    """

    def __init__(self, deadline_seconds: float):
        self._deadline = time.monotonic() + deadline_seconds
        self._pauses = iter(RETRY_SECONDS)

    def remaining_seconds(self) -> float:
        """How long a try that begins now may take."""
        return self._deadline - time.monotonic()

    def pause_seconds(self, error: grpc.RpcError) -> float | None:
        """How long to wait after a try that failed; None to give up."""
        # Clients that failed together should not come back together.
        pause = next(self._pauses, np.inf) * random.uniform(0.5, 1.0)
        late = pause > self.remaining_seconds()
        return None if late or not failures.may_pass(error) else pause
