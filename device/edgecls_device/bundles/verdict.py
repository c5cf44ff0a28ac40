"""Waiting for what the keeper says of a version on trial."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from edgecls_device.bundles.history import read_history
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import is_kept
from edgecls_device.bundles.service_unit import service_status
from edgecls_device.bundles.state import read_state

__all__ = ["Verdict", "wait_for_verdict"]

LONGEST_S = 90.0
LOOKS_EVERY_S = 0.25
SAYS_EVERY_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of a trial.

    Attributes:
        result: ``confirmed``, ``reverted``, or ``pending`` if nobody has decided yet.
        reason: Why, a sentence; empty for ``confirmed``.
    """

    result: Literal["confirmed", "reverted", "pending"]
    reason: str = ""


def wait_for_verdict(
    installation: Installation,
    version: str,
    *,
    name: str,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Verdict:
    """Wait until the keeper has confirmed or reverted a version; after 90 s the trial is left to it.

    Args:
        installation: Where.
        version: The folder's name of the version on trial.
        name: The installed name, whose service tells how it goes.
        say: Prints one line for the user.
        clock: Seconds that never go back.
    """
    start = said = clock()
    while True:
        verdict = _verdict(installation, version)
        if verdict is not None:
            return verdict
        now = clock()
        if now - start > LONGEST_S:
            return Verdict(result="pending", reason="The trial takes longer than expected.")
        if now - said >= SAYS_EVERY_S:
            said = now
            _, _, told = service_status(name).partition(" on trial: ")
            say(f"  on trial for {now - start:.0f} s" + (f": {told}" if told else ""))
        time.sleep(LOOKS_EVERY_S)


def _verdict(installation: Installation, version: str) -> Verdict | None:
    if installation.current_version() == version:
        if installation.confirmed_version() == version:
            return Verdict(result="confirmed")
        if is_kept(installation):
            return None
        return Verdict(result="pending", reason="No service runs, so the trial begins with it.")
    if version not in read_state(installation).failed:
        return None  # its links are being switched just now
    entries = [entry for entry in read_history(installation) if entry.name == version]
    if not entries or entries[-1].what not in {"reverted", "rolled-back"}:
        return None  # why is said last
    return Verdict(result="reverted", reason=entries[-1].reason)
