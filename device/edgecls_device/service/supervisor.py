"""A small parent that starts a run again when it crashes or hangs, where no systemd does that.

Nothing in one process can mend a runtime that aborts, or that hangs while it holds Python's lock. So the
same command runs as a child, the worker, which tells its parent what it would tell systemd (``notify.py``):
the parent needs no other way of knowing, and passes it on if systemd watches the parent.

The parent imports neither NumPy nor OpenCV, has one thread, and does nothing that could fail.
"""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from edgecls_device.errors import (
    ArtifactError,
    NetworkError,
    StalledError,
    StorageError,
    SupervisionError,
)
from edgecls_device.service.notify import Notifications
from edgecls_device.service.notify_socket import NotifySocket
from edgecls_device.service.worker import SUPERVISOR

__all__ = ["Supervision", "own_command", "supervise"]

TURN_S = 0.1
MAY_PASS = {ArtifactError.exit_code, StorageError.exit_code, NetworkError.exit_code}
"""What ends a run at its start for good, and is worth another try once it had been running."""
FINAL = {0, 2, 3, 4, 6, 7, 13, 14, 130, 143}
"""What another try would not change: the end, what the user said, or that the user stopped it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Supervision:
    """How patient a supervisor is.

    Attributes:
        hung_after_s: Seconds without a sign of life that mean a hang.
        start_within_s: Seconds from the start to the first sign of life.
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


PATIENCE = Supervision()


def own_command() -> list[str]:
    """Return the command line of this very process."""
    return [sys.executable, *sys.orig_argv[1:]]


def supervise(
    command: Sequence[str],
    *,
    say: Callable[[str], None],
    supervision: Supervision = PATIENCE,
) -> int:
    """Run a command, again and again, until it ends on purpose; return its exit code.

    SIGTERM and SIGINT are passed on. It must be called in the main thread, and the worker must call
    ``become_worker`` and send notifications.

    Args:
        command: Program and arguments of the worker.
        say: Prints one line for the user.
        supervision: How patient to be.

    Raises:
        SupervisionError: If the worker died ``most_deaths`` times within ``window_s``.
        StalledError: If the worker did not end within ``drain_s`` of a signal.
    """
    upward = Notifications.from_environment()
    supervisor = _Supervisor(command, say, supervision, upward)
    try:
        with _passing_on(supervisor.on_signal):
            return supervisor.run()
    finally:
        supervisor.close()
        if upward is not None:
            upward.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Life:
    """One worker's life: its exit code as a shell says it, why it ended, and whether it ever worked."""

    code: int
    why: str
    was_ready: bool
    seconds: float

    @property
    def is_final(self) -> bool:
        return self.code in FINAL or (self.code in MAY_PASS and not self.was_ready)


