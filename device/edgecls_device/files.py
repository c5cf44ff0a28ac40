"""Reading and writing files: whole or not at all, and failures that say what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edgecls_device.errors import StorageError

__all__ = ["make_directory", "read_bytes", "storage_errors", "write_atomically", "writing"]

BLOCK_BYTES = 1 << 20

_HINTS = {
    errno.ENOENT: "check the path",
    errno.EACCES: "check the permissions, or choose another directory",
    errno.EPERM: "check the permissions, or choose another directory",
    errno.EROFS: "the file system is read-only; choose another directory",
    errno.ENOSPC: "free some space on that disk, then repeat the command",
    errno.EDQUOT: "your disk quota is used up; free some space, then repeat the command",
    errno.ENOTDIR: "a part of this path is a file; choose another directory",
    errno.EISDIR: "name a file, not a directory",
}


@contextmanager
def storage_errors(action: str, path: Path) -> Iterator[None]:
    """Turn an ``OSError`` inside the block into a :class:`StorageError` that names the file."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        hint = _HINTS.get(error.errno or 0, "check the path and the disk")
        message = f"Cannot {action} {str(path)!r}: {reason}."
        raise StorageError(message, hint=hint) from error


def read_bytes(path: Path, *, max_bytes: int) -> bytes:
    """Return the content of a file of at most ``max_bytes`` bytes.

    Raises:
        StorageError: If it cannot be read, or is larger.
    """
    with storage_errors("read", path), path.open("rb") as file:
        data = _read(file, max_bytes + 1)
    if len(data) > max_bytes:
        message = f"Expected at most {max_bytes} bytes in {str(path)!r}, got more."
        raise StorageError(message, hint="check that this is the file you meant")
    return data


def _read(file: BinaryIO, most: int) -> bytes:
    """Read at most so many bytes; ``file.read(most)`` takes memory for all of them at once."""
    blocks, left = list[bytes](), most
    wanted = os.fstat(file.fileno()).st_size + 1  # 0 for what has no size, such as /proc and pipes
    while left and (block := file.read(min(wanted, left))):
        blocks.append(block)
        left -= len(block)
        wanted = BLOCK_BYTES
    return b"".join(blocks)


def make_directory(path: Path) -> Path:
    """Create a directory and its parents; an existing one is fine.

    Raises:
        StorageError: If it cannot be created.
    """
    with storage_errors("create", path):
        path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; move it there when the block ends without an error.

    The file is synced before the move, so that after a power loss ``path`` is the old file or the
    new one. On an error nothing is left behind.

    Raises:
        StorageError: If the directory cannot be written, or the disk is full.
    """
    make_directory(path.parent)
    temporary = path.with_name(f".{path.stem[:40]}.{os.urandom(6).hex()}{path.suffix}")
    with storage_errors("write", path):
        try:  # from before it exists, so that Ctrl-C finds no moment to leave it behind
            temporary.touch(exist_ok=False)
            yield temporary
            _sync_and_move(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path``, whole or not at all.

    Raises:
        StorageError: If the directory cannot be written, or the disk is full.
    """
    with writing(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def _sync_and_move(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
