"""What is said to and of the version that runs, and when it shall end."""

import time
from collections.abc import Mapping

from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.judging import Judge
from edgecls_device.bundles.settling import confirm

__all__ = ["Course"]

LOOKS_EVERY_S = 0.5
STOPPED = "stopping: SIGTERM"


class Course:
    """The steering of one version's lives.

    Attributes:
        judge: Who judges it while it is on trial; else None.
        is_switched: Whether another version has its turn.
        is_stopped: Whether the life that ended last was ended by a signal, ours or of somebody else.
    """

    def __init__(self, installation: Installation, version: str, judge: Judge | None) -> None:
        """Begin.

        Args:
            installation: Where.
            version: The version's name.
            judge: None if it is confirmed.
        """
        self.judge = judge
        self.is_switched = self.is_stopped = False
        self._installation = installation
        self._version = version
        self._next_look = 0.0

    def hear(self, message: Mapping[str, str]) -> Mapping[str, str]:
        """Let the judge listen; say upward which version speaks, and keep its end from systemd."""
        if self.judge is not None:
            self.judge.hear(message, time.monotonic())
        passed = {name: value for name, value in message.items() if name != "STOPPING"}
        self.is_stopped = "STOPPING" in message and message.get("STATUS") == STOPPED
        if "STATUS" in passed:
            passed["STATUS"] = f"{self.title}: {passed['STATUS']}"
        return passed

    def wants_end(self) -> bool:
        """Whether ``current`` names another version, or this one did not pass; one that passed is confirmed."""
        now = time.monotonic()
        if self.judge is not None:
            outcome = self.judge.judge(now).outcome
            if outcome == "bad":
                return True
            if outcome == "good":
                self.pass_trial()
        if now >= self._next_look:
            self._next_look = now + LOOKS_EVERY_S
            self.is_switched = self._installation.current_version() != self._version
        return self.is_switched

    def pass_trial(self) -> None:
        """Confirm the version."""
        if confirm(self._installation, self._version):
            self.judge = None
        else:
            self.is_switched = True  # an update or a rollback was faster

    @property
    def title(self) -> str:
        """The version, for people."""
        return self._version if self.judge is None else f"{self._version} on trial"
