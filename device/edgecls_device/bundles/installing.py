"""The first installation of a bundle: ``python -m edgecls_device.bundles.installing BUNDLE``, from our wheel.

It runs on a bare Python before any environment exists, so it and all that it imports need the standard
library only. What can be refused is refused before anything is written. Where a version is installed already,
it is an update.
"""

import argparse
import os
import pwd
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edgecls_device.bundles.cleaning import clean
from edgecls_device.bundles.fitting import check_fit, read_system
from edgecls_device.bundles.history import remember
from edgecls_device.bundles.installation import DEFAULT_PARENT, Installation, sync_directory
from edgecls_device.bundles.locks import changing, switching
from edgecls_device.bundles.outcome import Outcome
from edgecls_device.bundles.preparing import check_room, prepare_version
from edgecls_device.bundles.reading import Bundle, open_bundle
from edgecls_device.bundles.service_unit import (
    DEFAULT_USER,
    check_unit,
    ensure_user,
    has_systemd,
    service_name,
    service_state,
    start_service,
    systemctl,
    write_unit,
)
from edgecls_device.bundles.settling import is_whole
from edgecls_device.bundles.signing import fingerprint
from edgecls_device.bundles.state import read_state, write_state
from edgecls_device.bundles.telling import sentence
from edgecls_device.bundles.trusting import trust_for, trust_key
from edgecls_device.bundles.updating import UNSIGNED, outcome_of, update
from edgecls_device.errors import (
    EdgeclsError,
    InterruptedRunError,
    OptionError,
    StorageError,
    UpdateError,
)
from edgecls_device.files import make_directory, storage_errors, write_atomically
from edgecls_device.records import to_json

__all__ = ["install", "main"]

Say = Callable[[str], None]

CONFIG, UNIT = "config.toml", "edgecls.service"
MOST_BYTES = 100_000
COMMAND = Path("/usr/local/bin/edgecls")


def main(arguments: Sequence[str]) -> int:
    """Install as the arguments say; return the exit code."""
    options = _options(arguments)
    os.umask(0o022)  # the service's user must be able to read what root writes
    try:
        outcome = install(
            options.bundle,
            root=options.root,
            key=options.key,
            user=options.user,
            wants_service=not options.no_service,
            say=_say,
        )
    except EdgeclsError as error:
        return _failed(error)
    except KeyboardInterrupt:
        hint = "what was half-made is removed; repeat the command to install"
        return _failed(InterruptedRunError("stopped by Ctrl-C", hint=hint))
    if options.json:
        sys.stdout.write(to_json(outcome))
    else:
        sys.stdout.write("\n".join([sentence(outcome), *outcome.notes]) + "\n")
    if outcome.result == "reverted":
        message = f"Expected release {outcome.release} to pass its trial, got: {outcome.reason}"
        return _failed(UpdateError(message, hint=f"{outcome.current_version} runs on"))
    return 0


def install(
    path: Path,
    *,
    root: Path | None,
    key: Path | None,
    user: str,
    wants_service: bool,
    say: Say,
) -> Outcome:
    """Install a bundle where none is, or update what is there.

    Args:
        path: The bundle.
        root: Directory of the installation; by default one named after the bundle in ``/opt/edgecls``.
        key: A file with the public key that must have signed it.
        user: Who runs the service.
        wants_service: Whether systemd, where there is one, shall run it.
        say: Takes lines of progress.

    Raises:
        BundleError: If it is damaged, not signed as it must be, or not for this system.
        OptionError: If an option cannot be honoured.
        StorageError: If there is no room, or this user may not write there.
        UpdateError: If it does not do here what it did where it was made, or is older than what was here.
    """
    with open_bundle(path) as bundle:
        installation = Installation((root or DEFAULT_PARENT / bundle.manifest.name).absolute())
    with open_bundle(path, trust=trust_for(installation, key=key)) as bundle:
        manifest = bundle.manifest
        has_service = wants_service and has_systemd()
        say(f"Installing {manifest.name}, release {manifest.release}, in {installation.root}")
        check_fit(manifest.target, read_system(manifest.target))
        _check_rights(installation, needs_root=has_service)
        if has_service:
            check_unit(installation, manifest.name, user)
        is_first = not _is_installed(installation)
        outcome = (
            _install_first(bundle, installation, user if has_service else None, say)
            if is_first
            else update(path, installation, say=say)
        )
        notes: tuple[str, ...] = (_by_hand(installation),)
        if has_service:
            notes = _serve(bundle, installation, say, is_first=is_first)
    return replace(outcome, notes=(*outcome.notes, *notes))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 BUNDLE", description="Install this bundle of edgecls on this device."
    )
    parser.add_argument("bundle", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help="where to; /opt/edgecls/NAME by default")
    parser.add_argument(
        "--no-service", action="store_true", help="do not let systemd run it; needs no root rights"
    )
    parser.add_argument("--user", default=DEFAULT_USER, help="who runs the service; made if new")
    parser.add_argument("--key", type=Path, help="the public key that must have signed the bundle")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--yes", action="store_true", help="nothing is ever asked; for scripts")
    return parser.parse_args(arguments)


