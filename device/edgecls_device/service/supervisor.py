"""A small parent that starts a run again when it crashes or hangs, where no systemd does that.

Nothing in one process can mend a runtime that aborts, or that hangs while it holds Python's lock. So the
same command runs as a child, the worker, which tells its parent what it would tell systemd (``notify.py``):
the parent needs no other way of knowing, and passes it on if systemd watches the parent (``watch.py``).
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

from edgecls_device.errors import (
    ArtifactError,
    NetworkError,
    StorageError,
    SupervisionError,
)
from edgecls_device.service.notify import Notifications
from edgecls_device.service.upward import Upward
from edgecls_device.service.watch import Life, Supervision, Watch, WorkerProgram, passing_on

__all__ = ["PATIENCE", "Deaths", "Supervision", "own_command", "supervise"]

MAY_PASS = {ArtifactError.exit_code, StorageError.exit_code, NetworkError.exit_code}
"""What ends a run at its start for good, and is worth another try once it had been running."""
FINAL = {0, 2, 3, 4, 6, 7, 13, 14, 130, 143}
"""What another try would not change: the end, what the user said, or that the user stopped it."""

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
    upward = Upward(Notifications.from_environment())
    if upward.is_heard:
        say("note: systemd watches this run already; --supervise adds a second watch inside it")
    watch = Watch(supervision, upward)
    try:
        with passing_on(watch.on_signal):
            return _run(WorkerProgram(command=tuple(command)), watch, upward, say, supervision)
    finally:
        watch.close()
        upward.close()


class Deaths:
    """How often a worker died of late."""

    def __init__(self, patience: Supervision) -> None:
        """Begin with none."""
        self._patience = patience
        self._times: deque[float] = deque(maxlen=patience.most_deaths)

    def count(self) -> int:
        """Count one more, now; return how many were within the window."""
        now = time.monotonic()
        self._times.append(now)
        return sum(now - death < self._patience.window_s for death in self._times)

    def too_many(self, life: Life, *, hint: str) -> SupervisionError:
        """Return the error that says so, after the last of these lives."""
        window = f"{self._patience.window_s / 60:g} minutes"
        message = (
            f"Expected a run that goes on, got {len(self._times)} deaths within {window}; "
            f"at last it {life.why} {life.seconds:.0f} s after its start."
        )
        return SupervisionError(message, hint=hint)


def _run(
    program: WorkerProgram,
    watch: Watch,
    upward: Upward,
    say: Callable[[str], None],
    patience: Supervision,
) -> int:
    """Start workers until one ends for good."""
    deaths = Deaths(patience)
    while True:
        life = watch.live(program)
        if watch.signal_number or _is_final(life):
            return life.code
        recent = deaths.count()
        if recent >= patience.most_deaths:
            error = deaths.too_many(
                life, hint="see what it printed; try the same without --supervise"
            )
            upward.tell(STATUS=error.message)
            raise error
        wait_s = patience.wait_s(recent)
        say(
            f"note: the run {life.why} {life.seconds:.0f} s after its start; starting it again in {wait_s:g} s"
        )
        upward.tell(STATUS=f"the run {life.why}; starting it again")
        if not watch.slept(wait_s):
            return 128 + watch.signal_number


def _is_final(life: Life) -> bool:
    return life.code in FINAL or (life.code in MAY_PASS and not life.was_ready)
