"""What waits for a sink that has fallen behind: bounded in number and in bytes, and events outlast results."""

from collections import deque
from dataclasses import dataclass

from edgecls_device.results import Event, FrameResult

__all__ = ["Backlog", "Item"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Item:
    """Something a sink is to be given: a result to write, or an event to be told of.

    Attributes:
        result: The result; of an event the one that caused it, if there is one.
        event: None for a result.
    """

    result: FrameResult | None
    event: Event | None = None


class Backlog:
    """A queue that drops its oldest results when it is full, and events only once no result is left.

    Not safe for threads: its owner has the lock. Every method takes constant time for each item it drops.
    """

    def __init__(self, *, capacity: int, pixel_bytes: int) -> None:
        """Start empty.

        Args:
            capacity: Items, at least 1.
            pixel_bytes: Of all frames together; a picture that several items share counts once. A single
                frame may have more.
        """
        self._capacity = max(capacity, 1)
        self._pixel_bytes = pixel_bytes
        self._results: deque[tuple[int, Item]] = deque()
        self._events: deque[tuple[int, Item]] = deque()
        self._order = 0
        self._shares: dict[int, int] = {}  # id of a picture -> items that hold it
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._results) + len(self._events)

    @property
    def held_bytes(self) -> int:
        """Bytes of the pictures that wait."""
        return self._held_bytes

    def has_room(self, item: Item) -> bool:
        """Whether nothing need be dropped for ``item``."""
        if not len(self):
            return True
        new = self._held_bytes + self._new_bytes(item)
        return len(self) < self._capacity and new <= self._pixel_bytes

    def add(self, item: Item) -> int:
        """Add an item; return how many were dropped, of which it may be one itself."""
        dropped = 0
        while not self.has_room(item):
            if not self._results and item.event is None:
                return dropped + 1
            self._pop(self._results or self._events)
            dropped += 1
        self._order += 1
        queue = self._results if item.event is None else self._events
        queue.append((self._order, item))
        self._hold(item)
        return dropped

    def take(self) -> Item | None:
        """Return the oldest item and forget it; None if there is none."""
        queues = [queue for queue in (self._results, self._events) if queue]
        if not queues:
            return None
        return self._pop(min(queues, key=lambda queue: queue[0][0]))

    def clear(self) -> int:
        """Forget all; return how many there were."""
        count = len(self)
        self._results.clear()
        self._events.clear()
        self._shares.clear()
        self._held_bytes = 0
        return count

    def _pop(self, queue: deque[tuple[int, Item]]) -> Item:
        _, item = queue.popleft()
        if item.result is not None:
            key = id(item.result.image)
            self._shares[key] -= 1
            if not self._shares[key]:
                del self._shares[key]
                self._held_bytes -= _bytes(item.result)
        return item

    def _hold(self, item: Item) -> None:
        self._held_bytes += self._new_bytes(item)
        if item.result is not None:
            key = id(item.result.image)
            self._shares[key] = self._shares.get(key, 0) + 1

    def _new_bytes(self, item: Item) -> int:
        if item.result is None or id(item.result.image) in self._shares:
            return 0
        return _bytes(item.result)


def _bytes(result: FrameResult) -> int:
    """Return what a picture takes; a repeated pixel (stride 0) takes none."""
    image = result.image
    return 0 if image.size and not any(image.strides) else image.nbytes
