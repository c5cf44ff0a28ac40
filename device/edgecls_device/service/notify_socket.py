"""The other end of ``sd_notify(3)``: what systemd holds, for a parent that watches a child as systemd does."""

import os
import secrets
import socket
import struct
from collections.abc import Iterator

__all__ = ["NotifySocket"]

MOST_BYTES = 4096
CREDENTIALS = struct.Struct("3i")  # process, user, group: unix(7)


class NotifySocket:
    """An abstract socket, which leaves no file behind.

    Attributes:
        address: For ``NOTIFY_SOCKET``.
    """

    def __init__(self) -> None:
        """Open it."""
        name = f"edgecls-{os.getpid()}-{secrets.token_hex(4)}"
        self.address = f"@{name}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(f"\0{name}")

    def messages(self, pid: int, *, wait_s: float) -> Iterator[dict[str, str]]:
        """Yield what a process said since the last call.

        Any local user can send to the socket, so the kernel is asked who did.

        Args:
            pid: Messages of others are left out.
            wait_s: How long to wait for the first, seconds.
        """
        self._socket.settimeout(wait_s)
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(
                    MOST_BYTES, socket.CMSG_SPACE(CREDENTIALS.size)
                )
            except (TimeoutError, BlockingIOError):
                return
            self._socket.settimeout(0)
            if [CREDENTIALS.unpack(raw)[0] for *_, raw in ancillary] == [pid]:
                lines = data.decode(errors="replace").splitlines()
                yield dict(line.split("=", 1) for line in lines if "=" in line)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
