"""Who may change an installation, who switches it just now, and whether its keeper runs.

``flock(2)`` locks are the kernel's and end with their process, so none is left behind by a kill or a power cut.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecls_device.bundles.installation import Installation
from edgecls_device.errors import StorageError, UpdateError
from edgecls_device.files import storage_errors

__all__ = ["changing", "is_kept", "switching"]


@contextmanager
def changing(installation: Installation) -> Iterator[None]:
    """Hold the lock of whoever changes an installation.

    Raises:
        UpdateError: If somebody else holds it.
        StorageError: If this user may not write there.
    """
    with _opened(installation, installation.update_lock) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = (
                "Expected an installation that nobody changes, but another update is going on."
            )
            raise UpdateError(message, hint="wait for its end, then repeat the command") from error
        yield


@contextmanager
def switching(installation: Installation) -> Iterator[None]:
    """Hold, for some milliseconds, the lock of whoever reads the state to write it and the links anew.

    An update and the keeper both do. It waits for the other.

    Raises:
        StorageError: If this user may not write there.
    """
    with _opened(installation, installation.switch_lock) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def is_kept(installation: Installation) -> bool:
    """Return whether a keeper runs there: whether its lock is held.

    A shared lock is tried for a moment, so a keeper that starts just then must try twice.

    Raises:
        StorageError: If the lock's file cannot be read.
    """
    path = installation.keeper_lock
    if not path.exists():
        return False
    with storage_errors("read", path), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _opened(installation: Installation, path: Path) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        message = f"Cannot change the installation {str(installation.root)!r}: {error.strerror}."
        is_rights = error.errno in {errno.EACCES, errno.EPERM}
        hint = "repeat the command with sudo" if is_rights else "check the path and the disk"
        raise StorageError(message, hint=hint) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
