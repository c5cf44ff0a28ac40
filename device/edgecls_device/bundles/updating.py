"""``edgecls update``: a bundle beside the version that runs, tried by the keeper, and kept only if it is good.

The order makes it safe against a power cut. What is refused is refused before anything is written. All of the
new version is on the disk and synced before the state names it, and that before the one rename that lets it
run. So at any moment ``current`` and ``confirmed`` name whole versions, old or new.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edgecls_device.bundles.cleaning import clean
from edgecls_device.bundles.history import remember
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import changing, is_kept, switching
from edgecls_device.bundles.manifest import MANIFEST, Manifest, release_of
from edgecls_device.bundles.outcome import Outcome
from edgecls_device.bundles.preparing import check_room, prepare_version, read_tuning
from edgecls_device.bundles.reading import Bundle, open_bundle
from edgecls_device.bundles.service_unit import service_status
from edgecls_device.bundles.state import State, Trial, read_state, write_state
from edgecls_device.bundles.trusting import trust_for, trust_key
from edgecls_device.bundles.verdict import wait_for_verdict
from edgecls_device.errors import BundleError, InterruptedRunError, SpecError, UpdateError
from edgecls_device.files import read_bytes
from edgecls_device.records import from_json

__all__ = ["Result", "installed_manifest", "outcome_of", "update"]

Result = Literal["installed", "confirmed", "reverted", "pending", "same", "rolled-back"]
MOST_BYTES = 4_000_000
MOST_REASON = 1000
UNSIGNED = (
    "This bundle is not signed, and no key is trusted here: whoever can copy a file to this device decides "
    "what it runs."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Before:
    """How an installation is before an update."""

    current: str
    confirmed: str
    state: State
    manifest: Manifest


def update(
    path: Path,
    installation: Installation,
    *,
    say: Callable[[str], None],
    again: bool = False,
) -> Outcome:
    """Install a bundle beside the version that runs, switch to it, and wait for what its trial says.

    Args:
        path: The bundle.
        installation: An existing installation.
        say: Prints one line for the user.
        again: Whether to try a version that failed before, and even if the service gets no frames now.

    Returns:
        What came of it: ``confirmed``, ``reverted``, ``pending`` or ``same``.

    Raises:
        BundleError: If the bundle is damaged, not trusted, or not for this installation; or none of its model
            files gives the right scores here. The version that runs goes on.
        UpdateError: If it is older than what ran here, was changed without a new release, or failed before;
            if another update goes on, or the service gets no frames.
        StorageError: If there is no room, or this user may not write there.
        SpecError: If the installation's own records are damaged.
        InterruptedRunError: On Ctrl-C while it is on trial; the trial goes on.
    """
    try:
        return _update(path, installation, say, again=again)
    except KeyboardInterrupt as error:
        if not installation.is_on_trial():
            raise
        message = "Stopped waiting; the trial goes on, and the service keeps what passes it."
        raise InterruptedRunError(message, hint="see what came of it: edgecls history") from error


def installed_manifest(installation: Installation, version: str) -> Manifest:
    """Return the manifest of an installed version.

    Raises:
        SpecError: If it is damaged.
        StorageError: If it cannot be read.
    """
    path = installation.version(version) / MANIFEST
    return from_json(Manifest, read_bytes(path, max_bytes=MOST_BYTES), name=str(path))


def outcome_of(
    installation: Installation, version: str, result: Result, *, reason: str = ""
) -> Outcome:
    """Return the record of what came of a version, with what the device chose for it.

    Raises:
        SpecError: If a record of the version is damaged.
        StorageError: If one cannot be read.
    """
    manifest = installed_manifest(installation, version)
    tuning = read_tuning(installation.version(version))
    chosen = (tuning.artifact, tuning.backend, tuning.threads)
    times = [
        one.p50_ms
        for one in tuning.candidates
        if (one.artifact, one.backend, one.threads) == chosen
    ]
    return Outcome(
        name=manifest.name,
        release=manifest.release,
        installed_version=version,
        current_version=installation.current_version() or "",
        result=result,
        artifact=tuning.artifact,
        backend=tuning.backend,
        threads=tuning.threads,
        p50_ms=times[0] if times else 0.0,
        reason=reason,
    )


def _update(
    path: Path, installation: Installation, say: Callable[[str], None], *, again: bool
) -> Outcome:
    trust = trust_for(installation)
    with changing(installation), open_bundle(path, trust=trust) as bundle:
        before = _before(installation)
        _check_target(bundle.manifest, before.manifest)
        notes = _notes(bundle)
        for note in notes:
            say(f"Warning: {note}")
        version = bundle.version_name
        if version == before.current == before.confirmed:
            reason = "This very bundle runs already."
            return outcome_of(installation, version, "same", reason=reason)
        if version != before.current:
            _check_turn(bundle, installation, before)
            _check_release(bundle, before, again=again)
            _check_frames(installation, before, again=again)
            say("Checking the bundle ...")
            bundle.check()
            _prepare(bundle, installation, before, say=say)
            _switch(installation, bundle, before)
    say(f"Release {bundle.manifest.release} is on trial ...")
    verdict = wait_for_verdict(installation, version, name=bundle.manifest.name, say=say)
    outcome = outcome_of(installation, version, verdict.result, reason=verdict.reason)
    return replace(outcome, notes=notes)


def _before(installation: Installation) -> _Before:
    current, confirmed = installation.current_version(), installation.confirmed_version()
    if current is None or confirmed is None:
        message = f"Expected an installed version in {str(installation.root)!r}, got none."
        raise UpdateError(message, hint="install the bundle: sudo python3 BUNDLE")
    return _Before(
        current=current,
        confirmed=confirmed,
        state=read_state(installation),
        manifest=installed_manifest(installation, confirmed),
    )


def _check_target(new: Manifest, old: Manifest) -> None:
    for what, got, wanted in (
        ("of", new.name, old.name),
        ("for", new.target.name, old.target.name),
        ("for the architecture", new.target.architecture, old.target.architecture),
    ):
        if got != wanted:
            message = f"Expected a bundle {what} {wanted!r}, as is installed here, got one {what} {got!r}."
            raise BundleError(message, hint="choose the bundle that was made for this device")


def _check_turn(bundle: Bundle, installation: Installation, before: _Before) -> None:
    if before.current == before.confirmed:
        return
    if is_kept(installation):
        message = f"Expected no trial that goes on, got {before.current} on trial."
        raise UpdateError(message, hint="wait a minute, then look: edgecls history")
    if bundle.version_name == before.confirmed:
        message = f"Expected another version than the confirmed one, got {before.confirmed} again."
        raise UpdateError(message, hint="to give up the one on trial: edgecls rollback")


def _check_release(bundle: Bundle, before: _Before, *, again: bool) -> None:
    version, release, state = bundle.version_name, bundle.manifest.release, before.state
    lowest = max(state.floor, before.manifest.release)
    if release < lowest:
        message = f"Expected release {lowest} or a later one, got release {release}."
        hint = "to go back to the previous version: edgecls rollback"
        raise UpdateError(message, hint=hint)
    known = {before.current, before.confirmed, state.previous, *state.failed} - {""}
    if any(release_of(name) == release for name in known - {version}):
        message = f"Expected release {release} as it was here before, got other content."
        raise UpdateError(
            message, hint=f"bundle it with a release of its own: --release {release + 1}"
        )
    if version in state.failed and not again:
        message = f"Expected a version that did not fail here before, got {version}."
        raise UpdateError(message, hint="see why: edgecls history; to try it once more: --again")


def _check_frames(installation: Installation, before: _Before, *, again: bool) -> None:
    """Refuse what could not pass: without frames a trial fails, and the version would count as failed."""
    if again or not is_kept(installation):
        return
    told = service_status(before.manifest.name)
    if ": source_lost" in told:
        message = f"Expected a service that gets frames, as a trial needs them, got {told}"
        hint = (
            "see what cameras there are: edgecls doctor --cameras; to try it all the same: --again"
        )
        raise UpdateError(message, hint=hint)


def _notes(bundle: Bundle) -> tuple[str, ...]:
    return (UNSIGNED,) if bundle.signature_state == "unsigned" else ()


def _prepare(
    bundle: Bundle, installation: Installation, before: _Before, *, say: Callable[[str], None]
) -> None:
    """Make the new version's folder; whatever goes wrong, the one that runs is as it was."""
    manifest = bundle.manifest
    clean(installation, before.state, environment=manifest.environment.digest)
    check_room(manifest, installation)
    try:
        prepare_version(bundle, installation, say)
    except (BundleError, UpdateError, SpecError) as error:
        release, name = manifest.release, bundle.version_name
        reason = " ".join(error.message.split())[:MOST_REASON]  # pip's words have lines
        remember(installation, "refused", name=name, release=release, reason=reason)
        raise


def _switch(installation: Installation, bundle: Bundle, before: _Before) -> None:
    version, release = bundle.version_name, bundle.manifest.release
    if bundle.signature_state == "unknown-key" and bundle.signer_pem is not None:
        trust_key(installation, bundle.signer_pem)  # the first one; from now on only with this key
    with switching(installation):
        now = (installation.current_version(), installation.confirmed_version())
        if now != (before.current, before.confirmed):
            message = (
                f"Expected {before.current} to run as before, got {now[0]} since the update began."
            )
            raise UpdateError(message, hint="see why: edgecls history; then repeat the command")
        remember(installation, "trial", name=version, release=release)
        state = read_state(installation)
        failed = tuple(name for name in state.failed if name != version)
        write_state(installation, replace(state, failed=failed, trial=Trial(version=version)))
        installation.point(installation.current, version)
