"""One capture process after another, and what became of the frames of all of them."""

import time
from collections import Counter
from collections.abc import Mapping

from edgecls_device.sources.capture_messages import Start
from edgecls_device.sources.capture_process import CaptureProcess

__all__ = ["CaptureSuccession"]

KILLED_S = 1.0  # a killed process that is still there then hangs in a driver
MOST_HANGING = 3

_hanging: list[CaptureProcess] = []
"""Processes that outlived their source. They are kept so that they can still be reaped."""


class CaptureSuccession:
    """At most one process captures; those before are on their way out.

    Attributes:
        current: The process that captures, if there is one.
    """

    def __init__(self) -> None:
        self.current: CaptureProcess | None = None
        self._leaving: list[tuple[CaptureProcess, float]] = []
        self._captured = 0
        self._dropped: Counter[str] = Counter()

    @property
    def captured(self) -> int:
        """Frames captured so far by all."""
        return self._captured + sum(process.counters.captured for process in self._processes())

    @property
    def dropped(self) -> Mapping[str, int]:
        """Frames captured but never given, by reason."""
        dropped = self._dropped.copy()
        for process in self._processes():
            dropped.update(_dropped_by(process))
        for process, _ in self._leaving:
            dropped["lost_in_capture"] += process.remainder
        return {name: count for name, count in dropped.items() if count}

    @property
    def is_stuck(self) -> bool:
        """Whether so many processes hang in a driver that another one would only hang too."""
        return len(self._leaving) >= MOST_HANGING

    def may_start(self) -> bool:
        """Return whether the devices of those before are free, or will not be freed by waiting."""
        self._reap()
        now = time.monotonic()
        is_waiting = any(now < kill_s + KILLED_S for _, kill_s in self._leaving)
        return not (is_waiting or self.is_stuck)

    def start(self, start: Start) -> CaptureProcess:
        """Start the next process.

        Raises:
            SourceError: If that is not possible.
        """
        self.current = CaptureProcess(start, base=self.captured)
        return self.current

    def retire(self, grace_s: float) -> None:
        """Let the current process go, and kill it after so many seconds."""
        process, self.current = self.current, None
        if process is not None:
            process.retire(grace_s)
            self._leaving.append((process, time.monotonic() + grace_s))
            self._reap()

    def close(self, grace_s: float) -> None:
        """Let all go; what the current one holds has not been read, and will not be."""
        process, self.current = self.current, None
        if process is not None:
            process.retire(grace_s)
            process.wait_gone(grace_s + 0.25)
            self._settle(process, "unread")
        for leaving, _ in self._leaving:
            leaving.retire(0)
            self._settle(leaving, "lost_in_capture")
        left = [process, *(leaving for leaving, _ in self._leaving)]
        self._leaving = []
        _hanging.extend(other for other in left if other is not None)
        _hanging[:] = [other for other in _hanging if not other.wait_gone(0)]

    def _processes(self) -> list[CaptureProcess]:
        leaving = [process for process, _ in self._leaving]
        return leaving if self.current is None else [*leaving, self.current]

    def _reap(self) -> None:
        for entry in [entry for entry in self._leaving if entry[0].is_gone()]:
            self._leaving.remove(entry)
            self._settle(entry[0], "lost_in_capture")

    def _settle(self, process: CaptureProcess, reason: str) -> None:
        """Take over the counts of a process; frames that it still held are lost for this reason."""
        self._captured += process.counters.captured
        self._dropped.update(_dropped_by(process))
        self._dropped[reason] += process.remainder


def _dropped_by(process: CaptureProcess) -> dict[str, int]:
    counted = process.counters
    return {
        "superseded": counted.superseded,
        "corrupt": counted.corrupt,
        "unusable": counted.unusable,
    }
