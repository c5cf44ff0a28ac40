"""A directory of pictures that never takes more than its share of a disk: the oldest make room for the newest.

The directory is read once, at the start; from then on the sizes are kept in memory, so that a picture costs no
more in a full directory than in an empty one.
"""

import os
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from edgecls_device.errors import StorageError
from edgecls_device.files import make_directory, storage_errors, write_atomically
from edgecls_device.sinks.naming import STAMPED
from edgecls_device.sizes import format_size

__all__ = ["FREE_BYTES", "FREE_SHARE", "MOST_FILES", "Quota"]

FREE_SHARE, FREE_BYTES = 0.05, 200_000_000  # the smaller of both stays free for everybody else
MOST_FILES = 20_000  # a directory with more is a burden for every program that looks into it
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{12}(\.[a-z0-9]+)?")  # as files.writing names them


class Quota:
    """Saves files into a directory and removes the oldest of its own when there is no room.

    Only files that are named as ``stamped_name`` does are its own, in the directory and in the folders right
    in it; others are neither counted nor removed. What was left half-written by a killed process is removed at
    the start. Not safe for threads.
    """

    def __init__(
        self,
        directory: Path,
        *,
        quota_bytes: int,
        most_files: int = MOST_FILES,
        free_bytes: int | None = None,
    ) -> None:
        """Create the directory if need be, and look at what is there.

        Args:
            directory: Where files go.
            quota_bytes: Of all its files together.
            most_files: Files at most.
            free_bytes: What stays free on the disk; by default 5 % of it or 200 MB, whichever is less.

        Raises:
            StorageError: If it cannot be created, read or written.
        """
        self._directory = make_directory(directory)
        self._quota_bytes = quota_bytes
        self._most_files = most_files
        self._free_bytes = free_bytes
        with storage_errors("write", directory):
            probe = directory / f".{os.urandom(6).hex()}"
            probe.touch(exist_ok=False)
            probe.unlink()
            found = sorted(self._scan(), key=lambda entry: Path(entry[0]).name)
        self._files: deque[tuple[str, int]] = deque(found)  # path below the directory, bytes
        self._used_bytes = sum(size for _, size in found)

    @property
    def used_bytes(self) -> int:
        """Bytes of its files."""
        return self._used_bytes

    @property
    def files(self) -> int:
        """How many files it has."""
        return len(self._files)

    def save(self, name: str, data: bytes) -> Path:
        """Write a file, whole or not at all, after the oldest have made room.

        Args:
            name: As ``stamped_name`` gives it, or such a name below one folder, as in ``cat/2023....jpg``.
            data: Its content.

        Returns:
            The file's path.

        Raises:
            StorageError: If there is no room even so, or it cannot be written.
        """
        path = self._directory / name
        if STAMPED.fullmatch(path.name) is None or len(Path(name).parts) > 2:
            message = (
                f"Expected a name that begins with a time, below one folder at most, got {name!r}."
            )
            raise ValueError(message)
        with storage_errors("write", path):
            self._make_room(len(data))
        write_atomically(path, data)
        self._files.append((name, len(data)))
        self._used_bytes += len(data)
        return path

    def _make_room(self, new_bytes: int) -> None:
        if new_bytes > self._quota_bytes:
            message = f"A picture of {format_size(new_bytes)} is more than the whole quota."
            raise StorageError(message, hint="give a larger quota")
        while self._files and (
            self._used_bytes + new_bytes > self._quota_bytes or len(self._files) >= self._most_files
        ):
            self._remove_oldest()
        self._make_directory_again()
        if self._is_short(new_bytes):
            self._replace(new_bytes)

    def _replace(self, new_bytes: int) -> None:
        """Remove as much as is to be written: others filled the disk, and our past is no help against that."""
        if self._used_bytes < new_bytes:
            message = f"The disk of {str(self._directory)!r} is almost full."
            raise StorageError(message, hint="free some space on that disk")
        freed = 0
        while self._files and freed < new_bytes:
            freed += self._remove_oldest()

    def _is_short(self, new_bytes: int) -> bool:
        disk = os.statvfs(self._directory)
        floor = self._free_bytes
        if floor is None:
            floor = int(min(disk.f_blocks * disk.f_frsize * FREE_SHARE, FREE_BYTES))
        return disk.f_bavail * disk.f_frsize - new_bytes < floor

    def _remove_oldest(self) -> int:
        """Remove one file; return its size."""
        name, size = self._files[0]
        (self._directory / name).unlink(missing_ok=True)
        self._files.popleft()
        self._used_bytes -= size
        return size

    def _make_directory_again(self) -> None:
        """Somebody may have moved it away to have a look."""
        if not self._directory.is_dir():
            make_directory(self._directory)

    def _scan(self) -> Iterator[tuple[str, int]]:
        folders = [""]
        for folder in folders:
            with os.scandir(self._directory / folder) as entries:
                for entry in entries:
                    name = f"{folder}{entry.name}"
                    if entry.is_dir(follow_symlinks=False) and not folder:
                        if not entry.name.startswith("."):
                            folders.append(f"{entry.name}/")
                    elif not entry.is_file(follow_symlinks=False):
                        continue
                    elif STAMPED.fullmatch(entry.name):
                        yield name, entry.stat(follow_symlinks=False).st_size
                    elif _is_leftover(entry.name):
                        Path(entry.path).unlink(missing_ok=True)


def _is_leftover(name: str) -> bool:
    match = _TEMPORARY.fullmatch(name)
    return match is not None and STAMPED.match(match[1]) is not None
