"""A sink in a thread of its own, so that a slow disk, network, terminal or pipe never stops the loop.

Memory is bounded: so many results and events wait, and so many bytes of pixels. Nothing is lost without being
counted.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from edgecls_device.errors import EdgeclsError
from edgecls_device.results import Event, FrameResult, RunSummary, SinkCounts
from edgecls_device.sinks.backlog import Backlog, Item
from edgecls_device.sinks.protocol import Sink
from edgecls_device.sinks.stream import ReaderGoneError
from edgecls_device.stop import READER_GONE, Stop

__all__ = ["FINISH_S", "BackgroundSink", "finish_sinks"]

FINISH_S = 3.0  # of the five seconds in which SIGTERM has to be done
PIXEL_BYTES = 64 << 20  # 69 frames of 640x480, one of 12 megapixels
_LOOK_S = 0.1
_Step = Literal["idle", "finish", "close"]


class BackgroundSink:
    """Hands what it is given to another sink, in a thread. See ``Sink`` for the contract.

    For a live source ``write`` and ``notify`` return at once. When too much waits, the oldest result is
    dropped; an event only when no result is left to drop. A failure of the inner sink is counted, and the next
    item is tried again.

    For a source that must not lose frames (``is_lossless``) they wait for room until ``stop`` is requested, and
    a failure of the inner sink is raised by the next call.

    All methods of the inner sink are called from one thread. Pictures are made read-only, since several threads
    share them. When the reader of a pipe goes away, ``stop`` is requested with the reason ``READER_GONE``.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        stop: Stop,
        capacity: int = 64,
        is_lossless: bool = False,
        pixel_bytes: int = PIXEL_BYTES,
        finish_s: float = FINISH_S,
    ) -> None:
        """Start the thread.

        Args:
            sink: The inner sink. What it says of itself (see ``DirectSink``) saves memory.
            stop: Requested when the reader of a pipe went away; looked at while waiting.
            capacity: Results and events that wait at most.
            is_lossless: Whether to wait instead of dropping, and to raise errors.
            pixel_bytes: Bytes of the pictures that wait, at most; a single one may have more.
            finish_s: How long the end may take; for a lossless sink from when ``stop`` is requested.
        """
        self.inner = sink
        self._stop = stop
        self._is_lossless = is_lossless
        self._finish_s = finish_s
        self._takes_results: bool = getattr(sink, "takes_results", True)
        self._takes_events: bool = getattr(sink, "takes_events", True)
        self._needs_pixels: bool = getattr(sink, "needs_pixels", True)
        self._idle_s: float | None = getattr(sink, "idle_s", None)
        self._condition = threading.Condition()
        self._backlog = Backlog(capacity=capacity, pixel_bytes=pixel_bytes)
        self._given = self._written = self._dropped = self._failed = self._in_flight = 0
        self._last_error = ""
        self._is_failing = False
        self._error: Exception | None = None  # to be raised by the next call
        self._is_over = False  # nothing more is handed over
        self._summary: RunSummary | None = None
        self._finish_by = float("inf")
        self._is_closing = False
        self._is_finished = threading.Event()
        self._thread = threading.Thread(
            target=self._work, name=f"edgecls-{sink.name}-sink", daemon=True
        )
        self._thread.start()

    @property
    def name(self) -> str:
        """The inner sink's."""
        return self.inner.name

    @property
    def counts(self) -> SinkCounts:
        """What became of what it was given."""
        with self._condition:
            return SinkCounts(
                name=self.name,
                given=self._given,
                written=self._written,
                dropped=self._dropped,
                failed=self._failed,
                waiting=len(self._backlog) + self._in_flight,
                last_error=self._last_error,
                is_failing=self._is_failing,
            )

    def write(self, result: FrameResult) -> None:
        """Take one result; at once if the source is live."""
        if self._takes_results:
            self._give(Item(result=self._shared(result)))
        else:
            self._raise_error()

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Take one event; at once if the source is live."""
        if self._takes_events:
            shared = None if result is None else self._shared(result)
            self._give(Item(result=shared, event=event))
        else:
            self._raise_error()

    def begin_finish(self, summary: RunSummary, *, within_s: float = FINISH_S) -> None:
        """Let the thread write what waits and complete it, without waiting; ``finish`` waits.

        Args:
            summary: Of the run.
            within_s: How long ``finish`` may wait, in seconds, at most the sink's own limit.
        """
        with self._condition:
            if self._summary is None:
                self._summary = summary
                self._finish_by = time.monotonic() + min(self._finish_s, within_s)
                self._condition.notify_all()
        self._hurry()

    def finish(self, summary: RunSummary) -> None:
        """Wait until everything is written and completed, or the deadline is over.

        Raises:
            StorageError: If the inner sink could not complete it; if lossless also what went wrong before.
        """
        self.begin_finish(summary)
        while not self._is_finished.wait(self._patience()):
            if self._is_lossless and not self._stop.is_requested:
                self._finish_by = time.monotonic() + self._finish_s
            elif time.monotonic() >= self._finish_by:
                self._abandon()
                break
        self._raise_error()

    def close(self) -> None:
        """Write what waits, free the inner sink and end the thread; one that hangs is left behind."""
        with self._condition:
            patience = _LOOK_S if self._is_over else self._finish_s
            self._is_closing = True
            self._condition.notify_all()
        self._hurry()
        if self._thread is not threading.current_thread():
            self._thread.join(patience)
            if self._thread.is_alive():
                self._abandon()

    def _give(self, item: Item) -> None:
        with self._condition:
            self._raise_error()
            self._given += 1
            while self._is_lossless and self._must_wait(item):
                self._condition.wait(_LOOK_S)
            if self._is_over or self._is_closing:
                self._dropped += 1
            else:
                self._dropped += self._backlog.add(item)
                self._condition.notify_all()

    def _must_wait(self, item: Item) -> bool:
        return not (self._backlog.has_room(item) or self._is_over or self._stop.is_requested)

    def _shared(self, result: FrameResult) -> FrameResult:
        """Return the result with a picture that nobody can draw on, or none where none is needed."""
        if self._needs_pixels:
            result.image.setflags(write=False)
            return result
        shape = np.broadcast_to(
            np.uint8(0), result.image.shape
        )  # one byte, so that frames are freed
        return replace(result, frame=replace(result.frame, image=shape))

    def _hurry(self) -> None:
        """Tell a sink that waits between attempts that the end has come; only the sinks that do have this."""
        hurry = getattr(self.inner, "hurry", None)
        if hurry is not None and (not self._is_lossless or self._stop.is_requested):
            hurry()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _patience(self) -> float:
        return min(max(self._finish_by - time.monotonic(), 0.0), _LOOK_S)

    def _abandon(self) -> None:
        """Give up what waits; what is in the inner sink's hands stays ``waiting``."""
        with self._condition:
            if self._is_over:
                return
            self._is_over = True
            left = self._backlog.clear()
            self._dropped += left
            self._is_failing = True
            what = f"{left + self._in_flight} were left" if left + self._in_flight else "it hangs"
            self._last_error = f"Not done within {self._finish_s:g} s: {what}."

    def _work(self) -> None:
        """Hand over until it is closed; the only place that touches the inner sink."""
        while self._do(self._next_step()):  # no name here holds on to the last picture
            pass

    def _do(self, step: "Item | _Step") -> bool:
        """Do one thing; return whether there may be more."""
        if isinstance(step, Item):
            self._hand_over(step)
        elif step == "idle":
            self._attempt_idle()
        elif step == "finish":
            self._attempt_finish()
        else:
            self._attempt_close()
        return step != "close"

    def _next_step(self) -> "Item | _Step":
        with self._condition:
            while True:
                item = self._backlog.take()
                if item is not None:
                    self._in_flight = 1
                    self._condition.notify_all()
                    return item
                if self._summary is not None and not self._is_finished.is_set():
                    return "finish"
                if self._is_closing:
                    return "close"
                if not self._condition.wait(self._idle_s):
                    return "idle"

    def _hand_over(self, item: Item) -> None:
        try:
            if item.event is not None:
                self.inner.notify(item.event, item.result)
            elif item.result is not None:
                self.inner.write(item.result)
        except Exception as error:
            self._note_failure(error, failed=1)
        else:
            with self._condition:
                self._in_flight = 0
                self._written += 1
                self._is_failing = (
                    self._is_over
                )  # a success later than the deadline changes nothing

    def _note_failure(self, error: Exception, *, failed: int) -> None:
        is_gone = isinstance(error, ReaderGoneError)
        if is_gone:
            self._stop.request(READER_GONE)
        with self._condition:
            self._in_flight = 0
            self._failed += failed
            self._last_error = _sentence(error)
            self._is_failing = not is_gone
            if self._is_lossless:
                self._error = self._error or error
            if is_gone or self._is_lossless:
                self._is_over = True
                self._dropped += self._backlog.clear()
            self._condition.notify_all()

    def _attempt_idle(self) -> None:
        try:
            self.inner.idle()  # type: ignore[attr-defined]  # only a sink with idle_s comes here
        except Exception as error:
            self._note_failure(error, failed=0)

    def _attempt_finish(self) -> None:
        summary = self._summary
        try:
            if summary is not None and self._error is None:
                self.inner.finish(summary)
        except ReaderGoneError as error:
            self._note_failure(error, failed=0)
        except Exception as error:
            self._note_failure(error, failed=0)
            self._error = self._error or error
        finally:
            self._is_finished.set()

    def _attempt_close(self) -> None:
        try:
            self.inner.close()
        except Exception as error:
            self._note_failure(error, failed=0)


def finish_sinks(sinks: Sequence[Sink], summary: RunSummary, *, within_s: float = FINISH_S) -> None:
    """Finish all sinks at the same time, and all of them even if one fails.

    Args:
        sinks: All of a run. Those without a thread of ours finish while the threads do.
        summary: Of the run.
        within_s: How long those in threads may take, in seconds.

    Raises:
        StorageError: The first that one of them raised, such as a clip that is not whole.
    """
    errors: list[Exception] = []
    in_background = [sink for sink in sinks if isinstance(sink, BackgroundSink)]
    for one in in_background:
        one.begin_finish(summary, within_s=within_s)
    others = [sink for sink in sinks if not isinstance(sink, BackgroundSink)]
    for sink in (*others, *in_background):
        try:
            sink.finish(summary)
        except (EdgeclsError, OSError) as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _sentence(error: Exception) -> str:
    if isinstance(error, EdgeclsError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    return f"{type(error).__name__}: {error}"[:200]
