"""A process that works for this one, and never longer than it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from edgecls_device.errors import ExecutorError

from edgecls.started_child import Command, start_child

__all__ = ["Child", "module_path"]

SECONDS_TO_LEAVE = 10.0

_CODE = """\
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[2])
importlib.import_module(sys.argv[1]).main(int(sys.argv[3]), int(sys.argv[4]))
"""
"""Not ``-m``, which would look for edgecls in the current directory first."""


def module_path() -> list[str]:
    """Return where this process finds its modules, for one that shall find the same."""
    return [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" is a place, too


class Child:
    """A Python process with a socket to talk over. It is killed when this process is gone, however that went.

    What it prints is kept aside, for the case that it dies.

    Attributes:
        connection: This end of the socket.
    """

    def __init__(self, module: str, variables: Mapping[str, str]) -> None:
        """Start it.

        Args:
            module: Its ``main(connection, lifeline)`` is called with two file descriptors: the other end of the
                socket, and a pipe that has lost its writer when this process is gone.
            variables: Of its environment, beside those of this process.

        Raises:
            ExecutorError: If it cannot be started.
        """
        try:
            self._started = start_child(partial(_command, module, variables))
        except OSError as error:
            message = f"Cannot start a worker process: {error.strerror}."
            raise ExecutorError(message, hint="repeat the command with fewer --workers") from error
        self._process = self._started.process
        self.connection: Connection[Any, Any] = Connection(self._started.connection.detach())

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def send(self, thing: object) -> None:
        """Send something that can be pickled; if it has died, receiving says so."""
        with suppress(ConnectionError):
            self.connection.send(thing)

    def send_pickled(self, data: bytes) -> None:
        """Send what is pickled already."""
        with suppress(ConnectionError):
            self.connection.send_bytes(data)

    def receive(self) -> Any:
        """Wait for what it says next; None if it has died, also in the middle of a word."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):  # OSError: "got end of file during message"
            return None

    def printed(self) -> str:
        """Return what it printed last."""
        return self._started.printed()

    def dismiss(self) -> None:
        """Tell it to let go of what it has opened, and to end; harmless if it has ended."""
        self.connection.close()

    def leave(self) -> None:
        """Wait until it has ended, but not for long."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS_TO_LEAVE)
        self.kill()

    def kill(self) -> str:
        """End it at once, if it runs; return how it ended, in words, with the last line it printed."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # and whatever it has started
        code = self._process.wait()
        self.connection.close()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        last = next((line for line in reversed(self.printed().split("\n")) if line.strip()), "")
        self._started.let_go()
        return f"{how}: {last.strip()}" if last else how


def _command(module: str, variables: Mapping[str, str], connection: int, lifeline: int) -> Command:
    numbers = (str(connection), str(lifeline))
    arguments = [sys.executable, "-c", _CODE, module, json.dumps(module_path()), *numbers]
    return arguments, {**os.environ, **variables}
