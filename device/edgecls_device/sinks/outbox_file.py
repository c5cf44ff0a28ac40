"""The copy of an outbox on disk: one SQLite file, used by one process and one thread."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from edgecls_device.errors import StorageError
from edgecls_device.files import make_directory
from edgecls_device.sinks.outbox import Waiting

__all__ = ["OUTBOX_NAME", "OutboxFile"]

OUTBOX_NAME = "mqtt-outbox.sqlite"
_APPLICATION_ID = 0x65646763  # "edgc": a file of another program is not touched
_FORMAT = 1
_PAGE_BYTES = 4096
_LOCK_WAIT_S = 0.2


class OutboxFile:
    """What waits, where it outlives the process and a power cut.

    Every write is one transaction and synced. A damaged file is set aside under another name, one that
    another process uses is left alone; the sentence in ``note`` says so.

    Attributes:
        path: The file.
        note: What was found wrong at opening and mended; empty if nothing was.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """Open the file, or make it.

        Args:
            directory: Made if it does not exist.
            max_bytes: Bound of the payloads; the file stops growing at about twice as much.

        Raises:
            StorageError: If it cannot be opened: no permission, no room, or in use.
        """
        self.path = make_directory(directory) / OUTBOX_NAME
        self.note = ""
        self._max_pages = 2 * max_bytes // _PAGE_BYTES + 64
        self._database = self._open_or_set_aside()

    def load(self) -> list[tuple[int, bytes]]:
        """Return what waits, the oldest first: its number and its payload.

        Raises:
            StorageError: If the file cannot be read.
        """
        with _storage_errors("read", self.path):
            rows = self._database.execute("SELECT number, payload FROM waiting ORDER BY number")
            return [(int(number), bytes(payload)) for number, payload in rows]

    def write(self, new: Sequence[Waiting], settled: Sequence[int]) -> None:
        """Add what is new and take away what is settled, in one transaction.

        Raises:
            StorageError: If the disk is full or gone; nothing has changed then.
        """
        if not new and not settled:
            return
        rows = [(item.number, item.payload) for item in new]
        with _storage_errors("write", self.path), self._database as database:
            database.executemany("INSERT OR REPLACE INTO waiting VALUES (?, ?)", rows)
            database.executemany(
                "DELETE FROM waiting WHERE number = ?", [(number,) for number in settled]
            )

    def close(self) -> None:
        """Close the file; twice is harmless."""
        with suppress(sqlite3.Error):  # whatever was committed is on disk already
            self._database.close()

    def _open_or_set_aside(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.OperationalError as error:
            raise _storage_error(error, "open", self.path) from error
        except (sqlite3.DatabaseError, _OtherFileError) as error:
            aside = self._set_aside()
            self.note = (
                f"The outbox {str(self.path)!r} was damaged ({error}); it is now {aside.name!r}."
            )
        with _storage_errors("open", self.path):
            return self._open()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_LOCK_WAIT_S, check_same_thread=False)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = TRUNCATE",
            "synchronous = FULL",
            f"max_page_count = {self._max_pages}",
        ):
            database.execute(f"PRAGMA {pragma}").fetchall()
        database.execute("BEGIN EXCLUSIVE")
        (application_id,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if tables and (application_id, version) != (_APPLICATION_ID, _FORMAT):
            message = "it is not an outbox of this version"
            raise _OtherFileError(message)
        if not tables:
            database.execute(
                "CREATE TABLE waiting (number INTEGER PRIMARY KEY, payload BLOB NOT NULL)"
            )
            database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {_FORMAT}")
        database.commit()
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _OtherFileError(verdict)

    def _set_aside(self) -> Path:
        """Rename the file; only the last damaged one is kept, so that they never fill the disk."""
        aside = self.path.with_name(OUTBOX_NAME + ".damaged")
        try:
            self.path.replace(aside)
            self.path.with_name(OUTBOX_NAME + "-journal").unlink(missing_ok=True)
        except OSError as error:
            message = f"Cannot set the damaged outbox {str(self.path)!r} aside: {error.strerror}."
            raise StorageError(message, hint="check the permissions of --mqtt-outbox") from error
        return aside


class _OtherFileError(Exception):
    """The file is readable, but no outbox."""


@contextmanager
def _storage_errors(action: str, path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _storage_error(error, action, path) from error


def _storage_error(error: sqlite3.Error, action: str, path: Path) -> StorageError:
    reason = str(error)
    hint = "check the directory of --mqtt-outbox and its disk"
    if "locked" in reason:
        reason, hint = "another process uses it", "give each camera its own --mqtt-outbox"
    elif "full" in reason:
        hint = "free some space on that disk"
    return StorageError(f"Cannot {action} the outbox {str(path)!r}: {reason}.", hint=hint)
