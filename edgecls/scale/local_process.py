"""One worker process of this machine, seen from the process that gives it work."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from edgecls_device.errors import ExecutorError

from edgecls.scale.piece import Piece

__all__ = ["ONE_THREAD", "LocalProcess"]

_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "VECLIB")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in _LIBRARIES}
"""Variables that are read when a library is loaded: there is a process for each core."""

SECONDS_TO_LEAVE = 5.0
_LAST_BYTES = 4096

_CODE = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from edgecls.scale.local_worker import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""
"""Not ``-m``, which would look for edgecls in the current directory first."""


class LocalProcess:
    """A worker process. It is killed when this process is gone, however that went.

    Attributes:
        connection: Where its answers arrive.
        piece: What it works at; None if it rests.
        is_ready: Whether it has begun, and takes work.
    """

    def __init__(self) -> None:
        self.piece: Piece | None = None
        self.is_ready = False
        self._message: bytes | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        mine, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        self.connection: Connection[Any, Any] = Connection(mine.detach())
        try:
            self._process = self._start(theirs.fileno(), lifeline)
        finally:
            theirs.close()
            os.close(lifeline)

    def _start(self, connection: int, lifeline: int) -> subprocess.Popen[bytes]:
        path = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100 - "" is a place
        try:
            return subprocess.Popen(
                [sys.executable, "-c", _CODE, path, str(connection), str(lifeline)],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(connection, lifeline),
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,  # Ctrl-C is for the process that gives the work
            )
        except OSError as error:
            message = f"Cannot start a worker process: {error.strerror}."
            raise ExecutorError(message, hint="repeat the command with fewer --workers") from error

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def give(self, message: bytes, piece: Piece) -> None:
        """Let it do the work in ``message`` (pickled) with a piece."""
        self.piece = piece
        with suppress(ConnectionError):  # it has died: the end of its answers says so
            if message is not self._message:
                self.connection.send_bytes(message)
            self.connection.send(piece)
            self._message = message

    def answer(self) -> object:
        """Return what it says, which must be there: True for "ready", a part, an error; None if it died."""
        try:
            answer = self.connection.recv()
        except (EOFError, ConnectionError):
            return None
        if answer is True:
            self.is_ready = True
        else:
            self.piece = None
        return answer

    def dismiss(self) -> None:
        """Tell it to let go of what it has opened, and to end; harmless if it has ended."""
        self.connection.close()

    def leave(self) -> None:
        """Wait until it has ended, but not for long."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS_TO_LEAVE)
        self.kill()

    def kill(self) -> str:
        """End it at once, if it runs; return how it ended, in words."""
        self._process.kill()
        code = self._process.wait()
        self.connection.close()
        os.close(self._lifeline)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        with self._log as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{how}: {last}" if last else how
