"""A bundle is a program: ``sudo python3 pets-000002-bookworm64.edgecls`` installs it.

It may be the first thing of edgecls that this device sees, so it needs only a recent Python. It takes
just two files out of the bundle: the installer's script and our own wheel, in which everything else is done.
"""

import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

OLDEST_PYTHON = (3, 10)
REFUSED = 17
MOST_BYTES = 20_000_000


class RefusalError(Exception):
    """What is printed, in two lines."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def main(bundle: Path, arguments: "list[str]") -> int:
    """Take out the two files, check them, and let the script do the rest.

    The checks are for damage on the way here. Whether the bundle is signed, and by whom, is checked by the
    wheel's code, of every member.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="edgecls-") as folder:
            with zipfile.ZipFile(bundle) as archive:
                manifest = json.loads(read(archive, "manifest.json"))
                check_python(manifest)
                script = take_out(archive, manifest, "install.sh", Path(folder))
                wheel = take_out(archive, manifest, own_wheel(manifest), Path(folder))
            return run(["sh", str(script), str(bundle), str(wheel), *arguments])
    except RefusalError as refusal:
        message, hint = refusal.message, refusal.hint
    except (OSError, EOFError, LookupError, TypeError, ValueError, zipfile.BadZipFile) as error:
        message, hint = f"Expected a bundle, got a damaged file: {error}", "copy it again"
    sys.stderr.write(f"error: {message}\nhint: {hint}\n")
    return REFUSED


def check_python(manifest: "dict[str, Any]") -> None:
    """Refuse a Python that cannot even read the wheel's code."""
    if sys.version_info < OLDEST_PYTHON:
        target, found = manifest["target"], ".".join(map(str, sys.version_info[:2]))
        message = f"Expected Python {target['python']} of {target['title']}, got {found}."
        raise RefusalError(
            message, hint="make a bundle for this system: edgecls bundle --list-targets"
        )


def own_wheel(manifest: "dict[str, Any]") -> str:
    """Return the name of our own wheel."""
    names = [str(member["name"]) for member in manifest["members"]]
    found = [name for name in names if name.startswith("wheels/edgecls-")]
    if len(found) != 1:
        message = f"Expected one wheel of edgecls in the bundle, got {len(found)}."
        raise RefusalError(message, hint="make the bundle again")
    return found[0]


def take_out(archive: zipfile.ZipFile, manifest: "dict[str, Any]", name: str, folder: Path) -> Path:
    """Write a member into a folder if its content is what the manifest says; return where."""
    content = read(archive, name)
    wanted = [member["sha256"] for member in manifest["members"] if member["name"] == name]
    if wanted != [hashlib.sha256(content).hexdigest()]:
        message = f"Expected {name} as it was bundled, got other bytes."
        raise RefusalError(message, hint="copy the bundle again")
    path = folder / Path(name).name
    path.write_bytes(content)
    return path


def read(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member's content, of at most some MB."""
    with archive.open(name) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        message = f"Expected at most {MOST_BYTES} bytes of {name}, got more."
        raise RefusalError(message, hint="copy the bundle again")
    return content


def run(command: "list[str]") -> int:
    """Run a program to its end, and only then come back, so that its files can be removed.

    A terminal's Ctrl-C reaches the program too; SIGTERM is passed on.
    """
    signal.signal(signal.SIGINT, lambda number, frame: None)
    with subprocess.Popen(command) as child:
        signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())
        code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[0]).resolve(), sys.argv[1:]))
