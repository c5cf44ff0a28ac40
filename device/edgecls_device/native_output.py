"""Hold back what native code prints on standard error while it loads a model.

Runtimes print delegates and thread counts from C++, past Python's ``sys.stderr``. The text is not lost: it is
given to the caller, who shows it when loading fails.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

__all__ = ["captured_stderr"]


@contextmanager
def captured_stderr() -> Iterator[list[str]]:
    """Collect what arrives on file descriptor 2 inside the block; the list is filled when it ends."""
    lines: list[str] = []
    with _scratch_file() as file:
        sys.stderr.flush()
        saved = os.dup(2)
        try:
            os.dup2(file.fileno(), 2)
            yield lines
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            lines.extend(file.read().decode(errors="replace").splitlines())


def _scratch_file() -> IO[bytes]:
    """Return a file in memory where there is such a thing: a device may have no place that can be written."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("edgecls-stderr"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()
