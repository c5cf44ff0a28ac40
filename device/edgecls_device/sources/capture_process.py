"""A capture process as its parent sees it: it never waits for it longer than it wants to.

The request goes through the child's standard input and never into its arguments, which everybody on a machine
can read. What the child prints goes into a pipe that drops what does not fit, so that neither waits for the
other.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack, suppress

from edgecls_device.arrays import Frame
from edgecls_device.errors import SourceError
from edgecls_device.sources.capture_messages import ASK, FrameHeader, Message, Start, decode
from edgecls_device.sources.frame_slot import CaptureCounters, create_slot

__all__ = ["CaptureProcess"]

READ_BYTES = 65_536
PRINTED_BYTES = 2_000  # of what it printed last, to tell why it died

# The parent's own module path, so that the same edgecls_device is found from any working directory, and nothing
# that lies about in it.
_BOOTSTRAP = """\
import sys
sys.path[:] = {path!r}
from edgecls_device.sources.capture_child import main
main{fds!r}
"""


class CaptureProcess:
    """One child. It is used from one thread.

    Attributes:
        given: Frames it gave.
        base: What to add to its frame numbers.
        is_asked: Whether it was asked for a frame that has not come yet.
        asked_s: When it was asked, ``time.monotonic``.
        heard_s: When it last said something, ``time.monotonic``.
    """

    def __init__(self, start: Start, *, base: int = 0) -> None:
        """Start it; its first message comes when it has imported what it needs.

        Raises:
            SourceError: If no process can be started.
        """
        self.base = base
        self.given = 0
        self.is_asked = False
        self.asked_s = self.heard_s = time.monotonic()
        self._request = start.request
        self._final: CaptureCounters | None = None
        self._deadline_s: float | None = None
        self._messages: deque[Message] = deque()
        self._received, self._printed = b"", b""
        self._message_fd: int | None = None
        self._print_fd: int | None = None
        self._lifeline: int | None = None
        if not sys.executable:
            message = "Expected a Python to start a capture process with, got none: sys.executable is empty."
            raise SourceError(message, hint="run edgecls with a python of its own")
        try:
            self._slot = create_slot()
            try:
                self._process = self._spawn()
            except BaseException:
                self._close_pipes()
                self._slot.close()
                raise
        except OSError as error:
            message = f"Expected to start a capture process, got: {error.strerror}."
            raise SourceError(message, hint="free memory, processes or open files") from error
        self._control = self._process.stdin.fileno() if self._process.stdin else None
        self._tell(start.to_line())

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def counters(self) -> CaptureCounters:
        """What it counted; they stay right when it dies."""
        return self._slot.counters if self._final is None else self._final

    @property
    def remainder(self) -> int:
        """Frames that it captured and that neither were given nor dropped."""
        counted = self.counters
        dropped = counted.superseded + counted.corrupt + counted.unusable
        return counted.captured - self.given - dropped

    def ask(self) -> None:
        """Ask for the newest frame, unless that was done already."""
        if not self.is_asked:
            self.is_asked, self.asked_s = True, time.monotonic()
            self._tell(ASK)

    def next_message(self, timeout_s: float) -> Message | None:
        """Return the next message; None if none comes in time.

        Raises:
            SourceError: If the child is gone and said nothing more.
        """
        if not self._messages:
            self._receive(timeout_s)
        if self._messages:
            return self._messages.popleft()
        if self._message_fd is None:
            raise self._death()
        return None

    def take(self, header: FrameHeader) -> Frame:
        """Return the frame that a header tells of, before anything else is asked."""
        self.given += 1
        self.is_asked = False
        return self._slot.read(header.height, header.width)

    def retire(self, grace_s: float) -> None:
        """Tell it to go, and kill it if it is not gone in so many seconds; :meth:`is_gone` sees to that."""
        if self._deadline_s is None:
            self._deadline_s = time.monotonic() + grace_s
            self._hang_up()
            if grace_s <= 0:
                self._kill()

    def is_gone(self) -> bool:
        """Return whether a child that was told to go has gone; one that hangs in a driver cannot be killed."""
        if self._process.poll() is not None:
            self._free()
            return True
        if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
            self._kill()
        return False

    def wait_gone(self, timeout_s: float) -> bool:
        """Wait until it is gone."""
        until = time.monotonic() + timeout_s
        while not self.is_gone():
            if time.monotonic() >= until:
                return False
            time.sleep(0.005)
        return True

    def __del__(self) -> None:
        """Let nobody's child not keep the camera."""
        if hasattr(self, "_control"):
            self.retire(0)
            self.wait_gone(0.1)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with ExitStack() as ends:
            self._message_fd, message_end = _pipe(ends)
            self._print_fd, print_end = _pipe(ends)
            lifeline_end, self._lifeline = os.pipe()
            ends.callback(os.close, lifeline_end)
            os.set_blocking(print_end, False)
            fds = (message_end, self._slot.fd, lifeline_end)
            return subprocess.Popen(
                [sys.executable, "-c", _BOOTSTRAP.format(path=sys.path, fds=fds)],
                stdin=subprocess.PIPE,
                stdout=print_end,
                stderr=print_end,
                pass_fds=fds,
                start_new_session=True,
                bufsize=0,
            )

    def _tell(self, line: bytes) -> None:
        if self._control is not None:
            with suppress(OSError):  # it is gone; the end of its messages tells
                os.write(self._control, line)

    def _receive(self, timeout_s: float) -> None:
        poll = select.poll()
        for fd in (self._message_fd, self._print_fd):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(max(timeout_s, 0) * 1000):
            data = os.read(fd, READ_BYTES)
            if fd == self._print_fd:
                self._printed = (self._printed + data)[-PRINTED_BYTES:]
                self._print_fd = _still(fd, data)
            else:
                *lines, self._received = (self._received + data).split(b"\n")
                self._messages.extend(map(decode, lines))
                self._message_fd = _still(fd, data)
                self.heard_s = time.monotonic()

    def _death(self) -> SourceError:
        """Say how it died."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.1)
        code = self._process.poll()
        how = "hung up"
        if code is not None:
            how = (
                f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            )
        lines = self._printed.decode(errors="replace").strip().splitlines()
        said = f": {self._request.without_secrets(lines[-1])}" if lines else ""
        message = (
            f"Expected frames from {self._request.name!r}, got a capture process that {how}{said}."
        )
        return SourceError(
            message, hint="check the memory of the machine and the driver of the camera"
        )

    def _hang_up(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._control = None

    def _kill(self) -> None:
        """Kill it and what it started: it leads a group, whose number is not given away before it is reaped."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _free(self) -> None:
        if self._final is None:
            self._final = self._slot.counters
            self._hang_up()
            self._close_pipes()
            self._slot.close()

    def _close_pipes(self) -> None:
        for fd in (self._message_fd, self._print_fd, self._lifeline):
            if fd is not None:
                os.close(fd)
        self._message_fd = self._print_fd = self._lifeline = None


def _pipe(ends: ExitStack) -> tuple[int, int]:
    """Return a pipe whose writing end is closed here once the child has it."""
    reading, writing = os.pipe()
    ends.callback(os.close, writing)
    return reading, writing


def _still(fd: int, data: bytes) -> int | None:
    """Return the descriptor, or close it at its end."""
    if data:
        return fd
    os.close(fd)
    return None
