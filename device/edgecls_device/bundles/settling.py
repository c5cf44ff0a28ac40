"""The steps between versions on the disk: a trial is begun, confirmed or reverted, and a version falls back.

Each is a few writes, any of which a power cut may be the last of. Whatever was begun is finished by ``settle``
at the next start, and each step may be done twice. Every one holds the lock of ``switching`` and looks again
whether things still are as its caller saw them, since an update or a rollback may have come first.
"""

from dataclasses import replace

from edgecls_device.bundles.history import What, read_history, remember
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import switching
from edgecls_device.bundles.manifest import release_of
from edgecls_device.bundles.state import FAILED_KEPT, State, Trial, read_state, write_state
from edgecls_device.bundles.tuning import TUNING
from edgecls_device.bundles.version_program import PYTHON
from edgecls_device.errors import SpecError, StorageError

__all__ = ["begin_attempt", "confirm", "fall_back", "is_whole", "revert", "settle"]

CUT_SHORT = "The power was cut, or the keeper killed, while it was being reverted."
NOT_WHOLE = "Its files are not whole."


def is_whole(installation: Installation, version: str | None) -> bool:
    """Return whether a version can be started: its folder, its choice and its Python are there."""
    if not version:
        return False
    folder = installation.version(version)
    return (folder / TUNING).is_file() and (folder / PYTHON).exists()


def settle(installation: Installation) -> None:
    """Finish what a power cut left half done, so that ``current`` and ``confirmed`` name whole versions.

    Raises:
        StorageError: If there is no version that can be started, or a file cannot be written.
        SpecError: If the installation's own records are damaged.
    """
    with switching(installation):
        _mend_links(installation)
        current, confirmed = _links(installation)
        state = read_state(installation)
        trial = state.trial
        if current == confirmed:
            if current in state.failed:
                _finish_leaving(installation, current, state)
            elif trial is not None and trial.attempts > 0:
                if trial.version == current:
                    write_state(installation, replace(state, trial=None))
                else:
                    _note_failure(installation, trial.version, CUT_SHORT)
        elif trial is None or trial.version != current:
            if current in state.failed or not is_whole(installation, current):
                _revert(installation, current, CUT_SHORT)
            elif state.previous == confirmed and state.floor >= release_of(current):
                _confirm(installation, current)
            else:  # it was switched to, and nobody said what for
                write_state(installation, replace(state, trial=Trial(version=current)))
        elif not is_whole(installation, current):
            _revert(installation, current, NOT_WHOLE)
        _mend_history(installation)


def begin_attempt(installation: Installation, version: str) -> int:
    """Count a start of a version on trial, before it is started; return which one it is, from 1.

    Raises:
        StorageError: If that cannot be written.
        SpecError: If the state is damaged.
    """
    with switching(installation):
        state = read_state(installation)
        is_known = state.trial is not None and state.trial.version == version
        attempts = 1 + (state.trial.attempts if state.trial is not None and is_known else 0)
        if installation.current_version() == version:
            trial = Trial(version=version, attempts=attempts)
            write_state(installation, replace(state, trial=trial))
        return attempts


def confirm(installation: Installation, version: str) -> bool:
    """Keep a version that passed its trial; return False if another one has its turn meanwhile.

    Raises:
        StorageError: If that cannot be written; it stays on trial, or is confirmed at the next start.
        SpecError: If the state is damaged.
    """
    with switching(installation):
        if installation.current_version() != version:
            return False
        if installation.is_on_trial():
            _confirm(installation, version)
        return True


def revert(installation: Installation, version: str, reason: str) -> bool:
    """Go back to the confirmed version; return False if this one is not on trial any more.

    Args:
        installation: Where.
        version: The version that did not pass.
        reason: Why, a sentence.

    Raises:
        StorageError: If that cannot be written.
        SpecError: If the state is damaged.
    """
    with switching(installation):
        if installation.current_version() != version or not installation.is_on_trial():
            return False
        _revert(installation, version, reason)
        return True


