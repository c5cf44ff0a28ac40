"""Room on the disk: what is collected must never fill it up."""

import os
import shutil
from pathlib import Path

from edgecls_device.errors import StorageError
from edgecls_device.files import storage_errors
from edgecls_device.sizes import format_size

__all__ = ["check_room", "folder_bytes", "kept_free_bytes"]

FREE_SHARE = 0.05
FREE_BYTES = 200_000_000


def kept_free_bytes(total_bytes: int) -> int:
    """Return how much of a disk is left free: 5 %, or 200 MB where that is less."""
    return min(int(total_bytes * FREE_SHARE), FREE_BYTES)


def check_room(directory: Path, needed_bytes: int) -> None:
    """Check that a file fits on the disk and leaves free what others need.

    Args:
        directory: Exists.
        needed_bytes: Size of the file.

    Raises:
        StorageError: If it does not, or the disk cannot be asked.
    """
    with storage_errors("ask for the free space of", directory):
        usage = shutil.disk_usage(directory)
    kept = kept_free_bytes(usage.total)
    if usage.free - needed_bytes < kept:
        message = (
            f"Expected {format_size(kept)} to stay free on the disk of {str(directory)!r}, "
            f"got {format_size(usage.free)} of free space."
        )
        raise StorageError(message, hint="free some space on that disk")


def folder_bytes(directory: Path) -> int:
    """Return the size of all files below a folder; links are not followed.

    Raises:
        StorageError: If a folder may not be read.
    """
    total, waiting = 0, [str(directory)]
    with storage_errors("read", directory):
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total
