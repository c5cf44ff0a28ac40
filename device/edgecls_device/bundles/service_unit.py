"""The service of an installation: its systemd unit, its user, and how both are now."""

import grp
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.bundles.installation import Installation
from edgecls_device.errors import OptionError, StorageError
from edgecls_device.files import storage_errors, write_atomically

__all__ = [
    "DEFAULT_USER",
    "UNITS",
    "ServiceState",
    "check_unit",
    "ensure_user",
    "has_systemd",
    "service_name",
    "service_state",
    "service_status",
    "start_service",
    "systemctl",
    "write_unit",
]

DEFAULT_USER = "edgecls"
UNITS = Path("/etc/systemd/system")
GROUPS = ("video", "render")
"""What opens cameras and, through ``/dev/vcio``, asks the firmware of a Raspberry Pi for its throttling."""

WAIT_S = 120.0

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._+-]*")
_PLAIN_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceState:
    """How a service is.

    Attributes:
        name: Its name.
        is_enabled: Whether it starts with the device.
        is_active: Whether it runs.
        told: What systemd says in two words, such as ``enabled, active``.
    """

    name: str
    is_enabled: bool
    is_active: bool
    told: str


def has_systemd() -> bool:
    """Return whether systemd runs this system: ``sd_booted(3)``."""
    return Path("/run/systemd/system").is_dir()


def service_name(name: str) -> str:
    """Return the service of an installed name."""
    return f"edgecls-{name}"


def check_unit(installation: Installation, name: str, user: str, *, units: Path = UNITS) -> None:
    """Refuse a service that cannot be made. Nothing is written.

    Raises:
        OptionError: If the directory or the user has a name that a unit cannot hold, or the service is another
            installation's.
        StorageError: If its file cannot be read.
    """
    root = str(installation.root)
    if not _PLAIN_PATH.fullmatch(root):
        message = f"Expected --root of letters, digits and . _ + - / for a service, got {root!r}."
        raise OptionError(message, hint="choose another directory, or --no-service")
    if not _PLAIN_USER.fullmatch(user) or user == "root":
        message = f"Expected --user to name a user that is not root, got {user!r}."
        raise OptionError(message, hint=f"leave it out for a user of its own, {DEFAULT_USER}")
    path = _unit(name, units)
    if path.exists() and f" --root {root}\n" not in _read(path):
        message = (
            f"Expected a service {service_name(name)} of {root}, got one of another directory."
        )
        raise OptionError(message, hint=f"see {path}; or install with --no-service")


def write_unit(
    template: str, installation: Installation, name: str, *, units: Path = UNITS
) -> bool:
    """Write the unit; return whether that changed anything.

    Args:
        template: With ``@ROOT@`` and ``@NAME@``.
        installation: Its directory.
        name: Its name.
        units: Where units stand.

    Raises:
        StorageError: If it cannot be written.
    """
    text = template.replace("@ROOT@", str(installation.root)).replace("@NAME@", name)
    path = _unit(name, units)
    if path.exists() and _read(path) == text:
        return False
    write_atomically(path, text)
    with storage_errors("write", path):
        path.chmod(0o644)
    return True


def ensure_user(user: str, home: Path) -> None:
    """Make sure that the service's user exists; one that is made may open cameras and log in nowhere.

    Raises:
        StorageError: If it cannot be made.
    """
    try:
        pwd.getpwnam(user)
    except KeyError:
        _run("useradd", *_new_user(user, home))


def _new_user(user: str, home: Path) -> list[str]:
    existing = {group.gr_name for group in grp.getgrall()}
    groups = ",".join(name for name in GROUPS if name in existing)
    words = [
        "--system",
        "--no-create-home",
        "--home-dir",
        str(home),
        "--shell",
        "/usr/sbin/nologin",
    ]
    words += ["--gid", user] if user in existing else ["--user-group"]
    return [*words, *(["--groups", groups] if groups else []), user]


def start_service(name: str) -> str:
    """Let it start with the device, and now; return why it does not run, empty if it does.

    Raises:
        StorageError: If systemd cannot be told.
    """
    service = service_name(name)
    systemctl("daemon-reload")
    systemctl("enable", "--quiet", service)
    done = subprocess.run(
        ["systemctl", "restart", service], capture_output=True, text=True, check=False, timeout=400
    )
    state = service_state(name)
    return "" if state.is_active else f"{state.told}: {done.stderr.strip()}".rstrip(": ")


def service_state(name: str) -> ServiceState:
    """Ask systemd how a service is."""
    service = service_name(name)
    words = [_said("is-enabled", service), _said("is-active", service)]
    return ServiceState(
        name=service,
        is_enabled=words[0] == "enabled",
        is_active=words[1] in {"active", "activating", "reloading"},
        told=", ".join(word or "unknown" for word in words),
    )


def service_status(name: str) -> str:
    """Return what a service says of itself in ``systemctl status``; empty if systemd does not know it."""
    return _said("show", "--property=StatusText", "--value", service_name(name))


def systemctl(*words: str) -> None:
    """Tell systemd something.

    Raises:
        StorageError: If it refuses.
    """
    _run("systemctl", *words)


def _said(*words: str) -> str:
    if shutil.which("systemctl") is None:
        return ""
    done = subprocess.run(
        ["systemctl", *words], capture_output=True, text=True, check=False, timeout=WAIT_S
    )
    return done.stdout.strip()


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"Expected {command[0]} to run, got: {error}."
        raise StorageError(message, hint=f"try it: {' '.join(command)}") from error
    if done.returncode:
        told = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        message = f"Expected {' '.join(command[:2])} to succeed, got: {told}."
        raise StorageError(message, hint=f"try it: {' '.join(command)}")


def _unit(name: str, units: Path) -> Path:
    return units / f"{service_name(name)}.service"


def _read(path: Path) -> str:
    with storage_errors("read", path):
        return path.read_text(encoding="utf-8", errors="replace")
