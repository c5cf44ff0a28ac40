"""Addresses on loopback for tests of groups."""

import socket

from edgecls.distributed.membership import Address


def free_address(host="127.0.0.1"):
    """Return the first of two ports after each other that nobody listens on."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind((host, 0))
            port = first.getsockname()[1]
            try:
                second.bind((host, port + 1))
            except (OSError, OverflowError):
                continue
        return Address(host=host, port=port)
