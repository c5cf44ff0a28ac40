"""Work that would hold up the event loop, in one daemon thread.

Not a ``ThreadPoolExecutor``: the interpreter waits for its threads when it ends, and a model that hangs must
not keep a stopped program alive.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Worker"]

ResultT = TypeVar("ResultT")
_Job = tuple["asyncio.Future[Any]", Callable[[], Any]]


class Worker:
    """One thread that does one thing after the other for one event loop.

    Whoever calls bounds how many wait.

    Attributes:
        pending: Jobs that wait or are done now, also those that nobody waits for any more.
    """

    def __init__(self, name: str) -> None:
        """Start the thread, inside the event loop that will await it."""
        self._loop = asyncio.get_running_loop()
        self.pending = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[], ResultT]) -> ResultT:
        """Return what ``function`` returns in the worker's thread, or raise what it raises."""
        future: asyncio.Future[ResultT] = self._loop.create_future()
        self.pending += 1
        self._jobs.put((future, function))
        return await future

    def close(self) -> None:
        """Ask the thread to end after what it does now."""
        self._jobs.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait for the end; a thread that hangs is left alone."""
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, function = job
            value, error = None, None
            if not future.cancelled():  # else nobody waits any more
                try:
                    value = function()
                except Exception as raised:
                    error = raised
            del job, function  # what they hold is large, and the next job may come in an hour
            try:
                self._loop.call_soon_threadsafe(self._settle, future, value, error)
            except RuntimeError:  # the loop was closed meanwhile
                return
            del future, value, error

    def _settle(self, future: "asyncio.Future[Any]", value: Any, error: Exception | None) -> None:
        self.pending -= 1
        if future.done():  # cancelled meanwhile
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
