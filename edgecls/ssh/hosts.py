"""Which devices: ``pi@shed.local``, and files with one of these a line."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import OptionError
from edgecls_device.files import read_bytes

__all__ = ["Host", "batches", "parse_host", "parse_share", "read_hosts"]

MOST_BYTES = 1_000_000
SSH_PORT = 22

_HOST = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@)?"
    r"(?P<name>\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)"
    r"(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """One device.

    Attributes:
        address: Its name or address; it may be an alias of ``~/.ssh/config``.
        user: Who to log in as; empty for what ``~/.ssh/config`` says, or the local user.
        port: None for what ``~/.ssh/config`` says, or 22.
    """

    address: str
    user: str = ""
    port: int | None = None

    def __str__(self) -> str:
        """Return it as the user writes it."""
        user = f"{self.user}@" if self.user else ""
        address = f"[{self.address}]" if ":" in self.address and self.port else self.address
        return f"{user}{address}" + (f":{self.port}" if self.port else "")


def parse_host(text: str, *, place: str = "") -> Host:
    """Return the device that ``user@address:port`` names; user and port may be left out.

    Args:
        text: What the user wrote.
        place: Where, for messages.

    Raises:
        OptionError: If it is no such text.
    """
    found = _HOST.fullmatch(text.strip())
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 1 <= port <= 65535):
        where = f" in {place}" if place else ""
        message = f"Expected user@address or user@address:port{where}, got {text!r}."
        raise OptionError(message, hint="for example: --host pi@shed.local")
    return Host(address=found["name"].strip("[]"), user=found["user"] or "", port=port)


def read_hosts(path: Path) -> tuple[Host, ...]:
    """Return the devices in a file: one a line; what follows ``#`` is a remark.

    Raises:
        OptionError: If there is none, one is named twice, or a line is something else.
        StorageError: If the file cannot be read.
    """
    text = read_bytes(path, max_bytes=MOST_BYTES).decode(errors="replace")
    lines = [(n, line.partition("#")[0].strip()) for n, line in enumerate(text.splitlines(), 1)]
    hosts = [parse_host(line, place=f"{path}, line {n}") for n, line in lines if line]
    if not hosts:
        message = f"Expected at least one device in {str(path)!r}, got none."
        raise OptionError(message, hint="one a line: pi@shed.local")
    check_distinct(hosts)
    return tuple(hosts)


def check_distinct(hosts: Iterable[Host]) -> None:
    """Refuse a device that is named twice: two installations at once would disturb each other.

    Raises:
        OptionError: The first such device.
    """
    seen: set[tuple[str, int]] = set()
    for host in hosts:
        place = (host.address.lower(), host.port or SSH_PORT)
        if place in seen:
            message = f"Expected each device once, got {host.address!r} twice."
            raise OptionError(message, hint="remove one of them")
        seen.add(place)


def parse_share(text: str, *, count: int) -> int:
    """Return how many devices are done at a time: ``3``, or ``25%`` of ``count``, at least one.

    Raises:
        OptionError: If it is no such text.
    """
    found = re.fullmatch(r"(\d{1,4})(%?)", text.strip())
    number = int(found[1]) if found else 0
    if found is None or number < 1 or (found[2] and number > 100):
        message = f"Expected a number of devices or a share up to 100%, got {text!r}."
        raise OptionError(message, hint="for example: --share 5, or --share 25%")
    return max(1, count * number // 100) if found[2] else number


def batches(hosts: Sequence[Host], at_a_time: int) -> list[list[Host]]:
    """Return the devices in the order in which they are done: one alone first, which risks least."""
    rest = list(hosts[1:])
    parts = [rest[i : i + at_a_time] for i in range(0, len(rest), at_a_time)]
    return [list(hosts[:1]), *parts]
