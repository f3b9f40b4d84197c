"""A recording that comes piece by piece to an event loop, translated by windows."""

import asyncio
import collections
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

import numpy as np

from tf_mt.audio import windows


async def translated(
    blocks: AsyncIterable[np.ndarray],
    translate: Callable[[np.ndarray], Awaitable[np.ndarray]],
    cut: windows.Windows,
    in_flight: int,
) -> AsyncIterator[np.ndarray]:
    """Translates overlapping windows, and cross-fades what comes back.

    What is final is given however long the next block takes. However it ends, no call
    of `translate` is left under way.

    Args:
        blocks: The recording: float32 `[any]`.
        translate: Makes float32 `[1, samples]` of float32 `[1, samples]`.
        cut: The windows.
        in_flight: How many windows are under way at once.

    Yields:
        float32 `[any]`; together as many samples as went in.
    """
    free = asyncio.Semaphore(in_flight)
    pending: collections.deque[asyncio.Task] = collections.deque()
    begun: asyncio.Queue[asyncio.Task | None] = asyncio.Queue()

    async def begin(window: np.ndarray) -> None:
        await free.acquire()
        pending.append(asyncio.ensure_future(translate(window[np.newaxis])))
        begun.put_nowait(pending[-1])

    async def read() -> None:
        try:
            async for block in blocks:
                for window in cut.cut(block):
                    await begin(window)
            for window in cut.cut_rest():
                await begin(window)
        finally:
            begun.put_nowait(None)

    reading = asyncio.create_task(read())
    try:
        while call := await begun.get():
            window = (await call)[0]
            pending.popleft()
            free.release()
            yield cut.add(window)
        await reading
        if len(rest := cut.rest()):
            yield rest
    finally:
        for task in (reading, *pending):
            task.cancel()
        await asyncio.gather(reading, *pending, return_exceptions=True)
