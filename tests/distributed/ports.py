"""Addresses on loopback for tests of groups."""

import random
import socket

from edgecls.distributed.membership import Address


def free_address(host="127.0.0.1"):
    """Return the first of two ports after each other that nobody has, nor gets from the system by itself."""
    while True:
        port = random.SystemRandom().randrange(12_000, 30_000, 2)
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind((host, port))
                second.bind((host, port + 1))
            except OSError:
                continue
        return Address(host=host, port=port)
