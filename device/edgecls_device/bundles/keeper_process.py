"""One keeper for an installation, also while it executes itself anew: the lock is handed over, never let go."""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.version_program import PYTHON
from edgecls_device.errors import UpdateError
from edgecls_device.files import storage_errors
from edgecls_device.service.watch import Watch

__all__ = ["SIGNALS", "execute_anew", "keeping"]

HANDED_OVER = "EDGECLS_KEEPER_LOCK"  # the descriptor that holds the lock
SIGNALS = (signal.SIGINT, signal.SIGTERM)
TRIES = 10
TRY_EVERY_S = 0.05


@contextmanager
def keeping(installation: Installation) -> Iterator[int]:
    """Hold the keeper's lock; give its descriptor, which no child inherits unless it is told to.

    Raises:
        UpdateError: If another keeper holds it.
        StorageError: If this user may not write there.
    """
    descriptor = _handed_over(installation)
    if descriptor is None:
        with storage_errors("keep", installation.root):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(installation.keeper_lock, flags, 0o644)
    try:
        os.set_inheritable(descriptor, False)
        _lock(descriptor, installation)
        yield descriptor
    finally:
        os.close(descriptor)


def execute_anew(
    installation: Installation, watch: Watch, lock: int, say: Callable[[str], None]
) -> None:
    """Replace this process with the keeper of the confirmed version, which has the same number and the lock.

    Signals that come meanwhile wait for it. It returns only if there is no such program: then this one goes on.
    """
    python = installation.confirmed / PYTHON
    command = [str(python), "-I", "-m", "edgecls", "keep", "--root", str(installation.root)]
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        if watch.signal_number:
            return
        sys.stdout.flush()
        os.set_inheritable(lock, True)
        os.execve(python, command, {**os.environ, HANDED_OVER: str(lock)})
    except OSError as error:
        os.set_inheritable(lock, False)
        say(f"note: the keeper of {python} cannot be started: {error.strerror}; this one goes on")
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _handed_over(installation: Installation) -> int | None:
    """Return the descriptor that this very process had before it executed itself anew, if it did."""
    number = os.environ.pop(HANDED_OVER, "")
    if not (number.isascii() and number.isdigit()):
        return None
    try:
        ours, there = os.fstat(int(number)), installation.keeper_lock.stat()
    except (OSError, OverflowError):
        return None  # somebody inherited the variable, but not the file
    return int(number) if os.path.samestat(ours, there) else None


def _lock(descriptor: int, installation: Installation) -> None:
    """Lock it; whoever asks whether a keeper runs holds it for a moment, so one try is not enough."""
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(TRY_EVERY_S)
        else:
            return
    message = f"Expected nobody to keep {str(installation.root)!r}, but another keeper runs."
    raise UpdateError(message, hint="look for it: systemctl status, or ps -C python3 -f")
