"""``edgecls rollback``: back to the version before, by hand.

The version that is left counts as failed from the first step on. So wherever a power cut comes, the keeper
finds it confirmed as before, or finds one that failed where another is confirmed, and leaves it.
"""

from dataclasses import replace

from edgecls_device.bundles.history import remember
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import changing, is_kept, switching
from edgecls_device.bundles.manifest import release_of
from edgecls_device.bundles.outcome import Outcome
from edgecls_device.bundles.state import FAILED_KEPT, State, read_state, write_state
from edgecls_device.bundles.tuning import TUNING
from edgecls_device.bundles.updating import outcome_of
from edgecls_device.errors import UpdateError

__all__ = ["roll_back"]

PENDING = "No service runs; it will start with this version."


def roll_back(installation: Installation) -> Outcome:
    """Give up the version on trial, or else go back to the one that was confirmed before.

    The version that is left is not installed again by itself, only with ``edgecls update --again``. The
    version floor stays: an older bundle is refused as before.

    Raises:
        UpdateError: If there is none to go back to, or an update goes on.
        StorageError: If this user may not write there.
        SpecError: If the installation's own records are damaged.
    """
    with changing(installation), switching(installation):
        state = read_state(installation)
        left = installation.current_version() or ""
        target = _target(installation, left, state)
        reason = f"By hand, to release {release_of(target)}."
        remember(installation, "rolled-back", name=left, release=release_of(left), reason=reason)
        failed = (*(name for name in state.failed if name != left), left)
        state = replace(state, failed=failed[-FAILED_KEPT:], trial=None)
        write_state(installation, state)
        installation.point(installation.confirmed, target)
        installation.point(installation.current, target)
        if state.previous == target:
            write_state(installation, replace(state, previous=""))
    notes = () if is_kept(installation) else (PENDING,)
    return replace(outcome_of(installation, target, "rolled-back", reason=reason), notes=notes)


def _target(installation: Installation, left: str, state: State) -> str:
    confirmed = installation.confirmed_version()
    target = confirmed if confirmed and confirmed != left else state.previous
    if not left or not target or target == left:
        message = "Expected a version to go back to, got none that was confirmed before."
        raise UpdateError(message, hint="see what happened here: edgecls history")
    if not (installation.version(target) / TUNING).is_file():
        message = f"Expected the version {target} to be there still, but it is not whole."
        raise UpdateError(message, hint="bundle what you want as a new release, and update to it")
    return target
