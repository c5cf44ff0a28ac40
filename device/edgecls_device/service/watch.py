"""A worker's life, watched by its parent as systemd would: what it says, whether it hangs, how it ends.

The parent imports neither NumPy nor OpenCV, has one thread, and does nothing that could fail. What is done with
a worker that ended is up to whoever asked for its life: the supervisor of one command, the keeper of versions.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol

from edgecls_device.errors import StalledError
from edgecls_device.service.last_words import LastWords
from edgecls_device.service.notify import STARTING
from edgecls_device.service.notify_socket import NotifySocket
from edgecls_device.service.upward import Upward
from edgecls_device.service.worker import SUPERVISOR

__all__ = [
    "LEFT_ALONE",
    "Life",
    "Steering",
    "Supervision",
    "Watch",
    "WorkerProgram",
    "passing_on",
]

TURN_S = 0.1
SIGNS_OF_LIFE = {"WATCHDOG", STARTING}


@dataclass(frozen=True, kw_only=True, slots=True)
class Supervision:
    """How patient a parent is.

    Attributes:
        hung_after_s: Seconds without a sign of life that mean a hang.
        start_within_s: Seconds for each step of the start, and from the last to the first sign of life.
        most_deaths: After so many deaths within ``window_s`` it gives up.
        window_s: Seconds.
        backoff_s: Seconds before the first restart; doubled for each further death in the window.
        longest_backoff_s: Seconds.
        drain_s: Seconds from a signal to the worker's end.
    """

    hung_after_s: float = 20.0
    start_within_s: float = 90.0
    most_deaths: int = 3
    window_s: float = 600.0
    backoff_s: float = 1.0
    longest_backoff_s: float = 30.0
    drain_s: float = 7.0

    def wait_s(self, attempts: int) -> float:
        """Return how long to wait after so many attempts that failed, 1 or more."""
        return min(self.backoff_s * 2.0 ** min(attempts - 1, 30), self.longest_backoff_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerProgram:
    """What to start.

    Attributes:
        command: Program and arguments. It must call ``become_worker`` and send notifications.
        variables: Environment variables besides the parent's own.
        options: Further arguments of ``subprocess.Popen``, such as ``user`` and ``cwd``.
        keeps_words: Whether standard error goes through the parent, which keeps the last words.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    keeps_words: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """One worker's life.

    Attributes:
        code: Its exit code as a shell says it; that of ``StalledError`` if it hung.
        why: Why it ended, to be put behind "the run".
        was_ready: Whether it ever worked.
        seconds: How long it took.
        signal_number: The signal that killed it; 0 if none did.
        words: The last error that it printed, else its last line; empty if they were not kept.
    """

    code: int
    why: str
    was_ready: bool
    seconds: float
    signal_number: int = 0
    words: str = ""


class Steering(Protocol):
    """Who may say more about a worker that runs."""

    def hear(self, message: Mapping[str, str]) -> Mapping[str, str]:
        """Take what the worker says; return what of it systemd is told."""

    def wants_end(self) -> bool:
        """Whether the worker shall be stopped now. It is asked all the time."""


class _LeftAlone:
    def hear(self, message: Mapping[str, str]) -> Mapping[str, str]:
        return message

    def wants_end(self) -> bool:
        return False


LEFT_ALONE: Steering = _LeftAlone()
"""Whoever lets a worker do as it likes."""


