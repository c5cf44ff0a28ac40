"""What rank 0 does at a meeting: wait for the others, compare what they say, answer all at once."""

import contextlib
import errno
import os
import socket
import time
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, TypeAlias

from edgecls_device.errors import DistributedError, SpecError
from edgecls_device.records import from_json

from edgecls.distributed.introduction import Introduction, contradictions
from edgecls.distributed.membership import Address, Membership
from edgecls.distributed.welcome import Welcome, reachable
from edgecls.distributed.wire import Wire, WireError, readable

__all__ = ["listen"]

_LINGER_S = 5.0
"""After a contradiction: until who comes next is told, too."""

_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_RETRY_S = 0.2
_MOST_STRANGERS = 100

_SocketAddress: TypeAlias = tuple[Any, ...]
"""As :mod:`socket` has them: numeric host, port, and what IPv6 has beside."""


def listen(membership: Membership, introduction: Introduction) -> Welcome:
    """Return the connections to the others and what they were told.

    Raises:
        DistributedError: If it cannot listen, if some do not come in time, or if one contradicts another.
    """
    with contextlib.closing(_Door(membership, introduction)) as door:
        door.wait()
        return door.welcome()


class _Door:
    """Where rank 0 listens, who stands there, and who came in."""

    def __init__(self, membership: Membership, introduction: Introduction) -> None:
        self._membership, self._introduction = membership, introduction
        self._deadline = time.monotonic() + membership.timeout_s
        self._listener = _listener(membership.coordinator, self._deadline)
        self._strangers: list[Wire] = []
        self._guests: dict[int, tuple[Wire, Introduction]] = {}
        self._refused: list[Wire] = []
        self._problems: list[str] = []

    def wait(self) -> None:
        """Wait until all are there, or until it is clear that there will be no training."""
        while not self._all_came() and (left := self._deadline - time.monotonic()) > 0:
            sources: list[Wire | socket.socket] = [
                self._listener,
                *self._guest_wires(),
                *self._strangers,
            ]
            for source in readable(sources, left):
                if isinstance(source, Wire):
                    self._hear(source)
                else:
                    self._open()

    def welcome(self) -> Welcome:
        """Answer all: let them in, or refuse them.

        Raises:
            DistributedError: If they are refused.
        """
        if reason := self._refusal():
            message, hint = reason
            for wire in (*self._refused, *self._guest_wires()):
                wire.send({"refused": message, "hint": hint})
            raise DistributedError(message, hint=hint)
        guests, self._guests = self._guests, {}
        hosts = [self._introduction.host, *(guests[rank][1].host for rank in sorted(guests))]
        address = reachable(wire.own_host for wire, _ in guests.values())
        for wire, _ in guests.values():
            wire.send({"welcome": hosts, "address": address})
        wires = {rank: guests[rank][0] for rank in sorted(guests)}
        return Welcome(wires=wires, hosts=tuple(hosts), address=address)

    def close(self) -> None:
        """Stop listening; who was let in stays."""
        self._listener.close()
        for wire in (*self._strangers, *self._refused, *self._guest_wires()):
            wire.close()

    def _all_came(self) -> bool:
        """Whether nobody is awaited; guests that went away again, which may not be known yet, are."""
        awaited = self._membership.processes - 1 - len(self._refused)
        if len(self._guests) >= awaited:
            for wire in readable(self._guest_wires(), 0.0):
                self._hear(wire)
        return len(self._guests) >= awaited

    def _guest_wires(self) -> list[Wire]:
        return [wire for wire, _ in self._guests.values()]

    def _missing(self) -> list[int]:
        return [rank for rank in range(1, self._membership.processes) if rank not in self._guests]

    def _open(self) -> None:
        with contextlib.suppress(OSError):  # it went away already
            connection, _ = self._listener.accept()
            self._strangers.append(Wire(connection))
        for wire in self._strangers[:-_MOST_STRANGERS]:
            self._drop(wire)

    def _hear(self, wire: Wire) -> None:
        try:
            messages = wire.receive()
            for message in messages:
                if wire in self._strangers:
                    self._take(wire, str(message.get("hello")))
        except WireError:
            self._drop(wire)

    def _take(self, wire: Wire, hello: str) -> None:
        try:
            guest = from_json(Introduction, hello, name="what a process says of itself")
        except (
            SpecError
        ) as error:  # not one of ours, or of another version: the rest goes on waiting
            wire.send({"refused": error.message, "hint": error.hint})
            self._drop(wire)
            return
        self._strangers.remove(wire)
        if guest.rank in self._guests:
            self._hear(self._guests[guest.rank][0])  # that it has gone away may not be known yet
        problems = contradictions(self._introduction, guest)
        if not problems and guest.rank in self._guests:
            other = self._guests[guest.rank][1]
            problems = [
                f"two processes say that they are rank {guest.rank}: on {other.host} and {guest.host}."
            ]
        if problems:
            self._problems += problems
            self._refused.append(wire)
            self._deadline = min(self._deadline, time.monotonic() + _LINGER_S)
        else:
            self._guests[guest.rank] = (wire, guest)

    def _drop(self, wire: Wire) -> None:
        wire.close()
        if wire in self._strangers:
            self._strangers.remove(wire)
        self._guests = {rank: one for rank, one in self._guests.items() if one[0] is not wire}

    def _refusal(self) -> tuple[str, str] | None:
        where, count = self._membership.coordinator, self._membership.processes
        if self._problems:
            message = f"Expected {count} processes that agree, but {' '.join(self._problems)}"
            return (
                message,
                "start all of them again: the same edgecls, the same options, each rank once",
            )
        if missing := self._missing():
            names = ", ".join(str(rank) for rank in missing[:20])
            more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
            ranks = f"rank{'s' if len(missing) > 1 else ''} {names}{more}"
            message = (
                f"Expected {count} processes at {where}, but {ranks} did not "
                f"come within {self._membership.timeout_s:g} s."
            )
            return (
                message,
                "start it there, and see that it reaches this address; --timeout waits longer",
            )
        return None


