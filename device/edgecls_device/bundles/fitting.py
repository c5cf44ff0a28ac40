"""Whether a bundle is for this system: asked before anything is written, told in the words of its target."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.bundles.manifest import TargetFacts
from edgecls_device.errors import BundleError

__all__ = ["System", "check_fit", "read_system"]

WAIT_S = 30.0
LIST_TARGETS = "on the workstation: edgecls bundle --list-targets"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "armv6l": "armhf"}
"""What ``uname -m`` says -> Debian's word, for systems without dpkg."""


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """What a bundle's target is held against.

    Attributes:
        architecture: Debian's word for that of the system's programs; the kernel's may be another.
        python: Version of this Python, such as ``3.11``.
        glibc: Version of the C library; empty if it is another one.
        codename: ``VERSION_CODENAME`` of the system; empty if it has none.
        packages: Which of the target's Debian packages are installed.
    """

    architecture: str
    python: str
    glibc: str
    codename: str
    packages: frozenset[str]


def read_system(target: TargetFacts, *, root: Path = Path("/")) -> System:
    """Look at this system.

    Args:
        target: Its ``apt_packages`` are looked for.
        root: Where ``etc/os-release`` stands.
    """
    return System(
        architecture=_architecture(),
        python=".".join(map(str, sys.version_info[:2])),
        glibc=_glibc(),
        codename=_codename(root),
        packages=_installed(target.apt_packages),
    )


def check_fit(target: TargetFacts, system: System) -> None:
    """Refuse a system that the target is not.

    Raises:
        BundleError: The first thing that is another, and what to do.
    """
    wrong = next(_differences(target, system), None)
    if wrong is not None:
        what, wanted, got, hint = wrong
        message = f"Expected {what} {wanted} for {target.title}, got {got}."
        raise BundleError(message, hint=f"make a bundle for this system; {hint}")
    missing = [name for name in target.apt_packages if name not in system.packages]
    if missing:
        message = f"Expected the packages {', '.join(target.apt_packages)}, got none of {', '.join(missing)}."
        raise BundleError(message, hint=f"sudo apt install {' '.join(missing)}")
    if shutil.which("openssl") is None:
        message = "Expected the program openssl, which checks signatures, got none."
        raise BundleError(message, hint="sudo apt install openssl")


def _differences(target: TargetFacts, system: System) -> Iterator[tuple[str, str, str, str]]:
    """Yield what differs: what it is, what is wanted, what there is, and where to look."""
    if target.architecture != system.architecture:
        kernel = f"the kernel is {platform.machine()}, which says nothing of the system on it"
        where = f"{kernel}; {LIST_TARGETS}"
        yield "the architecture", target.architecture, system.architecture, where
    if target.codename not in {"", system.codename}:
        yield "the system", target.codename, system.codename or "one without a name", LIST_TARGETS
    if target.python != system.python:
        yield "Python", target.python, system.python, LIST_TARGETS
    if not system.glibc or _numbers(system.glibc) < _numbers(target.glibc):
        got = system.glibc or "another C library"
        yield "the C library glibc from version", target.glibc, got, LIST_TARGETS


def _architecture() -> str:
    if shutil.which("dpkg") is None:
        return ARCHITECTURES.get(platform.machine(), platform.machine())
    return _said("dpkg", "--print-architecture").strip()


def _glibc() -> str:
    try:
        words = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
    except (OSError, ValueError):  # another C library does not know the question
        return ""
    return words[1] if len(words) == 2 and words[0] == "glibc" else ""


def _codename(root: Path) -> str:
    path = root / "etc/os-release"
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    names = dict(line.split("=", 1) for line in lines if "=" in line)
    return names.get("VERSION_CODENAME", "").strip("\"'")


def _installed(packages: tuple[str, ...]) -> frozenset[str]:
    if not packages or shutil.which("dpkg-query") is None:
        return frozenset()
    form = "-f=${Package} ${db:Status-Status}\n"
    lines = (line.split() for line in _said("dpkg-query", "-W", form, *packages).splitlines())
    return frozenset(words[0] for words in lines if words[1:] == ["installed"])


def _said(*command: str) -> str:
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
        message = f"Expected {command[0]} to say what this system is, got: {error}."
        raise BundleError(message, hint=f"try it: {' '.join(command)}") from error
    return done.stdout


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
