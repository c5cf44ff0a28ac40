"""Events that wait for their receiver: bounded, in order, and gone only once they are acknowledged.

Memory holds all that waits; a file holds a copy of what would be missed after a power cut. Nothing here does
any I/O: ``unsaved`` and ``forgotten`` say what a file has to learn.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Outbox", "OutboxCounts", "Waiting"]


@dataclass(kw_only=True, slots=True)
class Waiting:
    """One event that waits.

    Attributes:
        number: Its place in the order, also over restarts.
        payload: What is to be sent.
        noted_s: When it came, on the caller's clock.
        is_sent: Whether it is on its way, not yet acknowledged.
        is_saved: Whether a file has it.
        is_late: Whether it could not be sent at once.
    """

    number: int
    payload: bytes
    noted_s: float
    is_sent: bool = False
    is_saved: bool = False
    is_late: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxCounts:
    """What became of the events: ``given`` is the sum of the others.

    Attributes:
        given: Events put in, those of an earlier run included.
        written: Acknowledged.
        dropped: The oldest, for which there was no room.
        failed: Refused by the receiver.
        waiting: Still here.
    """

    given: int
    written: int
    dropped: int
    failed: int
    waiting: int


class Outbox:
    """A bounded queue whose items stay until they are acknowledged; for any number of threads."""

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        """Start empty.

        Args:
            max_events: How many wait at most, at least 1.
            max_bytes: Their payloads together; a single one may have more.
        """
        self._max_events = max(max_events, 1)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._waiting: OrderedDict[int, Waiting] = OrderedDict()
        self._bytes = 0
        self._next = 1
        self._given = self._written = self._dropped = self._failed = 0
        self._forgotten: set[int] = set()

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)

    @property
    def counts(self) -> OutboxCounts:
        """See :class:`OutboxCounts`."""
        with self._lock:
            return OutboxCounts(
                given=self._given,
                written=self._written,
                dropped=self._dropped,
                failed=self._failed,
                waiting=len(self._waiting),
            )

    def put(self, payload: bytes, *, now_s: float, is_late: bool = False) -> None:
        """Add an event at the end; the oldest one gives way if there is no room."""
        with self._lock:
            self._given += 1
            self._add(Waiting(number=self._next, payload=payload, noted_s=now_s, is_late=is_late))
            self._next += 1

    def restore(self, saved: Iterable[tuple[int, bytes]], *, now_s: float) -> None:
        """Add what an earlier run left in a file, before everything that came since."""
        with self._lock:
            newer = list(self._waiting.values())
            self._waiting.clear()
            self._bytes = 0
            for number, payload in saved:
                self._given += 1
                self._next = max(self._next, number + 1)
                old = Waiting(number=number, payload=payload, noted_s=now_s)
                old.is_saved = old.is_late = True
                self._add(old)
            for item in newer:
                item.number, self._next = self._next, self._next + 1
                self._add(item)

    def take(self, limit: int) -> list[Waiting]:
        """Return the oldest events that are not on their way, in order, so that at most ``limit`` then are."""
        taken: list[Waiting] = []
        with self._lock:
            for count, item in enumerate(self._waiting.values()):
                if count >= limit:
                    break
                if not item.is_sent:
                    item.is_sent = True
                    taken.append(item)
        return taken

    def put_back(self, item: Waiting) -> None:
        """Say that an event is not on its way after all."""
        with self._lock:
            item.is_sent = False

    def settle(self, item: Waiting, *, is_refused: bool = False) -> None:
        """Say that an event was acknowledged, or refused for good; it is forgotten.

        One that was dropped meanwhile stays dropped.
        """
        with self._lock:
            if self._waiting.get(item.number) is not item:
                return
            del self._waiting[item.number]
            self._forget(item)
            if is_refused:
                self._failed += 1
            else:
                self._written += 1

    def unsaved(self, *, noted_before_s: float) -> list[Waiting]:
        """Return what came before that moment and is in no file yet, in order.

        Newer events are never saved before older ones, so the search ends at the first that is saved.
        """
        found: list[Waiting] = []
        with self._lock:
            for item in reversed(self._waiting.values()):
                if item.is_saved:
                    break
                if item.noted_s <= noted_before_s:
                    found.append(item)
        return found[::-1]

    def saved(self, items: Sequence[Waiting], settled: Sequence[int]) -> None:
        """Say that a file has ``items`` and no longer has ``settled``."""
        with self._lock:
            self._forgotten.difference_update(settled)
            for item in items:
                item.is_saved = True
                if self._waiting.get(item.number) is not item:  # settled meanwhile
                    self._forgotten.add(item.number)

    def reconcile(self, saved: Iterable[int]) -> None:
        """Say what a file has after it was opened again: no more, no less."""
        with self._lock:
            left = set(saved)
            for item in self._waiting.values():
                item.is_saved = item.number in left
            self._forgotten = left - self._waiting.keys()

    def forgotten(self) -> list[int]:
        """Return what a file still has though it is settled."""
        with self._lock:
            return list(self._forgotten)

    def drop_unsaved(self) -> int:
        """Drop what no file has, at the end of a run; return how many events that were."""
        with self._lock:
            unsaved = [item for item in self._waiting.values() if not item.is_saved]
            for item in unsaved:
                del self._waiting[item.number]
                self._forget(item)
            self._dropped += len(unsaved)
            return len(unsaved)

    def _add(self, item: Waiting) -> None:
        while self._waiting and not self._has_room(item):
            self._drop_oldest()
        self._waiting[item.number] = item
        self._bytes += len(item.payload)

    def _has_room(self, item: Waiting) -> bool:
        new = self._bytes + len(item.payload)
        return len(self._waiting) < self._max_events and new <= self._max_bytes

    def _drop_oldest(self) -> None:
        """Drop the oldest event; one that is on its way, and may arrive all the same, goes last."""
        at_rest = (number for number, item in self._waiting.items() if not item.is_sent)
        item = self._waiting.pop(next(at_rest, next(iter(self._waiting))))
        self._dropped += 1
        self._forget(item)

    def _forget(self, item: Waiting) -> None:
        self._bytes -= len(item.payload)
        if item.is_saved:
            self._forgotten.add(item.number)
