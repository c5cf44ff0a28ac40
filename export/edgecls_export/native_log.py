"""Send what converters print to a log file, from Python and from C++.

TensorFlow and its converters write hundreds of lines past Python's ``sys.stdout`` and ``sys.stderr``, so the
file descriptors themselves are turned to the log. Progress is shown outside of these blocks, or on a
duplicate of the terminal's descriptor.
"""

import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import IO, TextIO

from edgecls_device.files import make_directory, storage_errors

__all__ = ["output_to_log"]


@contextmanager
def output_to_log(path: Path, title: str) -> Iterator[None]:
    """Append everything the block prints to ``path``; an error in the block adds its traceback there.

    Python warnings are part of the noise: they are written down, and not raised or shown.

    Raises:
        StorageError: If the log cannot be written.
    """
    make_directory(path.parent)
    with storage_errors("write", path):
        log = path.open("ab", buffering=0)
        log.write(f"== {title}\n".encode())
    with log, warnings.catch_warnings(), ExitStack() as restored:
        warnings.simplefilter("default")
        warnings.showwarning = _write_warning
        for descriptor, redirect in ((1, redirect_stdout), (2, redirect_stderr)):
            _turn(descriptor, log.fileno(), restored)
            stream = _stream(descriptor)
            restored.callback(stream.flush)
            restored.enter_context(redirect(stream))
        try:
            yield
        except Exception:
            with suppress(OSError):  # a full disk must not hide what went wrong
                log.write(traceback.format_exc().encode())
            raise


def _write_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del file
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


def _turn(descriptor: int, target: int, restored: ExitStack) -> None:
    stream = sys.stdout if descriptor == 1 else sys.stderr
    stream.flush()
    saved = os.dup(descriptor)
    restored.callback(os.close, saved)
    restored.callback(os.dup2, saved, descriptor)
    restored.callback(stream.flush)  # log handlers made earlier write to it
    os.dup2(target, descriptor)


def _stream(descriptor: int) -> IO[str]:
    """Return a stream that stays usable after the block: log handlers made inside keep it."""
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
