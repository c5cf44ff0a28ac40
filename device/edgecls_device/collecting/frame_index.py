"""A file of JSON lines about frames, which never grows beyond a size and whose lines are whole or absent."""

import errno
import json
import os
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from edgecls_device.files import storage_errors, write_atomically

__all__ = ["FrameIndex"]

MOST_BYTES = 5_000_000


class FrameIndex:
    """Lines with a ``file`` each, relative to the directory of the index. Not safe for threads."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        """Nothing is opened yet.

        Args:
            path: The file.
            most_bytes: Beyond this size, lines of files that are gone are left out, and then the oldest until
                half of it is left.
        """
        self._path = path
        self._most_bytes = most_bytes

    def append(self, facts: Mapping[str, Any]) -> None:
        """Write a line, whole or not at all.

        Raises:
            StorageError: If it cannot be written.
        """
        line = json.dumps(facts, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with storage_errors("write", self._path), FileIO(self._path, "a+") as file:
            size = file.seek(0, os.SEEK_END)
            if size and not _ends_a_line(file, size):
                line = b"\n" + line  # what a killed process left stays a line of its own
            _write_whole(file, line, size)
        if size + len(line) > self._most_bytes:
            self._shorten()

    def _shorten(self) -> None:
        with storage_errors("read", self._path):
            lines = self._path.read_bytes().splitlines(keepends=True)
        kept: list[bytes] = []
        total = 0
        for line in reversed(lines):
            if self._is_there(line):
                total += len(line)
                if total > self._most_bytes // 2:
                    break
                kept.append(line)
        write_atomically(self._path, b"".join(reversed(kept)))

    def _is_there(self, line: bytes) -> bool:
        try:
            path: Path = self._path.parent / json.loads(line)["file"]
        except (ValueError, KeyError, TypeError):  # a line that is no longer whole
            return False
        return path.exists()


def _ends_a_line(file: FileIO, size: int) -> bool:
    file.seek(size - 1)
    return file.read(1) == b"\n"


def _write_whole(file: FileIO, line: bytes, size: int) -> None:
    written = 0
    try:
        written = file.write(line) or 0
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        file.truncate(size)
        raise
