"""Makes root file systems of other architectures from Debian's packages, without emulating anything.

    python3 -m tests.arm.root_file_systems bookworm64 trixie64 bookworm32

Each is a ``.tar.gz`` in the cache, beside its SHA-256, which is checked whenever it is used. ``apt`` fetches
the packages: it checks the archive's signature with Debian's keyring, and every package by the hash that the
signed index gives for it. They are unpacked, not configured: emulated, the packages' own scripts take seven
minutes, and what they would do that matters here is little and stands in ``finish``.

Needs Debian or Ubuntu with ``apt``, ``dpkg`` and ``debian-archive-keyring``; and root, since the files must
belong to root.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.arm.systems import SYSTEMS, System

__all__ = ["RootFileSystemError", "default_cache", "root_file_system", "unpack"]

ARCHIVE = "http://deb.debian.org/debian"  # plain: what comes over it is signed
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DAYS_KEPT = 30
RECIPE = 1  # counted up when something else is made of the same packages
FOLDERS = (
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/local/bin",
    "proc",
    "sys",
    "dev",
    "run",
    "tmp",
    "root",
    "home",
    "opt",
    "srv",
    "mnt",
)
NOT_NEEDED = ("doc", "man", "locale", "info", "lintian", "icons", "i18n")
"""Folders of ``/usr/share`` that nothing here reads: many of the files."""

Say = Callable[[str], None]


class RootFileSystemError(RuntimeError):
    """A root file system cannot be made on this machine."""


def default_cache() -> Path:
    """Return the folder where root file systems are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edgecls" / "arm"


def root_file_system(
    system: System, *, cache: Path, say: Say, days_kept: float = DAYS_KEPT
) -> Path:
    """Return the tarball of a root file system: the kept one, if it is whole and not too old, or a new one.

    Raises:
        RootFileSystemError: If it cannot be made.
    """
    kept = cache / f"{system.name}-{_recipe(system)}.tar.gz"
    if _is_usable(kept, days_kept):
        return kept
    if shutil.which("apt-get") is None or not KEYRING.exists():
        message = (
            f"Expected apt and {KEYRING}, got a system without: apt install debian-archive-keyring"
        )
        raise RootFileSystemError(message)
    if os.getuid() != 0:
        message = (
            "Expected root, since the files of a root file system belong to root, got another user."
        )
        raise RootFileSystemError(message)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgecls-root-", dir=cache) as work:
        packages = fetch(system, Path(work) / "apt", say)
        root = Path(work) / "root"
        lay_out(root, packages, say)
        finish(root, system, packages)
        packed = Path(work) / kept.name
        say(f"{system.name}: packing")
        _run(
            [
                "tar",
                "--create",
                "--sort=name",
                "--numeric-owner",
                "--use-compress-program=gzip -1",
                f"--file={packed}",
                f"--directory={root}",
                ".",
            ]
        )
        _checksum_of(kept).unlink(missing_ok=True)
        packed.replace(kept)
        _checksum_of(kept).write_text(_sha256(kept), encoding="ascii")
    say(f"{system.name}: {kept.stat().st_size / 1e6:.0f} MB kept as {kept}")
    return kept


