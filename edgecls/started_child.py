"""A child process with a socket to talk over, a pipe to live by, and a log of what it prints."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TypeAlias

__all__ = ["Command", "StartedChild", "start_child"]

Command: TypeAlias = tuple[Sequence[str], Mapping[str, str]]
"""Program and arguments, and the whole environment."""

_LAST_BYTES = 1 << 16


@dataclass(slots=True)
class StartedChild:
    """What this process holds of a child.

    Attributes:
        process: The child, which leads a session of its own: Ctrl-C is for this process.
        connection: This end of the socket.
    """

    process: "subprocess.Popen[bytes]"
    connection: socket.socket
    _lifeline: int
    _log: IO[bytes] = field(repr=False)

    def printed(self) -> str:
        """Return the last 64 KiB that it printed; it may be printing."""
        return _end_of(self._log)

    def let_go(self) -> None:
        """Give back the log and the pipe, at whose end the child ends; letting go twice is harmless."""
        self._log.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


def start_child(
    command: Callable[[int, int], Command], *, passed: Sequence[int] = ()
) -> StartedChild:
    """Start a child process; what it prints is kept aside, for the case that it dies.

    Args:
        command: Returns the command, given the child's descriptors: of the other end of the socket, and of a
            pipe that has lost its writer when this process is gone; :mod:`edgecls_device.sources.lifeline`.
        passed: More descriptors that it inherits; they stay open here.

    Raises:
        OSError: If it cannot be started.
    """
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
    ours, theirs = socket.socketpair()
    reading, lifeline = os.pipe()
    try:
        arguments, variables = command(theirs.fileno(), reading)
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=variables,
            pass_fds=(theirs.fileno(), reading, *passed),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        os.close(lifeline)
        log.close()
        raise
    finally:
        theirs.close()
        os.close(reading)
    return StartedChild(process, ours, lifeline, log)


def _end_of(log: IO[bytes]) -> str:
    size = os.fstat(log.fileno()).st_size
    data = os.pread(log.fileno(), _LAST_BYTES, max(0, size - _LAST_BYTES))
    return data.decode(errors="replace")
