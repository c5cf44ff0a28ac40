"""The next frames of a file, decoded while the classifier is busy with this one.

A thread reads a few frames ahead. No frame is lost and the order stays; what was read ahead and is not wanted
any more counts as never captured, since it is still in its file.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from edgecls_device.sources.protocol import CapturedFrame, Source, SourceStatus
from edgecls_device.stop import Stop

__all__ = ["PrefetchedSource"]

FRAMES = 3
MOST_BYTES = 64_000_000
WAIT_S = 0.25
POLL_S = 0.05
JOIN_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Step:
    """What a source gave, and its counts right after that."""

    frame: CapturedFrame | None
    captured: int
    dropped: Mapping[str, int]
    problems: tuple[str, ...]
    status: SourceStatus
    error: BaseException | None = None

    @property
    def size_bytes(self) -> int:
        return 0 if self.frame is None else self.frame.image.nbytes


class PrefetchedSource:
    """Any source that is not live, read ahead. See ``Source`` for the contract."""

    is_live = False

    def __init__(
        self, source: Source, *, frames: int = FRAMES, most_bytes: int = MOST_BYTES
    ) -> None:
        """Take over an open source. Nothing is read before the first ``read``.

        Args:
            source: Read and closed by a thread of this one.
            frames: How many frames may wait.
            most_bytes: How much memory they may take, but for the first of them.
        """
        self.name, self.description = source.name, source.description
        self.frame_rate = source.frame_rate
        self.total: int = getattr(source, "total", 0)
        self._source = source
        self._frames, self._most_bytes = frames, most_bytes
        self._now = _step_of(source, None)
        self._waiting: deque[_Step] = deque()
        self._changed = threading.Condition()
        self._closing = Stop()
        self._thread: threading.Thread | None = None

    def read(self, stop: Stop) -> CapturedFrame | None:
        """Return the next frame; wait a moment for one if there is none."""
        if self._now.error is not None:
            raise self._now.error
        if self._is_over or stop.is_requested:
            return None
        self._start()
        until_s = time.monotonic() + WAIT_S
        with self._changed:
            while not self._waiting:
                left_s = until_s - time.monotonic()
                if left_s <= 0 or stop.is_requested:
                    return None
                self._changed.wait(min(left_s, POLL_S))
            step = self._now = self._waiting.popleft()
            self._changed.notify_all()
        if step.error is not None:
            raise step.error
        return step.frame

    @property
    def status(self) -> SourceStatus:
        """How the source was after the last frame that was read."""
        return self._now.status

    @property
    def captured(self) -> int:
        """Frames given out or dropped so far; those that wait do not count."""
        return self._now.captured

    @property
    def dropped(self) -> Mapping[str, int]:
        """Frames that were captured but could not be given out."""
        return self._now.dropped

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong but did not end the source."""
        return self._now.problems

    def close(self) -> None:
        """Free the source; one that hangs is left to its daemon thread."""
        with self._changed:
            self._closing.request("closed")
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is None:
            self._source.close()
        else:
            self._thread.join(JOIN_S)

    @property
    def _is_over(self) -> bool:
        return self._closing.is_requested or self._now.status.state == "ended"

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="edgecls-prefetch", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        last = self._now
        try:
            while not self._closing.is_requested and last.status.state != "ended":
                step = self._next()
                if step.frame is not None or step.error is not None or step.status != last.status:
                    self._put(step)
                last = step
                if step.error is not None:
                    return
        finally:
            self._source.close()

    def _next(self) -> _Step:
        try:
            return _step_of(self._source, self._source.read(self._closing))
        except BaseException as error:  # raised again where it is read
            return _step_of(self._source, None, error)

    def _put(self, step: _Step) -> None:
        with self._changed:
            while self._is_full(step) and not self._closing.is_requested:
                self._changed.wait()
            if not self._closing.is_requested:
                self._waiting.append(step)
                self._changed.notify_all()

    def _is_full(self, step: _Step) -> bool:
        if len(self._waiting) >= self._frames:
            return True
        held = sum(one.size_bytes for one in self._waiting)
        return bool(self._waiting) and held + step.size_bytes > self._most_bytes


def _step_of(
    source: Source, frame: CapturedFrame | None, error: BaseException | None = None
) -> _Step:
    return _Step(
        frame=frame,
        captured=source.captured,
        dropped=source.dropped,
        problems=source.problems,
        status=source.status,
        error=error,
    )
