"""A terminal as the shutter: the space bar takes a photo, ``q`` ends; or no keys at all, for a clock."""

import os
import select
import sys
import termios
import time
import tty
from typing import Any, TextIO

from edgecls_device.collecting.session import Press, Progress
from edgecls_device.errors import OptionError
from edgecls_device.sources.protocol import CapturedFrame

__all__ = ["LineControls", "TerminalControls"]

REDRAW_S = 0.1
TROUBLE_S = 10.0
_TAKE, _QUIT = {b" ", b"\n", b"\r"}, {b"q", b"Q", b"\x04"}


class TerminalControls:
    """One line that is drawn again and again, and keys that need no Enter. See ``Controls``.

    Holding the space bar repeats it, as the keyboard does.
    """

    def __init__(self, keys: TextIO, out: TextIO) -> None:
        """Take over the terminal until ``close``.

        Args:
            keys: A terminal.
            out: Where the line goes.

        Raises:
            OptionError: If ``keys`` is no terminal.
        """
        if not keys.isatty():
            message = "Expected a terminal whose space bar takes photos, got none."
            raise OptionError(message, hint="take them by the clock: --every 1   (or --show)")
        self._keys, self._out = keys.fileno(), out
        self._drawn_s = float("-inf")
        self._news = ""
        self._before: list[Any] | None = termios.tcgetattr(self._keys)
        tty.setcbreak(self._keys)  # Ctrl-C stays what it is

    def show(self, frame: CapturedFrame | None, progress: Progress) -> None:
        """Draw the line again, ten times a second at most."""
        del frame
        self._news = progress.news or self._news
        now_s = time.monotonic()
        if not progress.news and now_s - self._drawn_s < REDRAW_S:
            return
        self._drawn_s = now_s
        note = progress.trouble or self._news or "space: take a photo, hold: more, q: quit"
        width = _columns(self._out)
        self._out.write(f"\r\x1b[K{f'{_counts(progress)}   {note}'[: width - 1]}")
        self._out.flush()

    def poll(self) -> Press:
        """Return what was pressed; several at once count as one."""
        pressed = b""
        while select.select([self._keys], [], [], 0)[0]:
            read = os.read(self._keys, 64)
            if not read:
                return "quit"  # the terminal went away
            pressed += read
        keys = {bytes([key]) for key in pressed}
        if keys & _QUIT:
            return "quit"
        return "take" if keys & _TAKE else ""

    def close(self) -> None:
        """Give the terminal back."""
        if self._before is not None:
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)
            self._before = None
            self._out.write("\n")
            self._out.flush()


class LineControls:
    """A plain line for each photo, and no keys. See ``Controls``."""

    def __init__(self, out: TextIO | None = None) -> None:
        """Write to ``out``; standard error by default."""
        self._out = out or sys.stderr
        self._trouble_s = float("-inf")

    def show(self, frame: CapturedFrame | None, progress: Progress) -> None:
        """Write a line if a photo was saved; trouble once in ten seconds."""
        del frame
        if progress.news.startswith("saved"):
            self._out.write(f"{progress.news}   ({_counts(progress)})\n")
            self._out.flush()
        if progress.trouble and time.monotonic() - self._trouble_s >= TROUBLE_S:
            self._trouble_s = time.monotonic()
            self._out.write(f"note: {progress.trouble}\n")
            self._out.flush()

    def poll(self) -> Press:
        """Nothing is ever pressed."""
        return ""

    def close(self) -> None:
        """There is nothing to give back."""


def _counts(progress: Progress) -> str:
    photos = "1 photo" if progress.photos == 1 else f"{progress.photos} photos"
    left = f", {progress.similar} alike left out" if progress.similar else ""
    return f"{progress.label}: {photos}{left}"


def _columns(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