class _Supervisor:
    def __init__(
        self,
        command: Sequence[str],
        say: Callable[[str], None],
        supervision: Supervision,
        upward: Notifications | None,
    ) -> None:
        self._command = list(command)
        self._say = say
        self._patience = supervision
        self._upward = upward
        self._signal = 0
        self._signalled_at = 0.0
        self._is_told_ready = False
        self._next_ping = 0.0
        self._worker: subprocess.Popen[bytes] | None = None
        self._socket = NotifySocket()
        if upward is not None:
            say("note: systemd watches this run already; --supervise adds a second watch inside it")

    def on_signal(self, number: int) -> None:
        """Pass a signal on; the first one starts the clock."""
        if not self._signal:
            self._signal, self._signalled_at = number, time.monotonic()
        if self._worker is not None:
            self._worker.send_signal(number)

    def close(self) -> None:
        """End the worker if there is one."""
        self._end_group()
        self._socket.close()

    def run(self) -> int:
        """Start workers until one ends for good."""
        patience = self._patience
        deaths: deque[float] = deque(maxlen=patience.most_deaths)
        while True:
            life = self._one_life()
            if self._signal or life.is_final:
                return life.code
            now = time.monotonic()
            deaths.append(now)
            recent = sum(now - death < patience.window_s for death in deaths)
            if recent >= patience.most_deaths:
                raise self._given_up(recent, life)
            wait_s = min(patience.backoff_s * 2 ** (recent - 1), patience.longest_backoff_s)
            self._say(
                f"note: the run {life.why} {life.seconds:.0f} s after its start; "
                f"starting it again in {wait_s:g} s"
            )
            self._tell(STATUS=f"the run {life.why}; starting it again")
            if not self._slept(wait_s):
                return 128 + self._signal

    def _one_life(self) -> _Life:
        start = heard = time.monotonic()
        self._worker = worker = subprocess.Popen(
            self._command, env=self._environment(), start_new_session=True
        )  # a session of its own, or a terminal's Ctrl-C would reach it twice
        if self._signal:
            worker.send_signal(self._signal)
        is_ready, why = False, ""
        while worker.poll() is None:
            for message in self._socket.messages(worker.pid, wait_s=TURN_S):
                heard = time.monotonic() if "WATCHDOG" in message else heard
                is_ready = is_ready or "READY" in message
                self._pass_on(message)
            why = why or self._overdue(start, heard, is_ready=is_ready)
            if not is_ready:
                self._ping()
        for message in self._socket.messages(worker.pid, wait_s=0):
            is_ready = is_ready or "READY" in message
        code = worker.returncode
        self._end_group()
        if code < 0 and not why:
            why = f"was killed by {_signal_name(-code)}"
        return _Life(
            code=StalledError.exit_code
            if why.startswith("hung")
            else (128 - code if code < 0 else code),
            why=why or f"ended with exit code {code}",
            was_ready=is_ready,
            seconds=time.monotonic() - start,
        )

    def _overdue(self, start: float, heard: float, *, is_ready: bool) -> str:
        """Kill a worker that hangs; return why, or nothing."""
        patience, now = self._patience, time.monotonic()
        if self._signal:
            if now - self._signalled_at > patience.drain_s:
                self._end_group()
                message = f"Expected the run to end within {patience.drain_s:g} s, but it hangs; killed it."
                raise StalledError(message, hint="see what it printed before")
            return ""
        deadline = heard + patience.hung_after_s if is_ready else start + patience.start_within_s
        if now < deadline:
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

    def _environment(self) -> dict[str, str]:
        hung_after_s = self._patience.hung_after_s
        if self._upward is not None and self._upward.watchdog_s is not None:
            hung_after_s = min(hung_after_s, self._upward.watchdog_s / 2)
        variables = {name: value for name, value in os.environ.items() if name != "WATCHDOG_PID"}
        return {
            **variables,
            "NOTIFY_SOCKET": self._socket.address,
            "WATCHDOG_USEC": str(round(hung_after_s * 1e6)),
            SUPERVISOR: str(os.getpid()),
        }

    def _pass_on(self, message: dict[str, str]) -> None:
        if "READY" in message and self._is_told_ready:
            message = {name: value for name, value in message.items() if name != "READY"}
        self._is_told_ready = self._is_told_ready or "READY" in message
        if message:
            self._tell(**message)

    def _ping(self) -> None:
        """Tell systemd that all is as it should be while there is no worker that could."""
        now = time.monotonic()
        if self._upward is not None and self._upward.watchdog_s and now >= self._next_ping:
            self._next_ping = now + self._upward.watchdog_s / 4
            self._tell(WATCHDOG="1")

    def _tell(self, **values: str) -> None:
        if self._upward is not None:
            self._upward.send(**values)

    def _slept(self, seconds: float) -> bool:
        """Wait; return False as soon as a signal came."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._signal:
            self._ping()
            time.sleep(min(TURN_S, seconds))
        return not self._signal

    def _given_up(self, deaths: int, life: _Life) -> SupervisionError:
        window = f"{self._patience.window_s / 60:g} minutes"
        message = (
            f"Expected a run that goes on, got {deaths} deaths within {window}; "
            f"at last it {life.why} {life.seconds:.0f} s after its start."
        )
        self._tell(STATUS=message)
        return SupervisionError(
            message, hint="see what it printed; try the same without --supervise"
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


@contextmanager
def _passing_on(receive: Callable[[int], None]) -> Iterator[None]:
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
