"""Whole lines on standard output, past Python's buffer.

A line goes to the descriptor with ``os.write``: a thread that hangs in a full pipe then holds no lock of
``sys.stdout``, which the interpreter would wait for when it ends.
"""

import os
from typing import TextIO

__all__ = ["ReaderGoneError", "TextOut"]


class ReaderGoneError(BrokenPipeError):
    """Whoever read our output went away, as ``head`` does."""


class TextOut:
    """A text stream that belongs to somebody else, and takes text at once and whole."""

    def __init__(self, stream: TextIO, *, encoding: str = "") -> None:
        """Take a stream.

        Args:
            stream: Such as ``sys.stdout``; one without a descriptor (``StringIO``) is fine.
            encoding: The stream's own by default. Letters that it has not are replaced.
        """
        self._stream = stream
        self._encoding = encoding or stream.encoding or "utf-8"
        try:
            self._descriptor: int | None = stream.fileno()
            stream.flush()
        except (OSError, ValueError):
            self._descriptor = None

    @property
    def columns(self) -> int:
        """How wide the terminal is; 80 if there is none."""
        if self._descriptor is None:
            return 80
        try:
            return os.get_terminal_size(self._descriptor).columns or 80
        except OSError:
            return 80

    def write(self, text: str) -> None:
        """Write text, at once.

        Raises:
            ReaderGoneError: If nobody reads it any more; what is written later is thrown away.
            OSError: If it cannot be written, as on a full disk.
        """
        if self._descriptor is None:
            self._stream.write(text)
            self._stream.flush()
            return
        rest = memoryview(text.encode(self._encoding, errors="replace"))
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BrokenPipeError as error:
            self._throw_away()
            raise ReaderGoneError(*error.args) from error

    def _throw_away(self) -> None:
        """Let the descriptor lead nowhere, so that the interpreter can flush it when it ends."""
        if self._descriptor is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._descriptor)
            os.close(nowhere)
