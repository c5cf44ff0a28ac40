"""Durations of one call, without what other programs took meanwhile."""

import time
from collections.abc import Callable
from statistics import median

__all__ = ["Stopwatch"]


class Stopwatch:
    """Times one call again and again.

    A call of ten milliseconds is interrupted more often than one of ten microseconds: where other programs run,
    a whole model would seem slower than its operations together. So a call that stays in its thread is timed
    by the clock of that thread, which stands still while another program has the core.
    """

    def __init__(self, *, threads: int) -> None:
        """``threads`` is in how many threads the call works."""
        self._now = time.thread_time_ns if threads == 1 else time.perf_counter_ns
        self._durations_ns: list[int] = []

    def time(self, call: Callable[[], object]) -> None:
        """Call once, and keep how long it took."""
        start = self._now()
        call()
        self._durations_ns.append(self._now() - start)

    @property
    def median_us(self) -> float:
        """Median in microseconds."""
        return median(self._durations_ns) / 1e3
