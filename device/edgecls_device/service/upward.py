"""What a parent tells systemd, if that watches it: what its worker says, and that all is well between two."""

import time
from collections.abc import Mapping

from edgecls_device.service.notify import OWN_FIELDS, Notifications

__all__ = ["Upward"]


PING_EVERY_S = 5.0
START_TIMEOUT_S = 60.0


class Upward:
    """The way up. Without systemd everything is left unsaid."""

    def __init__(
        self, notifications: Notifications | None, *, may_start_late: bool = False
    ) -> None:
        """Take the socket; it is closed by ``close``.

        Args:
            notifications: None if nobody listens.
            may_start_late: Whether systemd is asked for patience until it is told of a worker that is ready.
        """
        self._notifications = notifications
        self._may_start_late = may_start_late
        self._is_told_ready = False
        self._next_ping = 0.0

    @property
    def is_heard(self) -> bool:
        """Whether somebody listens."""
        return self._notifications is not None

    @property
    def watchdog_s(self) -> float | None:
        """Within how many seconds a ping must come; None if nobody waits for one."""
        return None if self._notifications is None else self._notifications.watchdog_s

    def pass_on(self, message: Mapping[str, str]) -> None:
        """Tell what the worker told; that it is ready only once, and not what is meant for its parent."""
        left_out = OWN_FIELDS | ({"READY"} if self._is_told_ready else set())
        passed = {name: value for name, value in message.items() if name not in left_out}
        self._is_told_ready = self._is_told_ready or "READY" in passed
        if passed:
            self.tell(**passed)

    def ping(self) -> None:
        """Tell that all is well while there is no worker that could; seldom, however often it is called."""
        now = time.monotonic()
        if now < self._next_ping:
            return
        values = {"WATCHDOG": "1"} if self.watchdog_s else {}
        if self._may_start_late and not self._is_told_ready:
            values["EXTEND_TIMEOUT_USEC"] = str(round(START_TIMEOUT_S * 1e6))
        if values:
            self.tell(**values)
        self._next_ping = now + (self.watchdog_s / 4 if self.watchdog_s else PING_EVERY_S)

    def tell(self, **values: str) -> None:
        """Send ``NAME=value`` lines."""
        if self._notifications is not None:
            self._notifications.send(**values)

    def close(self) -> None:
        """Close the socket."""
        if self._notifications is not None:
            self._notifications.close()
