"""Who may change an installation, and whether its keeper runs: two locks that end with their process.

``flock(2)`` locks are the kernel's, so none is left behind by a kill or a power cut.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from edgecls_device.bundles.installation import Installation
from edgecls_device.errors import StorageError, UpdateError
from edgecls_device.files import storage_errors

__all__ = ["changing", "is_kept"]


@contextmanager
def changing(installation: Installation) -> Iterator[None]:
    """Hold the lock of whoever changes an installation.

    Raises:
        UpdateError: If somebody else holds it.
        StorageError: If this user may not write there.
    """
    path = installation.update_lock
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        message = f"Cannot change the installation {str(installation.root)!r}: {error.strerror}."
        is_rights = error.errno in {errno.EACCES, errno.EPERM}
        hint = "repeat the command with sudo" if is_rights else "check the path and the disk"
        raise StorageError(message, hint=hint) from error
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


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


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = (
            "Expected nobody else to change this installation, but another update is going on."
        )
        raise UpdateError(message, hint="wait for its end, then repeat the command") from error
