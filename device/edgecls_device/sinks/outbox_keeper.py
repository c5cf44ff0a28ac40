"""Keeps the copy of an outbox on disk up to date, and goes on without one when the disk does not."""

from pathlib import Path

from edgecls_device.errors import StorageError
from edgecls_device.sinks.outbox import Outbox
from edgecls_device.sinks.outbox_file import OutboxFile

__all__ = ["OutboxKeeper"]

SETTLED_AT_ONCE = 200  # deletions are collected, since each write wears an SD card


class OutboxKeeper:
    """Reads what an earlier run left, and writes what would be lost. For one thread.

    Nothing is written while every event is acknowledged in time.

    Attributes:
        trouble: Why the file cannot be used now, or what was mended; a sentence, or empty.
        is_failing: Whether it cannot be used now.
    """

    def __init__(
        self, outbox: Outbox, directory: Path | None, *, max_bytes: int, retry_s: float
    ) -> None:
        """Touch nothing yet.

        Args:
            outbox: What is to be kept.
            directory: None for none: the outbox is then in memory only.
            max_bytes: Bound of the outbox's payloads.
            retry_s: How long to leave a file alone that could not be opened or written.
        """
        self.trouble = ""
        self.is_failing = False
        self._outbox = outbox
        self._directory = directory
        self._max_bytes = max_bytes
        self._retry_s = retry_s
        self._file: OutboxFile | None = None
        self._is_restored = False
        self._not_before_s = 0.0
        self._written_s = 0.0

    def open(self, now_s: float) -> None:
        """Open the file and take over what is in it; a failure is told in ``trouble``."""
        if self._directory is None or self._file is not None or now_s < self._not_before_s:
            return
        try:
            file = OutboxFile(self._directory, max_bytes=self._max_bytes)
        except StorageError as error:
            self._fail(error, now_s)
            return
        try:
            self._take_over(file, now_s)
        except StorageError as error:
            file.close()
            self._fail(error, now_s)
            return
        self._file = file
        self.trouble, self.is_failing = file.note or self.trouble, False

    def keep(self, now_s: float, *, noted_before_s: float, is_last: bool = False) -> None:
        """Write what came before that moment, and take away what is settled.

        Args:
            now_s: The caller's clock.
            noted_before_s: What is newer may still be acknowledged in time.
            is_last: Whether this is the end: nothing is collected for later, and no pause is kept.
        """
        if is_last:
            self._not_before_s = 0.0
        self.open(now_s)
        if self._file is None:
            return
        new = self._outbox.unsaved(noted_before_s=noted_before_s)
        settled = self._outbox.forgotten()
        is_due = is_last or now_s - self._written_s >= 1 or len(settled) >= SETTLED_AT_ONCE
        if not new and not (settled and is_due):
            return
        try:
            self._file.write(new, settled)
        except StorageError as error:
            self.close()
            self._fail(error, now_s)
            return
        self._outbox.saved(new, settled)
        self._written_s = now_s

    def close(self) -> None:
        """Close the file; twice is harmless."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take_over(self, file: OutboxFile, now_s: float) -> None:
        saved = file.load()
        if (
            self._is_restored
        ):  # it was open before: it may have been set aside, or lack the last write
            self._outbox.reconcile(number for number, _ in saved)
        else:
            self._outbox.restore(saved, now_s=now_s)
            self._is_restored = True

    def _fail(self, error: StorageError, now_s: float) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self.trouble = f"{error.message.rstrip('.')}{hint}; events wait in memory only."
        self.is_failing = True
        self._not_before_s = now_s + self._retry_s