def _listener(where: Address, deadline: float) -> socket.socket:
    """Listen at the first of the name's addresses that is one of this machine."""
    failure = OSError(errno.EADDRNOTAVAIL, "")
    for address in _own_addresses(where, _resolved(where, deadline)):
        try:
            _bound((address[0], where.port + 1, *address[2:])).close()  # JAX listens there later
            return _bound(address)
        except OSError as error:
            failure = error
            if error.errno not in _NOT_HERE:
                break
    raise _cannot_listen(where, failure) from failure


def _own_addresses(where: Address, found: Sequence[_SocketAddress]) -> Sequence[_SocketAddress]:
    """Return where to try to listen: not at a loopback address that only this machine's own name has.

    Debian and many containers give a machine's own name a loopback address, under which others never look.
    """
    own_name = socket.gethostname().partition(".")[0]
    if where.host.partition(".")[0] != own_name or own_name == "localhost":
        return found
    reached = [address for address in found if not ip_address(address[0]).is_loopback]
    everywhere = [("::" if ":" in address[0] else "0.0.0.0", *address[1:]) for address in found]
    return reached or everywhere


def _resolved(where: Address, deadline: float) -> Sequence[_SocketAddress]:
    """Return the addresses of a name; it may be known only after a while, as in Kubernetes."""
    while True:
        try:
            found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
        except OSError as error:
            if time.monotonic() >= deadline:
                message = f"Expected --coordinator with an address of rank 0, got {where}: {error.strerror}."
                raise DistributedError(message, hint="give a numeric address of rank 0") from error
            time.sleep(_RETRY_S)
        else:
            return [address for *_, address in found]


def _bound(address: _SocketAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def _cannot_listen(where: Address, error: OSError) -> DistributedError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    message = f"Expected to listen at {where} and the port after it, as rank 0 does, got: {reason}."
    if error.errno == errno.EADDRINUSE:
        hint = (
            "another rank 0, or something else, listens there; give each rank once, or another port"
        )
    elif error.errno == errno.EADDRNOTAVAIL:
        hint = "--coordinator names the machine of rank 0; is this another one, and has it another --rank?"
    else:
        hint = "give another port to --coordinator of all processes"
    return DistributedError(message, hint=hint)
