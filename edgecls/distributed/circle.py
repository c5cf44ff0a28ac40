"""The guards of all processes, as one of them speaks with the others: rank 0 decides, the others ask it."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from edgecls_device.errors import SpecError
from edgecls_device.records import decode, encode

from edgecls.distributed.ending import Ending
from edgecls.distributed.meeting import Meeting
from edgecls.distributed.verdict import Verdict
from edgecls.distributed.wire import Wire, WireError, readable

__all__ = ["Circle", "circle_of"]

_FAREWELL_S = 5.0


class Circle(Protocol):
    """The other guards."""

    @property
    def wires(self) -> Sequence[Wire]:
        """What can be heard."""
        ...

    def hear(self, wire: Wire) -> None:
        """Take what one of ``wires`` has to say; call it when there is something to read."""
        ...

    def report(self, ending: Ending) -> None:
        """Say how this process's child ended; what is said first counts."""
        ...

    def verdict(self) -> Ending | None:
        """Return what ends the training for all processes; None while it goes on."""
        ...

    def part(self) -> None:
        """See to it that the others have heard the verdict."""
        ...


def circle_of(rank: int, host: str, meeting: Meeting | None) -> Circle:
    """Return the circle of process ``rank``; without a meeting there are no others."""
    if rank > 0 and meeting is not None:
        return _Asking(rank, meeting)
    return _Deciding(meeting.wires if meeting else {}, meeting.hosts if meeting else (host,))


class _Deciding:
    """Rank 0: hears all, decides, tells all."""

    def __init__(self, wires: Mapping[int, Wire], hosts: Sequence[str]) -> None:
        self._wires, self._hosts = dict(wires), hosts
        self._collected = Verdict(len(hosts))
        self._decided: Ending | None = None

    @property
    def wires(self) -> Sequence[Wire]:
        return list(self._wires.values())

    def hear(self, wire: Wire) -> None:
        rank = next(rank for rank, one in self._wires.items() if one is wire)
        host = self._hosts[rank]
        try:
            for message in wire.receive():
                said = {**message, "rank": rank, "host": host}
                self._collected.add(decode(Ending, said, f"what rank {rank} says"))
        except (WireError, SpecError):
            del self._wires[rank]
            self._collected.add(Ending(rank=rank, host=host, kind="lost"))

    def report(self, ending: Ending) -> None:
        self._collected.add(ending)

    def verdict(self) -> Ending | None:
        if self._decided is None and (found := self._collected.find()) is not None:
            self._decided = found
            for wire in self._wires.values():
                wire.send(encode(found))
        return self._decided

    def part(self) -> None:
        """Wait until they have closed: closing with something unread would take back what was sent."""
        deadline = time.monotonic() + _FAREWELL_S
        while self._wires and (left := deadline - time.monotonic()) > 0:
            for wire in readable(self._wires.values(), left):
                self.hear(wire)


class _Asking:
    """Another rank: tells rank 0, and hears from it what counts."""

    def __init__(self, rank: int, meeting: Meeting) -> None:
        self._wire, self._hosts = meeting.wires[0], meeting.hosts
        self._rank, self._is_told = rank, False
        self._decided: Ending | None = None

    @property
    def wires(self) -> Sequence[Wire]:
        return [self._wire]

    def hear(self, wire: Wire) -> None:
        try:
            for message in wire.receive():
                self._decided = self._decided or decode(Ending, message, "what rank 0 says")
        except (WireError, SpecError):
            lost = Ending(rank=0, host=self._hosts[0], kind="lost")
            self._decided = self._decided or lost

    def report(self, ending: Ending) -> None:
        if not self._is_told:
            self._is_told = True
            self._wire.send(encode(ending))

    def verdict(self) -> Ending | None:
        return self._decided

    def part(self) -> None:
        self._wire.close()
