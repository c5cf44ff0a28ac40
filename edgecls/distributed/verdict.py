"""What becomes of a training when its processes end: the first cause counts, and all are told the same."""

import signal
import time

from edgecls.distributed.ending import Ending

__all__ = ["CONSEQUENCE_S", "Verdict"]

CONSEQUENCE_S = 10.0
"""How long a death without a word waits for another process to say why: JAX ends all when one is gone."""


class Verdict:
    """Collects how processes ended, on rank 0.

    Args:
        processes: How many there are.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._endings: dict[int, Ending] = {}
        self._since = 0.0

    def add(self, ending: Ending) -> None:
        """Note how a process ended; what it said first counts."""
        if ending.rank in self._endings:
            return
        if ending.kind != "done" and not self._since:
            self._since = time.monotonic()
        self._endings[ending.rank] = ending

    def find(self) -> Ending | None:
        """Return what ends the training for all, or None while it goes on."""
        failed = [one for one in self._endings.values() if one.kind != "done"]
        causes = [one for one in failed if not one.may_be_consequence]
        if causes:
            return causes[0]
        waited = time.monotonic() - self._since
        if failed and (len(failed) == self._processes or waited > CONSEQUENCE_S):
            return min(failed, key=_how_far_from_the_cause)
        if len(self._endings) == self._processes and not failed:
            return next(iter(self._endings.values()))
        return None


def _how_far_from_the_cause(ending: Ending) -> tuple[bool, bool, bool]:
    """Order endings: what is known to follow from another is last, before it JAX's way to end a process.

    Among the latter, one that says which process is silent goes first.
    """
    return ending.is_consequence, ending.code == signal.SIGABRT, not ending.message
