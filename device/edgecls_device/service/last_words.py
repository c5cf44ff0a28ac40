"""What a worker prints on standard error: passed on as it comes, and its last lines kept."""

import os
import re
from collections import deque
from contextlib import suppress
from itertools import pairwise
from typing import IO

__all__ = ["LastWords"]

STDERR = 2
CHUNK = 65_536  # what a pipe holds
MOST_CHUNKS = 4
LINES_KEPT = 300  # the stacks of all threads, as faulthandler prints them
MOST_CHARACTERS = 300
ERROR = "error: "
STACK = re.compile(r"Current thread .* \(most recent call first\):")


class LastWords:
    """The parent's end of a pipe. Reading never blocks."""

    def __init__(self, pipe: IO[bytes]) -> None:
        """Take the pipe; ``close`` closes it."""
        self._pipe = pipe
        os.set_blocking(pipe.fileno(), False)
        self._lines: deque[bytes] = deque(maxlen=LINES_KEPT)
        self._begun = b""

    def pass_on(self) -> None:
        """Pass on what was printed since the last call."""
        for _ in range(MOST_CHUNKS):  # one that prints without end must not keep its parent busy
            data = self._read()
            if not data:
                return
            with suppress(OSError):  # nobody reads our own any more, and there is nobody to tell
                os.write(STDERR, data)
            *lines, self._begun = (self._begun + data).split(b"\n")
            self._begun = self._begun[-CHUNK:]
            self._lines.extend(lines)

    def close(self) -> None:
        """Pass on the rest and close the pipe."""
        self.pass_on()
        self._pipe.close()

    def __str__(self) -> str:
        """The last error that was printed, else where it crashed, else the last line."""
        lines = [line.decode(errors="replace").strip() for line in (*self._lines, self._begun)]
        errors = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
        places = [below for line, below in pairwise(lines) if STACK.fullmatch(line)]
        said = errors or places or [line for line in lines if line]
        return said[-1][:MOST_CHARACTERS] if said else ""

    def _read(self) -> bytes:
        try:
            return os.read(self._pipe.fileno(), CHUNK)
        except BlockingIOError:
            return b""