class Watch:
    """The parent of one worker at a time."""

    def __init__(self, patience: Supervision, upward: Upward) -> None:
        """Open the socket on which workers tell how they are.

        Args:
            patience: How patient to be.
            upward: What systemd is told.
        """
        self._patience = patience
        self._upward = upward
        self._signal = 0
        self._end_asked_at: float | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._words: LastWords | None = None
        self._socket = NotifySocket()

    @property
    def signal_number(self) -> int:
        """The first signal that was received; 0 if none was."""
        return self._signal

    def on_signal(self, number: int) -> None:
        """Pass a signal on; the first one starts the clock."""
        self._signal = self._signal or number
        self._ask_to_end(number)

    def close(self) -> None:
        """End the worker if there is one."""
        self._end_group()
        self._socket.close()

    def live(self, program: WorkerProgram, steering: Steering = LEFT_ALONE) -> Life:
        """Start a worker and stay with it until it ends.

        Raises:
            OSError: If it cannot be started.
            StalledError: If it did not end within ``drain_s`` of a signal; it was killed.
        """
        start = heard = time.monotonic()
        worker = self._begin(program)
        words = self._words
        is_ready, why = False, ""
        self._upward.ping()  # a start takes a while
        while worker.poll() is None:
            for message in self._socket.messages(worker.pid, wait_s=TURN_S):
                heard = time.monotonic() if SIGNS_OF_LIFE & message.keys() else heard
                is_ready = is_ready or "READY" in message
                self._upward.pass_on(steering.hear(message))
            self._pass_words_on()
            if self._end_asked_at is None and steering.wants_end():
                self._ask_to_end(signal.SIGTERM)
            why = why or self._overdue(heard, is_ready=is_ready)
            if not is_ready or self._end_asked_at is not None:
                self._upward.ping()
        for message in self._socket.messages(worker.pid, wait_s=0):
            is_ready = is_ready or "READY" in message
            steering.hear(message)
        code = worker.returncode
        self._end_group()
        if code < 0 and not why:
            why = f"was killed by {_signal_name(-code)}"
        return Life(
            code=StalledError.exit_code
            if why.startswith("hung")
            else (128 - code if code < 0 else code),
            why=why or f"ended with exit code {code}",
            was_ready=is_ready,
            seconds=time.monotonic() - start,
            signal_number=max(-code, 0),
            words="" if words is None else str(words),
        )

    def slept(self, seconds: float, steering: Steering = LEFT_ALONE) -> bool:
        """Wait; return False as soon as a signal came. It ends early if the steering wants an end."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._signal and not steering.wants_end():
            self._upward.ping()
            time.sleep(min(TURN_S, seconds))
        return not self._signal

    def _begin(self, program: WorkerProgram) -> "subprocess.Popen[bytes]":
        environment = self._environment(program.variables)
        self._end_asked_at = None
        self._worker = worker = subprocess.Popen(
            program.command,
            env=environment,
            start_new_session=True,  # or a terminal's Ctrl-C would reach it twice
            stderr=subprocess.PIPE if program.keeps_words else None,
            **program.options,
        )
        self._words = None if worker.stderr is None else LastWords(worker.stderr)
        if self._signal:
            self._ask_to_end(self._signal)
        return worker

    def _ask_to_end(self, number: int) -> None:
        if self._end_asked_at is None:
            self._end_asked_at = time.monotonic()
        if self._worker is not None:
            self._worker.send_signal(number)

    def _pass_words_on(self) -> None:
        if self._words is not None:
            self._words.pass_on()

    def _overdue(self, heard: float, *, is_ready: bool) -> str:
        """Kill a worker that hangs; return why, or nothing."""
        patience, now = self._patience, time.monotonic()
        if self._end_asked_at is not None:
            if now - self._end_asked_at <= patience.drain_s:
                return ""
            self._end_group()
            if not self._signal:
                return "hung when it was asked to end"
            message = (
                f"Expected the run to end within {patience.drain_s:g} s, but it hangs; killed it."
            )
            raise StalledError(message, hint="see what it printed before")
        if now < heard + (patience.hung_after_s if is_ready else patience.start_within_s):
            return ""
        self._abort()
        return "hung" if is_ready else "hung before its first result"

    def _abort(self) -> None:
        """Let the worker print its stacks (``faulthandler``), then kill it."""
        worker = self._worker
        if worker is None:
            return
        worker.send_signal(signal.SIGABRT)
        try:
            worker.wait(2)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()

    def _end_group(self) -> None:
        """Kill what is left of the worker and of its own children."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if worker.poll() is None:
            worker.kill()
        with suppress(ProcessLookupError):  # nothing is left, as it should be
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        words, self._words = self._words, None
        if words is not None:
            words.close()

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        hung_after_s = self._patience.hung_after_s
        if self._upward.watchdog_s is not None:
            hung_after_s = min(hung_after_s, self._upward.watchdog_s / 2)
        variables = {name: value for name, value in os.environ.items() if name != "WATCHDOG_PID"}
        return {
            **variables,
            **more,
            "NOTIFY_SOCKET": self._socket.address,
            "WATCHDOG_USEC": str(round(hung_after_s * 1e6)),
            SUPERVISOR: str(os.getpid()),
        }


@contextmanager
def passing_on(receive: Callable[[int], None]) -> Iterator[None]:
    """Give SIGINT and SIGTERM to a function inside the block. For the main thread."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        receive(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
