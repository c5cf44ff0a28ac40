"""The sink of the live page: the newest result, and nobody woken unless somebody looks."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edgecls_device.results import Event, FrameResult, SinkCounts
from edgecls_device.sinks.direct import DirectSink

__all__ = ["EVENTS_KEPT", "Shot", "WebSink"]

EVENTS_KEPT = 200  # a hundred stays: what fills the timeline of a page that is opened


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shot:
    """A result and its place among those given to the page, from 1."""

    number: int
    result: FrameResult


class WebSink(DirectSink):
    """Holds the newest result for the web server's thread. See ``Sink`` for the contract.

    ``write`` swaps one reference. A result counts as dropped if a viewer waited for one and a newer one took
    its place before it was shown; what nobody waits for is taken over and done with.
    """

    name = "web"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shot: Shot | None = None
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._given = self._event_count = self._dropped = 0
        self._is_awaited = False
        self._waiting_after: int | None = None
        self._on_shot: Callable[[], None] | None = None
        self._on_event: Callable[[Event], None] | None = None
        self._trouble: Callable[[], str] = str

    def write(self, result: FrameResult) -> None:
        """Take the place of the result before."""
        with self._lock:
            self._given += 1
            after, before = self._waiting_after, self._shot
            self._dropped += after is not None and before is not None and before.number > after
            self._shot = Shot(number=self._given, result=result)
            wake, self._is_awaited = (self._on_shot if self._is_awaited else None), False
        if wake is not None:
            wake()

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Keep the event, and tell the viewers."""
        del result
        with self._lock:
            self._event_count += 1
            self._events.append(event)
            tell = self._on_event
        if tell is not None:
            tell(event)

    @property
    def counts(self) -> SinkCounts:
        """What became of the results; failing while the server cannot be reached."""
        trouble = self._trouble()
        with self._lock:
            given = self._given + self._event_count
            return SinkCounts(
                name=self.name,
                given=given,
                written=given - self._dropped,
                dropped=self._dropped,
                last_error=trouble,
                is_failing=bool(trouble),
            )

    @property
    def newest(self) -> Shot | None:
        """The newest result; None before the first. From any thread."""
        return self._shot

    @property
    def events(self) -> tuple[Event, ...]:
        """The last 200 events, newest last. From any thread."""
        with self._lock:
            return tuple(self._events)

    def attach(
        self,
        *,
        on_shot: Callable[[], None],
        on_event: Callable[[Event], None],
        trouble: Callable[[], str],
    ) -> None:
        """Say whom to wake; each is called from the thread of the loop and must return at once.

        Args:
            on_shot: Called once after :meth:`await_newer`.
            on_event: Called for each event.
            trouble: Says why the page cannot be reached; empty while it can.
        """
        with self._lock:
            self._on_shot, self._on_event, self._trouble = on_shot, on_event, trouble

    def detach(self) -> None:
        """Wake nobody any more."""
        with self._lock:
            self._on_shot = self._on_event = None

    def await_newer(self, number: int) -> Shot | None:
        """Return the newest result if it is newer than ``number``; else None, and ``on_shot`` follows."""
        with self._lock:
            if self._shot is not None and self._shot.number > number:
                return self._shot
            self._is_awaited = True
            return None

    def note_waiting(self, after: int | None) -> None:
        """Say that viewers wait for what is newer than ``after``, so that what they miss is counted."""
        with self._lock:
            self._waiting_after = after