def fetch(system: System, work: Path, say: Say) -> list[Path]:
    """Return the packages of a system and of everything that they depend on, downloaded and checked.

    Args:
        system: What to fetch.
        work: A folder for an apt of its own, which knows nothing of this machine's packages.
        say: Told what goes on.

    Raises:
        RootFileSystemError: If apt refuses, for a signature, a hash or the network.
    """
    for folder in (
        "etc/apt.conf.d",
        "etc/preferences.d",
        "state/lists/partial",
        "cache/archives/partial",
    ):
        (work / folder).mkdir(parents=True)
    (work / "state/status").touch()
    (work / "etc/sources.list").write_text(
        f"deb [signed-by={KEYRING}] {ARCHIVE} {system.suite} main\n", encoding="ascii"
    )
    configuration = work / "apt.conf"
    configuration.write_text(
        f"""Dir::Etc "{work}/etc";
Dir::State "{work}/state";
Dir::State::status "{work}/state/status";
Dir::Cache "{work}/cache";
Dir::Log "{work}/log";
APT::Architecture "{system.architecture}";
APT::Architectures {{ "{system.architecture}"; }};
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Get::AllowUnauthenticated "false";
Acquire::Languages "none";
Acquire::Retries "3";
""",
        encoding="utf-8",
    )
    variables = {**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C.UTF-8"}
    say(f"{system.name}: asking Debian {system.suite} for {system.architecture}")
    # --error-on=any: without it, apt only warns of a signature that it does not trust
    _run(["apt-get", "update", "-qq", "--error-on=any"], variables)
    install = [
        "apt-get",
        "install",
        "-qq",
        "--yes",
        "--download-only",
        "?essential",
        *system.packages,
    ]
    _run(install, variables)
    packages = sorted((work / "cache/archives").glob("*.deb"))
    size = sum(package.stat().st_size for package in packages)
    say(f"{system.name}: {len(packages)} packages fetched, {size / 1e6:.0f} MB")
    return packages


def lay_out(root: Path, packages: Sequence[Path], say: Say) -> None:
    """Unpack packages into a new folder with a merged ``/usr``."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for name in ("bin", "sbin", "lib"):
        (root / name).symlink_to(f"usr/{name}")
    left_out = [f"--exclude=./usr/share/{name}" for name in NOT_NEEDED]
    tar = [
        "tar",
        "--extract",
        f"--directory={root}",
        "--keep-directory-symlink",
        "--numeric-owner",
        *left_out,
    ]
    for number, package in enumerate(packages, 1):
        if number % 50 == 0 or number == len(packages):
            say(f"unpacking: {number}/{len(packages)}")
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE
        ) as content:
            _run(tar, stdin=content.stdout)
        if content.returncode:
            message = f"Expected a Debian package, got one that cannot be read: {package.name}"
            raise RootFileSystemError(message)


def finish(root: Path, system: System, packages: Sequence[Path]) -> None:
    """Do what the packages' scripts would do: users, dpkg's memory, links of alternatives."""
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    (root / "etc/shadow").touch(0o640)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n", encoding="ascii")
    for link, target in system.links.items():
        (root / link).symlink_to(target)
    # so that dpkg-query tells what is installed
    stanzas = []
    for package in packages:
        control = _run(["dpkg-deb", "--field", package]).rstrip("\n")
        stanzas.append(f"{control}\nStatus: install ok installed\n")
    (root / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/dpkg/status").write_text("\n".join(stanzas), encoding="utf-8")


@contextmanager
def unpack(tarball: Path, *, under: Path | None = None) -> Iterator[Path]:
    """Give a folder with the root file system of a tarball; it is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="edgecls-arm-", dir=under) as folder:
        root = Path(folder) / "root"
        root.mkdir(mode=0o755)
        _run(
            [
                "tar",
                "--extract",
                f"--file={tarball}",
                f"--directory={root}",
                "--numeric-owner",
                "--preserve-permissions",
            ]
        )
        yield root


def _recipe(system: System) -> str:
    """Return a short name of everything that decides what a root file system holds, but the day."""
    what = f"{RECIPE} {system.suite} {system.architecture} {system.packages} {dict(system.links)}"
    return hashlib.sha256(what.encode()).hexdigest()[:12]


def _is_usable(kept: Path, days_kept: float) -> bool:
    if not kept.exists() or not _checksum_of(kept).exists():
        return False
    if time.time() - kept.stat().st_mtime > days_kept * 86400:
        return False
    return _sha256(kept) == _checksum_of(kept).read_text(encoding="ascii").strip()


def _checksum_of(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.sha256")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _run(
    command: Sequence[str | Path],
    variables: Mapping[str, str] | None = None,
    stdin: IO[bytes] | None = None,
) -> str:
    done = subprocess.run(
        command,
        env=variables,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = f"got exit code {done.returncode}: {done.stderr.strip()}"
        message = f"Expected '{command[0]} {command[1]}' to succeed, {told}"
        raise RootFileSystemError(message)
    return done.stdout


def main() -> int:
    """Make, or check, the root file systems that are named."""
    parser = argparse.ArgumentParser(
        description="Make root file systems of Debian for other architectures."
    )
    parser.add_argument(
        "names", nargs="+", choices=SYSTEMS, metavar="NAME", help=", ".join(SYSTEMS)
    )
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="kept here (%(default)s)"
    )
    parser.add_argument(
        "--days", type=float, default=DAYS_KEPT, help="made again after these (%(default)s)"
    )
    options = parser.parse_args()
    begin = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - begin:5.1f} s  {text}\n")

    for name in options.names:
        try:
            kept = root_file_system(
                SYSTEMS[name], cache=options.cache, say=say, days_kept=options.days
            )
        except RootFileSystemError as error:
            sys.stderr.write(f"error: {error}\n")
            return 1
        sys.stdout.write(f"{kept}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