def _is_installed(installation: Installation) -> bool:
    links = installation.current_version(), installation.confirmed_version()
    return None not in links and any(is_whole(installation, name) for name in links)


def _check_rights(installation: Installation, *, needs_root: bool) -> None:
    """Refuse before anything is written what this user may not write."""
    if needs_root and os.geteuid() != 0:
        message = "Expected root rights, which a service needs, got an ordinary user."
        hint = "sudo python3 BUNDLE; or without a service: --no-service --root DIR"
        raise OptionError(message, hint=hint)
    place = installation.root
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        message = f"Expected a directory that may be written, got {str(place)!r}."
        raise StorageError(message, hint="repeat the command with sudo, or choose another --root")


def _install_first(
    bundle: Bundle, installation: Installation, user: str | None, say: Say
) -> Outcome:
    """Install where nothing is, or only what is left of an installation that was stopped.

    The links come last: until then it is no installation, and the same command begins again.
    """
    manifest = bundle.manifest
    if not installation.root.exists():
        check_room(manifest, installation)  # before anything is written
    installation.prepare()
    with changing(installation):
        state = read_state(installation)
        clean(installation, state, environment=manifest.environment.digest)  # a kill leaves much
        check_room(manifest, installation)
        if manifest.release < state.floor:
            message = (
                f"Expected release {state.floor} or a later one, got release {manifest.release}."
            )
            raise UpdateError(message, hint="it was installed here before; make a newer bundle")
        notes = _tell_signer(bundle, say)
        version = prepare_version(bundle, installation, say)
        if bundle.signer_pem is not None:
            trust_key(installation, bundle.signer_pem)
        _write_config(bundle, installation)
        if user is not None:
            ensure_user(user, installation.data)
        _give_data(installation, user)
        with switching(installation):
            write_state(installation, replace(state, floor=manifest.release, trial=None))
            installation.point(installation.current, version)
            installation.point(installation.confirmed, version)
        remember(installation, "installed", name=version, release=manifest.release)
        sync_directory(installation.root)
    return replace(outcome_of(installation, version, "installed"), notes=notes)


def _tell_signer(bundle: Bundle, say: Say) -> tuple[str, ...]:
    if bundle.signer_pem is None:
        say(f"warning: {UNSIGNED}")
        return (UNSIGNED,)
    say(f"Signed by {fingerprint(bundle.signer_pem)}.")
    say("From now on only bundles signed by this key are taken.")
    return ()


def _write_config(bundle: Bundle, installation: Installation) -> None:
    """Write the first options; those of the user are never touched."""
    if not installation.config.exists():
        text = bundle.read(CONFIG, MOST_BYTES).decode()
        write_atomically(installation.config, text.replace("@NAME@", bundle.manifest.name))
        with storage_errors("write", installation.config):
            installation.config.chmod(0o644)


def _give_data(installation: Installation, user: str | None) -> None:
    """Let the service's user, and nobody else, read and write what the service writes."""
    with storage_errors("write", installation.data):
        installation.data.chmod(0o750)
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(installation.data, entry.pw_uid, entry.pw_gid)


def _serve(
    bundle: Bundle, installation: Installation, say: Say, *, is_first: bool
) -> tuple[str, ...]:
    """Let systemd run it; return what a person should know."""
    name = bundle.manifest.name
    template = bundle.read(UNIT, MOST_BYTES).decode()
    is_new = write_unit(template, installation, name)
    if not is_first and service_state(name).is_enabled:
        if is_new:  # its keeper goes on, and switches versions by itself
            systemctl("daemon-reload")
        return ()
    service = service_name(name)
    say(f"Starting the service {service} ...")
    why = start_service(name)
    note = f"The service {service} runs, and starts with the device: systemctl status {service}"
    if why:
        note = f"The service {service} does not run: {why}. See: journalctl -u {service}"
    return (note, *_command(installation), f"Its options: {installation.config}")


def _command(installation: Installation) -> tuple[str, ...]:
    """Make ``edgecls`` a command of this device, unless there is another one."""
    ours = installation.confirmed / "environment" / "bin" / "edgecls"
    if shutil.which("edgecls") is None and not COMMAND.is_symlink():
        make_directory(COMMAND.parent)
        with storage_errors("write", COMMAND):
            COMMAND.symlink_to(ours)
    if COMMAND.is_symlink() and COMMAND.readlink() == ours:
        return ()
    return (f"Its own command is {ours}, since there is an edgecls already.",)


def _by_hand(installation: Installation) -> str:
    command = installation.confirmed / "environment" / "bin" / "edgecls"
    return f"No service runs it. Start it with: {command} keep --root {installation.root}"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _failed(error: EdgeclsError) -> int:
    _say(f"error: {error.message}")
    if error.hint:
        _say(f"hint: {error.hint}")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
