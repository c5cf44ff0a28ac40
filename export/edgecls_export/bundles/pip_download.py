"""pip, asked for wheels of another system than this one."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from edgecls_device.errors import MissingDependencyError, NetworkError

from edgecls_export.bundles.targets import Target

__all__ = ["check_pip", "download_wheels", "tag_options"]

TIMEOUT_S = 1800
SERVER_TIMEOUT_S = "20"
RETRIES = "2"


def check_pip() -> None:
    """Refuse to go on without pip, which an environment made by uv lacks.

    Raises:
        MissingDependencyError: If there is none beside this Python.
    """
    if find_spec("pip") is None:
        message = "This needs the package 'pip', which is not installed."
        raise MissingDependencyError(message, hint="uv pip install 'edgecls[bundle]'")


def tag_options(target: Target, python: str) -> list[str]:
    """Return the options that make pip choose as it would on the target."""
    short = f"cp{python.replace('.', '')}"
    options = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    for platform in target.platforms():
        options += ["--platform", platform]
    for abi in (short, "abi3", "none"):
        options += ["--abi", abi]
    return options


def download_wheels(lines: Sequence[str], folder: Path, *, target: Target, python: str) -> None:
    """Download wheels into a folder; pip chooses the file that fits the target and checks its hash.

    Args:
        lines: Requirements, each with its hashes.
        folder: Where to, and where the list is written.
        target: The system.
        python: Its version of Python.

    Raises:
        NetworkError: If the index cannot be reached, or has no such file.
    """
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--quiet"]
    command += ["--retries", RETRIES, "--timeout", SERVER_TIMEOUT_S]
    command += [*tag_options(target, python), "-d", str(folder), "-r", str(wanted)]
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        message = f"Cannot download {_names(lines)}: it takes longer than {TIMEOUT_S} s."
        raise NetworkError(message, hint="repeat the command; what arrived is kept") from error
    if done.returncode:
        raise _failure(lines, done.stderr.decode(errors="replace"))


def _failure(lines: Sequence[str], printed: str) -> NetworkError:
    """Say which package was not given, and why, from what pip printed last."""
    errors = [line.removeprefix("ERROR: ") for line in printed.splitlines() if "ERROR: " in line]
    reason = errors[0].strip() if errors else (printed.strip().splitlines() or ["no reason"])[-1]
    if "Retrying (" in printed:  # pip then goes on to say that there is no such version
        message = f"Cannot download {_names(lines)}: the package index cannot be reached."
        hint = (
            "connect to the network once (or name a mirror: PIP_INDEX_URL), and repeat; wheels are kept, "
            "and a bundle of the same target needs no network then"
        )
        return NetworkError(message, hint=hint)
    message = f"Cannot download {_names(lines)}: {reason[:300]}"
    hint = "check which index pip uses: python -m pip config list; it must have the files of PyPI"
    return NetworkError(message, hint=hint)


def _names(lines: Sequence[str]) -> str:
    return ", ".join(line.partition(" ")[0] for line in lines)
