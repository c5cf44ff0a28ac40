"""What happened to an installation: a JSON line each, appended and synced, a torn last line left out."""

import json
import os
import time
from dataclasses import dataclass
from typing import ClassVar, Literal

from edgecls_device.bundles.installation import Installation
from edgecls_device.files import read_bytes, storage_errors
from edgecls_device.records import from_json, to_json

__all__ = ["Entry", "What", "read_history", "remember"]

What = Literal["installed", "trial", "confirmed", "reverted", "rolled-back", "refused"]
MOST_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One thing that happened.

    Attributes:
        at: When, by the device's clock, ISO 8601 in UTC. A clock may be wrong; the order of lines is not.
        what: ``installed`` for the first time; put on ``trial``; ``confirmed`` by it; ``reverted`` to the one
            before; ``rolled-back`` by hand; ``refused`` before it was tried.
        name: The version it is about: its folder's name.
        release: Its release.
        reason: Why, a sentence; empty where there is nothing to say.
    """

    kind: ClassVar[str] = "edgecls.history"
    version: ClassVar[int] = 1

    at: str
    what: What
    name: str
    release: int
    reason: str = ""


def remember(
    installation: Installation, what: What, *, name: str, release: int, reason: str = ""
) -> None:
    """Append one entry and sync it.

    Raises:
        StorageError: If that fails.
    """
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    entry = Entry(at=at, what=what, name=name, release=release, reason=reason)
    line = to_json(entry, indent=None).encode()
    path = installation.history
    with storage_errors("write", path), path.open("a+b") as file:
        if file.tell() and _last_byte(file.fileno()) != b"\n":
            line = b"\n" + line  # what a power cut tore stays a line of its own
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_history(installation: Installation) -> tuple[Entry, ...]:
    """Return what happened, the oldest first; lines that a power cut tore are left out.

    Raises:
        SpecError: If a whole line is no entry.
        StorageError: If the file cannot be read.
    """
    path = installation.history
    if not path.exists():
        return ()
    lines = read_bytes(path, max_bytes=MOST_BYTES).splitlines()
    return tuple(
        from_json(Entry, line, name=f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if _is_whole(line)
    )


def _last_byte(descriptor: int) -> bytes:
    return os.pread(descriptor, 1, os.fstat(descriptor).st_size - 1)


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
