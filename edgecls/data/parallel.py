"""One function over many files on a pool of threads, in order, stopping at once on Ctrl-C.

Threads are enough: hashing, reading and OpenCV's decoders all release the interpreter lock.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from edgecls.progress import Advance

__all__ = ["cores", "each"]

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def cores() -> int:
    """Return how many files are worth working on at once: the cores this process may use."""
    return len(os.sched_getaffinity(0))


def each(
    function: Callable[[ItemT], ResultT],
    items: Sequence[ItemT],
    *,
    threads: int,
    on_progress: Advance | None = None,
) -> Iterator[tuple[ItemT, ResultT]]:
    """Yield every item with its result, in order; an error of ``function`` ends the work."""
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item, result in zip(items, pool.map(function, items), strict=True):
                if on_progress is not None:
                    on_progress(1)
                yield item, result
        except BaseException:  # don't do the rest first
            pool.shutdown(wait=False, cancel_futures=True)
            raise
