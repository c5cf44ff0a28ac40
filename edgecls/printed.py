"""What a child process printed, kept aside for the case that it dies."""

import os
from typing import IO

__all__ = ["end_of"]

_LAST_BYTES = 1 << 16


def end_of(log: IO[bytes]) -> str:
    """Return the last 64 KiB of an open log, which may be growing."""
    size = os.fstat(log.fileno()).st_size
    data = os.pread(log.fileno(), _LAST_BYTES, max(0, size - _LAST_BYTES))
    return data.decode(errors="replace")
