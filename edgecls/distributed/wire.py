"""A connection between two processes of a training: JSON, a line per message."""

import contextlib
import json
import selectors
import socket
import sys
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

__all__ = ["MAX_BYTES", "Wire", "WireError", "readable"]

MAX_BYTES = 1_000_000
"""Longest message; what sends more is not one of ours."""

_SEND_S = 10.0
_IDLE_S, _INTERVAL_S, _PROBES = 10, 5, 3
"""A machine that vanished without a word is noticed after about 25 s."""


class WireError(Exception):
    """The other side is gone, or is not one of ours; the text says which."""


class Wire:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            _notice_lost_machines(connection)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    @property
    def own_host(self) -> str:
        """Numeric address of this end; one of IPv4 is told as such, also where a socket takes both."""
        return str(self._socket.getsockname()[0]).removeprefix("::ffff:")

    def send(self, message: dict[str, Any]) -> bool:
        """Send a message; False if the other side is gone, which reading will say, too."""
        data = json.dumps(message).encode() + b"\n"
        self._socket.settimeout(_SEND_S)
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        finally:
            with contextlib.suppress(OSError):
                self._socket.setblocking(False)
        return True

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages that have arrived; call it when there is something to read.

        Raises:
            WireError: If the other side is gone, or what it sends is no message.
        """
        try:
            data = self._socket.recv(65_536)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError as error:
            raise WireError(error.strerror or str(error)) from error
        if not data:
            message = "the connection was closed"
            raise WireError(message)
        *lines, self._received = (self._received + data).split(b"\n")
        if len(self._received) > MAX_BYTES:
            message = "a message that is too long"
            raise WireError(message)
        return [_decoded(line) for line in lines]

    def close(self) -> None:
        """Close it; closing twice is harmless."""
        self._socket.close()


class _HasDescriptor(Protocol):
    def fileno(self) -> int: ...


_SourceT = TypeVar("_SourceT", bound=_HasDescriptor)


def readable(sources: Iterable[_SourceT], timeout_s: float | None) -> list[_SourceT]:
    """Return those that have something to read, waiting at most ``timeout_s``, or for ever, until one has."""
    with selectors.DefaultSelector() as selector:
        for source in sources:
            selector.register(source.fileno(), selectors.EVENT_READ, source)
        return [key.data for key, _ in selector.select(timeout_s)]


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        text = "no JSON"
        raise WireError(text) from error
    if not isinstance(message, dict):
        text = "no object"
        raise WireError(text)
    return message


def _notice_lost_machines(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _INTERVAL_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
        silence_ms = (
            _IDLE_S + _INTERVAL_S * _PROBES
        ) * 1000  # the same while something is being sent
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silence_ms)
