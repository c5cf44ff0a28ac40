"""Running the ``openssl`` program, and saying what is wrong when there is none that is fit."""

import re
import subprocess

from edgecls_device.errors import MissingDependencyError

__all__ = ["run_openssl"]

OLDEST = (3, 0)
"""``pkeyutl -rawin``, without which it cannot sign with Ed25519, came with it."""

WAIT_S = 60.0

_VERSION = re.compile(r"OpenSSL (\d+)\.(\d+)")


def run_openssl(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run openssl and return how it ended.

    Args:
        words: Its arguments; everybody on this machine can read them.
        given: Its standard input.

    Raises:
        MissingDependencyError: If there is none, or one before 3.0.
    """
    said = _call("version").stdout.decode("utf-8", "replace").strip()
    found = _VERSION.match(said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        message = f"Expected openssl 3.0 or newer for signatures, got {said[:60] or 'none'!r}."
        hint = "Debian 12 and Raspberry Pi OS bookworm have it, as later ones; put it first in PATH"
        raise MissingDependencyError(message, hint=hint)
    return _call(*words, given=given)


def _call(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["openssl", *words]
    try:
        return subprocess.run(
            command, input=given, capture_output=True, check=False, timeout=WAIT_S
        )
    except FileNotFoundError as error:
        message = "Expected the program openssl for signatures, got none."
        raise MissingDependencyError(message, hint="sudo apt-get install openssl") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"Expected the program openssl to run, got: {error}."
        raise MissingDependencyError(message, hint="try: openssl version") from error
