"""How much a server takes on at once."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on the work and the memory of a server.

    Attributes:
        threads: Requests that are worked on at once.
        max_pending_requests: Requests that are worked on or wait for a thread; further
            ones are refused.
        max_request_samples: The most numbers that the inputs of a request may have.
    """

    threads: int = 4 * (os.cpu_count() or 1)
    max_pending_requests: int = 256
    max_request_samples: int = 10_000_000
