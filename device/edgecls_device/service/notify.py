"""Telling systemd how the run is: ``sd_notify(3)``, a datagram of ``NAME=value`` lines.

A ping of the watchdog says that results leave the pipeline, or that there is nothing a restart could mend: the
source is lost and opened again and again, or a folder gets no new files. It is sent from the loop itself, by
the hook that is called after each round; a timer of its own would go on pinging while the model hangs.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edgecls_device.service.worker import is_worker

if TYPE_CHECKING:  # the supervisor, which imports no OpenCV, sends notifications too
    from edgecls_device.health import LiveStatus, StatusBoard

__all__ = ["OWN_FIELDS", "RESULTS", "STARTING", "STATE", "Notifications", "Notifier", "tell_start"]

ASKED_EVERY_S = 0.25  # while not ready; the status costs a sort of the last times
TOLD_EVERY_S = 5.0
MOST_STATUS_BYTES = 400
EARLY_RESULTS = 100

RESULTS = "X_EDGECLS_RESULTS"  # how many were valid so far
STATE = "X_EDGECLS_STATE"  # as in ``LiveStatus``
STARTING = "X_EDGECLS_STARTING"  # what its start has come to
OWN_FIELDS = frozenset({RESULTS, STATE, STARTING})
"""What a parent of ours is told besides. systemd ignores names that begin with ``X_``."""


class Notifications:
    """The socket that systemd gave us. Sending never blocks and never raises.

    Attributes:
        watchdog_s: Within how many seconds a ping must come; None if nobody waits for one.
        failed: How many messages could not be sent.
        last_error: Why not.
    """

    def __init__(self, address: str, *, watchdog_s: float | None = None) -> None:
        """Open a socket.

        Args:
            address: A path, or ``@`` and the name of an abstract socket.
            watchdog_s: See above.
        """
        self.watchdog_s = watchdog_s
        self.failed, self.last_error = 0, ""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        import socket  # only a service has somebody to tell

        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> "Notifications | None":
        """Return the socket named by ``NOTIFY_SOCKET``; None if there is none.

        ``WATCHDOG_USEC`` counts only if ``WATCHDOG_PID`` is absent or this process, as systemd says.
        """
        address = variables.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        wanted = variables.get("WATCHDOG_USEC", "")
        is_ours = variables.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = (
            int(wanted) / 1e6 if wanted.isascii() and wanted.isdigit() and is_ours else None
        )
        return cls(address, watchdog_s=watchdog_s or None)

    def send(self, **values: str) -> None:
        """Send ``NAME=value`` lines in one datagram."""
        text = "\n".join(f"{name}={' '.join(value.split())}" for name, value in values.items())
        try:
            self._socket.sendto(text.encode(errors="replace"), self._address)
        except (
            OSError
        ) as error:  # a full queue, or a service manager that is gone: counted, not fatal
            self.failed += 1
            self.last_error = error.strerror or str(error)

    def close(self) -> None:
        """Close the socket; closing twice is harmless."""
        self._socket.close()


def tell_start(step: str) -> None:
    """Tell a parent of ours that the start goes on: on a slow device it may have patience for each step.

    Args:
        step: What is done.
    """
    notifications = Notifications.from_environment() if is_worker() else None
    if notifications is not None:
        notifications.send(**{STARTING: step})
        notifications.close()


class Notifier:
    """Turns the loop's rounds into ``READY=1``, ``STATUS=``, ``WATCHDOG=1`` and ``STOPPING=1``.

    ``come_round`` is for the ``on_round`` hook of the loop and costs a look at the clock most of the time. It
    is READY once the first result is out, or once it is known that the source is lost and being waited for:
    a service that waits for its camera has started. The first hundred results are told every second, for a
    keeper that has to judge a new version; later ones go along with what is told anyway.
    """

    def __init__(
        self,
        notifications: Notifications,
        board: "StatusBoard",
        *,
        may_idle: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Join a board and a socket.

        Args:
            notifications: Where to send.
            board: How the run is.
            may_idle: Whether it is normal that no frames come, as in a folder that is watched.
            clock: Seconds that never go back.
        """
        self._notifications = notifications
        self._board = board
        self._may_idle = may_idle
        self._clock = clock
        self._ping_every_s = (notifications.watchdog_s or float("inf")) / 2
        self._next_look = self._next_ping = self._next_status = clock()
        self._progress = self._results_told = 0
        self._is_ready = False
        self._told = ""

    def come_round(self) -> None:
        """Say what there is to say now."""
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + ASKED_EVERY_S
        status = self._board.status()
        values: dict[str, str] = {}
        is_due = now >= self._next_ping or not self._is_ready
        if is_due and self._is_well(status):
            values |= self._pinged(now, status)
        text = status_text(status)
        if now >= self._next_status or (text.split(":")[0] != self._told.split(":")[0]):
            self._next_status, self._told = now + TOLD_EVERY_S, text
            values["STATUS"] = text
        if values or self._is_early(status):
            self._results_told = status.results
            self._notifications.send(**values, **_own_fields(status))
        if self._is_ready:
            self._next_look = now + min(1.0, self._ping_every_s / 4)

    def stopping(self, reason: str = "") -> None:
        """Say that the run ends, and why."""
        self._notifications.send(
            STOPPING="1",
            STATUS=f"stopping: {reason}" if reason else "stopping",
            **_own_fields(self._board.status()),
        )

    def _pinged(self, now: float, status: "LiveStatus") -> dict[str, str]:
        self._next_ping = now + self._ping_every_s
        self._progress = _progress(status)
        values = {} if self._is_ready else {"READY": "1"}
        self._is_ready = True
        return {**values, "WATCHDOG": "1"}

    def _is_early(self, status: "LiveStatus") -> bool:
        """Whether these are among the first results, which a version on trial is judged by."""
        return self._results_told < EARLY_RESULTS and status.results > self._results_told

    def _is_well(self, status: "LiveStatus") -> bool:
        """Whether something left the pipeline since the last ping, or nothing can."""
        source = status.source_status
        is_waiting = (
            source.state == "lost" or source.is_stale or (self._may_idle and status.is_live)
        )
        return is_waiting or _progress(status) > self._progress


def status_text(status: "LiveStatus") -> str:
    """Return one line for ``systemctl status``."""
    if status.reasons:
        text = f"{status.state}: {' '.join(status.reasons)}"
    elif status.decision is not None:
        rate = f"{status.frames_per_second:.1f} frames a second"
        text = f"{status.state}: {status.decision.label}, {rate}, {status.results} results"
    else:
        text = f"{status.state}: {status.source}"
    return text.encode()[:MOST_STATUS_BYTES].decode(errors="ignore")


def _own_fields(status: "LiveStatus") -> dict[str, str]:
    """Return what a parent of ours wants to know: valid results only, since others are in ``dropped``."""
    return {RESULTS: str(status.results), STATE: status.state}


def _progress(status: "LiveStatus") -> int:
    """Count what left the pipeline: results, and frames left out since the user asked for that."""
    return status.results + status.dropped.get("skipped", 0)
