"""Taking the address, before anything else starts: what is in the way is named with its remedy."""

import errno
import socket

from edgecls_device.errors import OptionError

__all__ = ["listen"]

BACKLOG = 256


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 lets the system choose one.

    Raises:
        OptionError: If the address cannot be had.
    """
    where = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        message = f"Cannot listen on {where}: the name is not known ({error.strerror})."
        raise OptionError(
            message, hint="give an address of this machine, such as 127.0.0.1:8080"
        ) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason, hint = _why_not(error, host, port)
        message = f"Cannot listen on {where}: {reason}."
        raise OptionError(message, hint=hint) from error
    return listener


def _why_not(error: OSError, host: str, port: int) -> tuple[str, str]:
    other = f"{host}:{port + 1 if port < 65535 else 8080}"
    if error.errno == errno.EADDRINUSE:
        return "the port is in use", f"choose another: --web {other}, or end what has it: ss -ltnp"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            "permission denied",
            f"choose a port from 1024 on: --web {host}:8080, or give a service "
            "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address", "see its addresses with: ip addr"
    return error.strerror or str(error), "choose another address: --web 127.0.0.1:8080"