def fall_back(installation: Installation, version: str, reason: str) -> str | None:
    """Leave a confirmed version for the one that was confirmed before it, which can be done once.

    Args:
        installation: Where.
        version: The version that fails.
        reason: Why it is left, a sentence.

    Returns:
        The version that runs now; None if there is none to fall back to.

    Raises:
        StorageError: If that cannot be written.
        SpecError: If the state is damaged.
    """
    with switching(installation):
        current, confirmed = _links(installation)
        if current != version or confirmed != version:
            return current  # somebody was faster
        state = read_state(installation)
        previous = state.previous
        if previous == version or not is_whole(installation, previous):
            return None
        write_state(installation, replace(_failed(state, version), trial=None))
        installation.point(installation.confirmed, previous)
        installation.point(installation.current, previous)
        write_state(installation, replace(_failed(state, version), trial=None, previous=""))
        _remember(installation, "reverted", version, reason)
        return previous


def _confirm(installation: Installation, version: str) -> None:
    state, confirmed = read_state(installation), installation.confirmed_version()
    previous = confirmed if confirmed and confirmed != version else state.previous
    floor = max(state.floor, release_of(version))
    write_state(installation, replace(state, floor=floor, previous=previous, trial=None))
    installation.point(installation.confirmed, version)
    _remember(installation, "confirmed", version)


def _revert(installation: Installation, version: str, reason: str) -> None:
    installation.point(installation.current, installation.confirmed_version() or "")
    _note_failure(installation, version, reason)


def _finish_leaving(installation: Installation, version: str, state: State) -> None:
    """Go to the version before, as a fall-back or a rollback had begun to; without one this one is kept."""
    previous = state.previous
    if previous == version or not is_whole(installation, previous):
        failed = tuple(name for name in state.failed if name != version)
        write_state(installation, replace(state, failed=failed))
        return
    installation.point(installation.confirmed, previous)
    installation.point(installation.current, previous)
    write_state(installation, replace(state, trial=None, previous=""))


def _note_failure(installation: Installation, version: str, reason: str) -> None:
    write_state(installation, replace(_failed(read_state(installation), version), trial=None))
    _remember(installation, "reverted", version, reason)


def _failed(state: State, version: str) -> State:
    failed = (*(name for name in state.failed if name != version), version)
    return replace(state, failed=failed[-FAILED_KEPT:])


def _mend_links(installation: Installation) -> None:
    """Let a link that names nothing whole name what the other one does."""
    current, confirmed = installation.current_version(), installation.confirmed_version()
    if is_whole(installation, confirmed):
        if current is None:
            installation.point(installation.current, confirmed or "")
        return
    if not is_whole(installation, current):
        named = confirmed or current
        got = f"{named}, which is not whole" if named else "none"
        message = f"Expected an installed version in {str(installation.root)!r}, got {got}."
        hint = f"install the bundle again: sudo python3 BUNDLE --root {installation.root}"
        raise StorageError(message, hint=hint)
    installation.point(installation.confirmed, current or "")


def _mend_history(installation: Installation) -> None:
    """Write the line of history that a power cut came before."""
    current, confirmed = _links(installation)
    try:
        newest = {entry.name: entry.what for entry in read_history(installation)}
    except SpecError:
        return  # "edgecls history" says so; what runs must not depend on what once happened
    if newest.get(confirmed) == "trial":
        _remember(installation, "confirmed", confirmed)
    state = read_state(installation)
    last = state.failed[-1] if state.failed else current
    if last not in {current, confirmed} and newest.get(last) in {"trial", "confirmed", "installed"}:
        _remember(installation, "reverted", last, CUT_SHORT)


def _links(installation: Installation) -> tuple[str, str]:
    return installation.current_version() or "", installation.confirmed_version() or ""


def _remember(installation: Installation, what: What, version: str, reason: str = "") -> None:
    remember(installation, what, name=version, release=release_of(version), reason=reason)
