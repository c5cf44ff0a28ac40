"""A file of lines that is appended to for months: each line whole or absent, and so many bytes at most.

PATH is the newest; when it is full it becomes ``PATH.1``, what was ``PATH.1`` becomes ``PATH.2``, and the
oldest is removed. Nothing is compressed: a small device has better things to do, and the size is bounded.

A line is one ``write`` on a file opened for appending, so that a process that is killed leaves it whole. What
the kernel has not yet brought to the disk is lost with the power; ``sync`` brings it there.
"""

import json
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from edgecls_device.errors import StorageError
from edgecls_device.files import make_directory, storage_errors

__all__ = ["RotatingFile", "shift"]

LONGEST_LINE = 1 << 20  # bytes that are looked at for the end of the last whole line
LOOK_S = 1.0  # how often to look whether somebody moved the file away, as logrotate does


class RotatingFile:
    """Appends lines to a file and rotates it. One process at a time, and not safe for threads."""

    def __init__(self, path: Path, *, rotate_bytes: int, keep: int) -> None:
        """Open the file; a last line that was torn by a crash is cut off.

        Args:
            path: What is there is kept.
            rotate_bytes: No file becomes longer, except for a single line that is.
            keep: How many older files stay; with 0 a full file is thrown away.

        Raises:
            StorageError: If it cannot be written, or is no file.
        """
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep = keep
        self._is_torn = False
        make_directory(path.parent)
        with storage_errors("write", path):
            self._descriptor, self._size = self._open()
        self._looked_at = time.monotonic()

    def append(self, line: bytes) -> None:
        """Append one line, whole or not at all.

        Args:
            line: Ends with a newline, and has no other.

        Raises:
            StorageError: If there is no room, or the file cannot be written or rotated.
        """
        with storage_errors("write", self._path):
            self._look()
            if self._size and self._size + len(line) > self._rotate_bytes:
                self._rotate()
            self._append(line)

    def sync(self) -> None:
        """Bring what was written to the disk, so that it survives a power loss.

        Raises:
            StorageError: If the disk fails.
        """
        if self._descriptor >= 0:
            with storage_errors("write", self._path):
                os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; twice is harmless."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _append(self, line: bytes) -> None:
        data = b"\n" + line if self._is_torn else line
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            self._take_back(written)
            raise
        self._is_torn = False
        self._size += len(data)

    def _take_back(self, written: int) -> None:
        """Cut off the first part of a line whose rest had no room."""
        if not written:
            return
        self._is_torn = True  # if it cannot be cut off, the next line begins on a new one
        self._size = os.fstat(self._descriptor).st_size - written
        os.ftruncate(self._descriptor, self._size)
        self._is_torn = False

    def _look(self) -> None:
        """Open the file again if somebody moved or removed it, and see if somebody emptied it."""
        now = time.monotonic()
        if self._descriptor >= 0 and now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        if self._descriptor >= 0:
            mine = os.fstat(self._descriptor)
            self._size = mine.st_size
            try:
                there = self._path.stat()
            except FileNotFoundError:
                there = None
            if there is not None and (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino):
                return
        self._reopen()

    def _reopen(self) -> None:
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor, self._size = self._open()

    def _rotate(self) -> None:
        self.sync()
        if self._keep == 0:
            self._path.unlink(missing_ok=True)
        else:
            shift(self._numbered(i) for i in range(self._keep + 1))
        self._reopen()

    def _numbered(self, number: int) -> Path:
        if number == 0:
            return self._path
        return self._path.with_name(f"{self._path.name}.{number}")

    def _open(self) -> tuple[int, int]:
        """Return the descriptor and the size, after whatever a crash left of a line was cut off."""
        if self._path.exists() and not stat.S_ISREG(self._path.stat().st_mode):
            message = f"Expected a file to write lines to, got {str(self._path)!r}, which is none."
            raise StorageError(message, hint="name a file, or leave the option out")
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o644)
        try:
            _mend(descriptor)
            return descriptor, os.fstat(descriptor).st_size
        except BaseException:
            os.close(descriptor)
            raise


def shift(names: Iterable[Path]) -> None:
    """Rename each file to the next name, so that the first becomes free.

    A gap, which a kill in the middle of this may have left, is filled; without one the last file is replaced.
    """
    taken: list[Path] = []
    for name in names:
        taken.append(name)
        if not name.exists():
            break
    for i in range(len(taken) - 1, 0, -1):
        taken[i - 1].replace(taken[i])


def _mend(descriptor: int) -> None:
    """End the last line, or cut it off if it is a record that was torn."""
    size = os.fstat(descriptor).st_size
    start = max(size - LONGEST_LINE, 0)
    tail = os.pread(descriptor, size - start, start)
    if not tail or tail.endswith(b"\n"):
        return
    begin = tail.rfind(b"\n") + 1
    rest = tail[begin:]
    is_found = begin > 0 or start == 0
    if is_found and rest[:1] in {b"{", b"\0"} and not _is_json(rest):
        os.ftruncate(descriptor, start + begin)  # zeros are what a power loss may leave
    else:
        os.write(descriptor, b"\n")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
