"""What is to be done on a device, decided from what it says of itself: nothing here touches the network."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgecls_device.bundles.manifest import Manifest
from edgecls_device.errors import DeploymentError

__all__ = ["LOOK", "Facts", "Plan", "facts_of", "plan_for"]

ROOM_FACTOR = 5  # the copy, its wheels unpacked, and the environment made of them

LOOK = """
echo architecture=$(dpkg --print-architecture 2>/dev/null)
echo codename=$(. /etc/os-release 2>/dev/null; echo "$VERSION_CODENAME")
echo system=$(. /etc/os-release 2>/dev/null; echo "$PRETTY_NAME")
echo python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
echo user=$(id -u)
echo sudo=$(sudo -n true 2>/dev/null && echo yes)
echo free=$(df -Pk "$HOME" | awk 'NR == 2 {print $4}')
echo home=$HOME
"""
"""What a device is asked, in its shell: one ``name=value`` a line; what it does not know is empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a device says of itself.

    Attributes:
        architecture: ``dpkg --print-architecture``.
        codename: ``VERSION_CODENAME`` of its ``/etc/os-release``.
        system: Its name for people.
        python: Version of its ``python3``.
        is_root: Whether the login is root's.
        has_sudo: Whether ``sudo`` works without a password.
        free_bytes: Room in the home directory.
        home: The home directory.
        is_installed: Whether this name is installed already.
        is_copied: Whether the very same bundle lies there already.
    """

    architecture: str
    codename: str
    system: str
    python: str
    is_root: bool
    has_sudo: bool
    free_bytes: int
    home: str
    is_installed: bool
    is_copied: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        action: ``install`` for the first time, or ``update``.
        copy_to: Where the bundle is copied.
        needs_copy: Whether it is not there yet.
        command: What is then run on the device.
    """

    action: Literal["install", "update"]
    copy_to: str
    needs_copy: bool
    command: str


def facts_of(answer: str, *, is_installed: bool, is_copied: bool) -> Facts:
    """Return what a device answered to :data:`LOOK`."""
    rows: Mapping[str, str] = dict(
        line.split("=", 1) for line in answer.splitlines() if "=" in line
    )
    free = rows.get("free", "")
    return Facts(
        architecture=rows.get("architecture", ""),
        codename=rows.get("codename", ""),
        system=rows.get("system", ""),
        python=rows.get("python", ""),
        is_root=rows.get("user") == "0",
        has_sudo=rows.get("sudo") == "yes",
        free_bytes=1024 * int(free) if free.isdigit() else 0,
        home=rows.get("home", ""),
        is_installed=is_installed,
        is_copied=is_copied,
    )


def plan_for(
    facts: Facts,
    manifest: Manifest,
    *,
    size_bytes: int,
    root: str,
    copy_to: str,
    options: tuple[str, ...] = (),
    asks_password: bool = False,
) -> Plan:
    """Decide what is to be done, or why it cannot be done, before anything is copied.

    Args:
        facts: What the device says.
        manifest: The bundle's.
        size_bytes: The bundle's size.
        root: Where it is, or is to be, installed on the device.
        copy_to: Where the bundle is copied.
        options: More options of the installer.
        asks_password: Whether ``sudo`` is given a password.

    Raises:
        DeploymentError: If the device does not fit the bundle.
    """
    target = manifest.target
    for name, wanted, got in (
        ("architecture", target.architecture, facts.architecture),
        ("system", target.codename, facts.codename),
        ("Python", target.python, facts.python),
    ):
        if wanted and got != wanted:
            system = facts.system or "a system that does not tell its name"
            message = f"Expected {name} {wanted}, as the bundle is made for, got {got or 'none'} ({system})."
            raise DeploymentError(message, hint="edgecls bundle --list-targets")
    needed = ROOM_FACTOR * size_bytes
    if facts.free_bytes < needed:
        message = f"Expected {needed / 1e6:.0f} MB free in {facts.home}, got {facts.free_bytes / 1e6:.0f} MB."
        raise DeploymentError(message, hint="make room on the device")
    if not (facts.is_root or facts.has_sudo or asks_password):
        message = "Expected a login that may use sudo, got one that is asked for a password."
        raise DeploymentError(message, hint="add --ask-sudo-password, or allow sudo without one")
    return Plan(
        action="update" if facts.is_installed else "install",
        copy_to=copy_to,
        needs_copy=not facts.is_copied,
        command=_command(facts, root, copy_to, options, asks_password=asks_password),
    )


def _command(
    facts: Facts, root: str, copy_to: str, options: tuple[str, ...], *, asks_password: bool
) -> str:
    if facts.is_installed:
        words = [f"{root}/confirmed/environment/bin/python", "-m", "edgecls", "update", copy_to]
        words += ["--root", root, "--json"]
    else:
        words = ["python3", copy_to, "--root", root, "--json", *options]
    if not facts.is_root:
        words = ["sudo", *(["-S", "-p", ""] if asks_password else ["-n"]), *words]
    return shlex.join(words)
