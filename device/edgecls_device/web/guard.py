"""Who may hold a connection, and for how long, before any HTTP is read.

A web server that waits for slow clients can be held up with a few hundred sockets that send a byte now and
then (slow-loris). So each connection has ten seconds for the head of its next request, all together are
bounded, and when they are full the oldest one that has not finished a head makes room: whoever sends a
whole request at once, such as a health check, always gets in.
"""

import asyncio
import errno
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Literal

__all__ = ["Connection", "Guard", "Phase"]

MOST_CONNECTIONS = 128
HEAD_S = 10.0
REQUEST_S = 60.0
SWEEP_S = 0.5
RETRY_S = 1.0
ACCEPTED_AT_ONCE = 32
LARGEST_HEAD_BYTES = 32_768

Phase = Literal["waiting", "serving", "viewing"]
_FIRST_TO_GO = {"waiting": 0, "serving": 1, "viewing": 2}


class Connection(asyncio.Protocol):
    """Holds back the first request until its head is complete, then passes everything on to the HTTP protocol.

    So a slow client costs a socket and a few bytes, and the HTTP protocol is made for those only that use it.

    Attributes:
        phase: ``waiting`` for the head of a request, ``serving`` one, or ``viewing`` the live page.
        since: When that began, ``time.monotonic``.
        peer: The client's address.
    """

    def __init__(self, make_inner: Callable[[], asyncio.Protocol], guard: "Guard") -> None:
        self._make_inner, self._guard = make_inner, guard
        self._inner: asyncio.Protocol | None = None
        self._head = bytearray()
        self._transport: asyncio.Transport | None = None
        self.phase: Phase = "waiting"
        self.since = time.monotonic()
        self.peer = ""

    def enter(self, phase: Phase) -> None:
        """Say what it does from now on."""
        self.phase, self.since = phase, time.monotonic()
        self._guard.moved(self)

    def abort(self) -> None:
        """Close it at once, whatever is still to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self.peer = _network_of(transport.get_extra_info("peername"))
        self._guard.add(self)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._inner is None:
            seen = max(len(self._head) - 3, 0)
            self._head += data
            if self._head.find(b"\r\n\r\n", seen) < 0 and _may_become_a_head(self._head):
                return
            data, self._head = bytes(self._head), bytearray()
            self._inner = self._make_inner()
            if self._transport is not None:
                self._inner.connection_made(self._transport)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """See ``asyncio.Protocol``."""
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = None
        self._guard.remove(self)
        if self._inner is not None:
            self._inner.connection_lost(exc)


class Guard:
    """Accepts connections one after the other, and ends those that take too long.

    Attributes:
        closed: Connections that were ended, by reason: ``slow``, ``crowded``, or ``malformed`` (no HTTP).
        trouble: Why no connection can be accepted now; empty while they can.
    """

    def __init__(
        self,
        make_protocol: Callable[[], asyncio.Protocol],
        *,
        most: int = MOST_CONNECTIONS,
        head_s: float = HEAD_S,
        request_s: float = REQUEST_S,
    ) -> None:
        self._make_protocol = make_protocol
        self._most = most
        self._limits_s = {"waiting": head_s, "serving": request_s}
        self._sweep_s = min(SWEEP_S, head_s / 4)
        self._connections: dict[Connection, None] = {}  # by how long they have been in their phase
        self.closed: Counter[str] = Counter()
        self.trouble = ""

    @property
    def open(self) -> int:
        """Connections open now."""
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        """Take a connection; if there are too many, one makes room."""
        self._connections[connection] = None
        if len(self._connections) > self._most:
            self._end(self._who_makes_room(), "crowded")

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.pop(connection, None)

    def moved(self, connection: Connection) -> None:
        """Take note that a connection entered another phase just now."""
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = None

    async def accept_all(self, listener: socket.socket) -> None:
        """Accept connections for ever; while the system refuses (no descriptors), say so and try again.

        Not ``loop.sock_accept``: if it is cancelled at the wrong moment, the accepted socket is lost.

        Raises:
            OSError: If the listening socket is dead.
        """
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        loop.add_reader(listener, arrived.set)
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                try:
                    clients = _accepted(listener)
                except OSError as error:
                    if error.errno in {errno.EBADF, errno.EINVAL, errno.ENOTSOCK}:
                        raise
                    self.trouble = f"The web page takes no connections: {error.strerror or error}."
                    await asyncio.sleep(RETRY_S)
                    continue
                self.trouble = ""
                await asyncio.gather(*(self._take(client) for client in clients))
        finally:
            loop.remove_reader(listener)

    async def sweep_all(self) -> None:
        """End connections that take too long, for ever."""
        while True:
            await asyncio.sleep(self._sweep_s)
            now = time.monotonic()
            for connection in list(self._connections):
                limit_s = self._limits_s.get(connection.phase)
                if limit_s is not None and now - connection.since > limit_s:
                    self._end(connection, "slow")

    async def end_all(self) -> None:
        """End every connection."""
        for connection in list(self._connections):
            connection.abort()
        for _ in range(3):  # the event loop closes their sockets in its next rounds
            await asyncio.sleep(0)

    async def _take(self, client: socket.socket) -> None:
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(self._make_connection, client)
        except OSError:
            client.close()
        except asyncio.CancelledError:
            client.close()
            raise

    def _make_connection(self) -> Connection:
        return Connection(self._make_protocol, self)

    def _end(self, connection: Connection, reason: str) -> None:
        self.closed[reason] += 1
        self.remove(connection)
        connection.abort()

    def _who_makes_room(self) -> Connection:
        """Return the oldest waiting one of the client that has most; the newest of all is never meant."""
        *older, _ = self._connections
        phase = min((one.phase for one in older), key=_FIRST_TO_GO.__getitem__)
        eligible = [one for one in older if one.phase == phase]
        peers = Counter(one.peer for one in eligible)
        most = max(peers.values())
        return next(one for one in eligible if peers[one.peer] == most)


def _accepted(listener: socket.socket) -> list[socket.socket]:
    """Accept those that wait, a few at once; the first refusal of the system is raised.

    Raises:
        OSError: If the system refuses, such as for want of descriptors.
    """
    clients: list[socket.socket] = []
    while len(clients) < ACCEPTED_AT_ONCE:
        try:
            clients.append(listener.accept()[0])
        except BlockingIOError:
            break
        except ConnectionError:  # it went away while it waited
            continue
        except OSError:
            if clients:
                break
            raise
    return clients


def _may_become_a_head(data: bytearray) -> bool:
    """Whether more has to come before the HTTP protocol can say something about it."""
    return len(data) <= LARGEST_HEAD_BYTES and (65 <= data[0] <= 90 or data[0] in b"\r\n")


def _network_of(peer: object) -> str:
    """Return a client's address; of IPv6 the network, since one client has all addresses of it."""
    address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    return ":".join(address.split(":")[:4]) if ":" in address else address
