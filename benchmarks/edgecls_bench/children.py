"""Child processes that tell what they do line by line, and are ended when they fall silent."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import IO

from edgecls_device.errors import BenchmarkError

__all__ = ["Line", "run_child", "run_module"]

# Like ``python -m``, which would look for packages in the current directory first.
_START = """\
import os, sys
if {cores}:
    os.sched_setaffinity(0, {cores})
if sys.path[:1] == [""]:
    del sys.path[0]
from {module} import main
main(sys.argv[1:])
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line on a child's standard output.

    Attributes:
        text: The line, without its end.
        after_ms: When it was read, from the start of the process.
    """

    text: str
    after_ms: float


def run_module(
    module: str,
    arguments: Sequence[str],
    *,
    silence_s: float,
    on_line: Callable[[Line], None] | None = None,
    cores: Sequence[int] = (),
) -> list[Line]:
    """Run the ``main`` of a module in a fresh Python; see :func:`run_child`.

    Args:
        module: Where ``main`` is.
        arguments: What it is given.
        silence_s: See :func:`run_child`.
        on_line: See :func:`run_child`.
        cores: Numbers of the cores it is held to, before it imports anything: a runtime makes its threads
            by them. By default it may use all.
    """
    command = [sys.executable, "-c", _START.format(module=module, cores=list(cores)), *arguments]
    return run_child(command, silence_s=silence_s, on_line=on_line)


def run_child(
    command: Sequence[str],
    *,
    silence_s: float,
    on_line: Callable[[Line], None] | None = None,
) -> list[Line]:
    """Run a process to its end and return what it printed.

    Args:
        command: Program and arguments.
        silence_s: Longest time between two lines before it counts as hanging and is killed.
        on_line: Called with each line as soon as it is there.

    Raises:
        BenchmarkError: If it crashes, ends with a code that is not 0, or falls silent.
    """
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter_ns()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            lines = _read(process, start, silence_s, on_line or (lambda line: None))
            code = process.wait(timeout=silence_s)
        except (Empty, subprocess.TimeoutExpired):
            message = f"it hangs: no sign of life for {silence_s:g} s{_last_line(errors)}"
            raise BenchmarkError(message) from None
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if code:
            raise BenchmarkError(_reason(code, errors))
    return lines


def _read(
    process: subprocess.Popen[bytes],
    start_ns: int,
    silence_s: float,
    on_line: Callable[[Line], None],
) -> list[Line]:
    arrived: SimpleQueue[Line | None] = SimpleQueue()
    stream = process.stdout
    if stream is None:
        return []

    def listen() -> None:
        for line in stream:
            after_ms = (time.perf_counter_ns() - start_ns) / 1e6
            text = line.decode(errors="replace").rstrip("\n")
            arrived.put(Line(text=text, after_ms=after_ms))
        arrived.put(None)

    threading.Thread(target=listen, daemon=True).start()
    lines: list[Line] = []
    while (line := arrived.get(timeout=silence_s)) is not None:
        lines.append(line)
        on_line(line)
    return lines


def _reason(code: int, errors: IO[bytes]) -> str:
    if code > 0:
        return _last_line(errors).removeprefix(": ") or f"it ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"it crashed ({name}){_last_line(errors)}"


def _last_line(errors: IO[bytes]) -> str:
    """Return the last line that a child printed on standard error, after a colon; else nothing."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 2000))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""
