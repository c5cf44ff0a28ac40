"""Feature vectors on disk, by content hash: a photo is computed once, whatever data set it stands in.

One SQLite file per backbone, weights and preprocessing: 100,000 photos are one file, each batch is written
whole or not at all, and two trainings may share it. Every vector carries a checksum; a damaged one, or a
damaged file, is computed again.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from edgecls_device.errors import StorageError
from edgecls_device.files import make_directory, storage_errors
from numpy.typing import NDArray

__all__ = ["FeatureCache", "default_cache"]

_TABLE = """CREATE TABLE IF NOT EXISTS features
    (content_hash TEXT PRIMARY KEY, vector BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID"""
_READ_AT_ONCE = 500  # SQLite allows 999 parameters in old versions
_WAIT_S = 30.0  # for another training that writes at this moment


def default_cache() -> Path:
    """Return ``$XDG_CACHE_HOME/edgecls/features``, by default below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "edgecls" / "features"


class FeatureCache:
    """The vectors of one extractor.

    It is for one thread. Use it as a context manager, or call :meth:`close`.

    Attributes:
        path: The file.
        length: Number of features of a vector.
    """

    def __init__(self, path: Path, *, length: int) -> None:
        """Open a cache, or create it.

        Raises:
            StorageError: If the directory or file cannot be written.
        """
        self.path, self.length = path, length
        make_directory(path.parent)
        with self._errors():
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._start_again()

    def read(self, hashes: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vectors that are stored whole, by content hash; each ``(length,)``, float32.

        Raises:
            StorageError: If the file cannot be read.
        """
        found: dict[str, NDArray[np.float32]] = {}
        with self._errors():
            for start in range(0, len(hashes), _READ_AT_ONCE):
                try:
                    found.update(self._read_some(hashes[start : start + _READ_AT_ONCE]))
                except sqlite3.DatabaseError as error:
                    if isinstance(error, sqlite3.OperationalError):
                        raise
                    self._start_again()
        return found

    def write(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Store vectors by content hash, all of them or none.

        Raises:
            StorageError: If the file cannot be written, or the disk is full.
        """
        blobs = {name: vector.astype("<f4").tobytes() for name, vector in vectors.items()}
        rows = [(name, blob, _checksum(name, blob)) for name, blob in blobs.items()]
        with self._errors(), self._connection as transaction:
            transaction.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._connection.close()

    def __enter__(self) -> "FeatureCache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_S)
        try:
            with connection as transaction:
                transaction.execute(_TABLE)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _start_again(self) -> None:
        """Replace a damaged file: it holds nothing that cannot be computed again."""
        if hasattr(self, "_connection"):
            self._connection.close()
        for suffix in ("", "-journal"):
            with storage_errors("remove", self.path):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._connection = self._connect()

    def _read_some(self, hashes: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        places = ",".join("?" * len(hashes))
        query = (
            f"SELECT content_hash, vector, checksum FROM features WHERE content_hash IN ({places})"
        )
        for name, blob, checksum in self._connection.execute(query, tuple(hashes)).fetchall():
            is_whole = isinstance(blob, bytes) and len(blob) == 4 * self.length
            if is_whole and checksum == _checksum(name, blob):
                yield name, np.frombuffer(blob, "<f4")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            message = f"Cannot use the feature cache {str(self.path)!r}: {error}."
            hint = "free some space and check the permissions, or choose another place: --cache DIR"
            raise StorageError(message, hint=hint) from error


def _checksum(name: str, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(name.encode()))
