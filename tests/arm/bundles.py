"""Makes the bundles that the tests install: as a user does, and one with a bug that only live frames show."""

import json
import subprocess
import sys
from pathlib import Path

__all__ = ["make_bundle", "make_key"]

AS_USERS_DO = "from edgecls.cli import main; main()"
WITH_A_BUG = """
from edgecls.cli import main
from edgecls_export.bundles import own_wheel

right = own_wheel._package_files
line = b"        status = self._board.status()\\n"
bug = line + b"        if status.results > 4: os.abort()\\n"

def wrong(package):
    files = dict(right(package))
    if package == "edgecls_device":
        name = "edgecls_device/service/notify.py"
        assert line in files[name]
        files[name] = files[name].replace(line, bug)
    return list(files.items())

own_wheel._package_files = wrong
main()
"""
"""Whoever tells a keeper of more than four results dies. The trial of the model files has no keeper to tell."""


def make_key(folder: Path) -> Path:
    """Return a new private key."""
    key = folder / "shapes.key"
    _edgecls(AS_USERS_DO, "keys", "new", key)
    return key


def make_bundle(
    run: Path,
    target: str,
    *,
    key: Path | None = None,
    photos: int = 60,
    has_bug: bool = False,
) -> Path:
    """Return a new bundle of a run; its release is the next one, if anything in it differs."""
    words: list[str | Path] = ["bundle", run, "--target", target, "--photos", str(photos), "--json"]
    words += ["--key", key] if key else []
    told = _edgecls(WITH_A_BUG if has_bug else AS_USERS_DO, *words)
    return Path(json.loads(told)["path"])


def _edgecls(program: str, *words: str | Path) -> str:
    command = [sys.executable, "-c", program, *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        message = f"Expected 'edgecls {words[0]}' to succeed, got {done.returncode}: {done.stderr}"
        raise RuntimeError(message)
    return done.stdout
