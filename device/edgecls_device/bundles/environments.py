"""The Python environments of an installation, made offline from a bundle's wheels.

``venv`` makes it without pip, since Debian's bare Python has no ``ensurepip``; then pip runs straight from
its own wheel. Every wheel's hash stands in the locked requirements and is checked by pip again. A folder is
whole when its marker is there, which is written and synced last; one without it is made again.

Nothing is compiled to bytecode here: that would cost a minute on an old board, for packages that are hardly
used. The runs of the acceptance compile what they import.
"""

import os
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edgecls_device.bundles.installation import Installation, sync_directory
from edgecls_device.bundles.manifest import Manifest
from edgecls_device.bundles.subprocesses import clean_environment
from edgecls_device.errors import BundleError, StorageError
from edgecls_device.files import make_directory, storage_errors, write_atomically

if TYPE_CHECKING:
    from edgecls_device.bundles.reading import Bundle

__all__ = ["COMPLETE", "has_environment", "make_environment", "python_of", "wheels"]

COMPLETE = "complete"
INSTALL_WITHIN_S = 1800
LINES_SHOWN = 8
NO_SPACE = ("No space left on device", "Disk quota exceeded")

_PIP = (
    "import ctypes, os, runpy, sys; ctypes.CDLL(None).prctl(1, 9, 0, 0, 0); "
    "os.getppid() == int(sys.argv[1]) or os._exit(1); "
    "sys.path.insert(0, sys.argv[2]); del sys.argv[1:3]; "
    "runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)
"""``PR_SET_PDEATHSIG``: it dies with whoever installs, as the next try makes the same folder anew."""


def python_of(environment: Path) -> Path:
    """Return the Python of an environment."""
    return environment / "bin" / "python"


def has_environment(installation: Installation, manifest: Manifest) -> bool:
    """Return whether the environment that a bundle wants is there, and whole."""
    return (installation.environment(manifest.environment.digest) / COMPLETE).exists()


def wheels(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of a bundle's wheels."""
    start = f"{manifest.environment.wheels}/"
    return tuple(
        member.name
        for member in manifest.members
        if member.name.startswith(start) and member.name.endswith(".whl")
    )


def make_environment(
    bundle: "Bundle", installation: Installation, say: Callable[[str], None]
) -> Path:
    """Make the environment that a bundle wants, unless it is there; return its folder.

    Args:
        bundle: It has the wheels.
        installation: Where.
        say: Takes lines of progress.

    Raises:
        BundleError: If the wheels cannot be installed.
        StorageError: If the disk is full or cannot be written. What was half-made is removed.
    """
    manifest = bundle.manifest
    folder = installation.environment(manifest.environment.digest)
    if (folder / COMPLETE).exists():
        say(f"The environment {folder.name} is there already.")
        return folder
    say(f"Making a Python environment from {len(wheels(manifest))} wheels ...")
    try:
        with storage_errors("make", folder), _unpacked(bundle, installation) as source:
            _make_bare(folder, manifest)
            _install(folder, source, manifest)
            os.sync()  # one call for thousands of files
    except BaseException:  # Ctrl-C too: a half-made one would only take room until the next try
        shutil.rmtree(folder, ignore_errors=True)
        raise
    write_atomically(folder / COMPLETE, f"{manifest.environment.digest}\n")
    sync_directory(folder.parent)
    return folder


@contextmanager
def _unpacked(bundle: "Bundle", installation: Installation) -> Iterator[Path]:
    """Give a folder with the wheels and the requirements, on the same disk, removed at the end."""
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=installation.root) as folder:
        names = (*wheels(bundle.manifest), bundle.manifest.environment.requirements)
        bundle.unpack(Path(folder), names)
        yield Path(folder)


def _make_bare(folder: Path, manifest: Manifest) -> None:
    if folder.exists():  # without its marker: a kill or a power cut left it
        shutil.rmtree(folder)
    make_directory(folder.parent)
    builder = venv.EnvBuilder(
        system_site_packages=manifest.environment.sees_system_packages,
        symlinks=True,
        with_pip=False,
        prompt=manifest.name,
    )
    builder.create(folder)


def _install(folder: Path, source: Path, manifest: Manifest) -> None:
    environment = manifest.environment
    command = [str(python_of(folder)), "-I", "-c", _PIP, str(os.getpid())]
    command += [str(source / environment.installer)]
    command += ["install", "--isolated", "--no-index", "--no-deps", "--no-compile", "--no-input"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--no-warn-script-location", "--root-user-action", "ignore"]
    # What the system has may go with its next upgrade, so nothing of it stands in for a wheel.
    command += ["--ignore-installed", "--require-hashes", "--find-links"]
    command += [str(source / environment.wheels), "-r", str(source / environment.requirements)]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=INSTALL_WITHIN_S,
            check=False,
            cwd="/",
            env={**clean_environment(), "PIP_CONFIG_FILE": os.devnull, "TMPDIR": str(source)},
        )
    except subprocess.TimeoutExpired as error:
        message = f"Expected pip to end within {INSTALL_WITHIN_S // 60} minutes, but it hangs."
        raise BundleError(message, hint="look at the disk: dmesg | tail") from error
    if done.returncode:
        raise _failure(done.stdout, done.returncode)


def _failure(output: str, code: int) -> BundleError | StorageError:
    lines = [line.rstrip() for line in output.splitlines() if line.strip()][-LINES_SHOWN:]
    told = "\n  ".join(lines) or "nothing was printed"
    if any(words in output for words in NO_SPACE):
        message = f"Expected room for the wheels, got a full disk:\n  {told}"
        return StorageError(message, hint="free some space on that disk, then repeat the command")
    message = f"Expected wheels that can be installed here, got exit code {code} of pip:\n  {told}"
    return BundleError(message, hint="make the bundle again, for this very system")
