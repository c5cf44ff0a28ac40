"""Whether a version's own keeper starts, asked before it is trusted: it starts it after the next boot."""

import subprocess
import time
from contextlib import closing
from typing import IO, cast

from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.state import read_state
from edgecls_device.bundles.version_program import PYTHON, find_account, version_program
from edgecls_device.service.last_words import LastWords
from edgecls_device.service.watch import Watch

__all__ = ["check_keeping", "keeper_refusal"]

WITHIN_S = 30.0
TURN_S = 0.05


def check_keeping(installation: Installation) -> None:
    """Read what a keeper reads, and start nothing: another keeper asks before it trusts this one.

    Raises:
        EdgeclsError: As ``keep`` does.
    """
    find_account(installation)
    read_state(installation)
    version_program(installation, installation.current_version() or "", None)


def keeper_refusal(installation: Installation, version: str, watch: Watch) -> str:
    """Return why a version's own keeper does not start, a sentence; nothing if it does, or a signal came.

    Args:
        installation: Where.
        version: The version's name.
        watch: Whoever receives signals and keeps systemd calm meanwhile.
    """
    python, root = installation.version(version) / PYTHON, installation.root
    command = [python, "-I", "-m", "edgecls", "keep", "--root", root, "--check"]
    end = time.monotonic() + WITHIN_S
    try:
        program = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    except OSError as error:
        return f"It could not be started: {error.filename}: {error.strerror}."
    words = LastWords(cast("IO[bytes]", program.stderr))
    with closing(words):
        while program.poll() is None and time.monotonic() < end and watch.slept(TURN_S):
            words.pass_on()
        if program.poll() is None:
            program.kill()
            program.wait()
    if program.returncode == 0 or watch.signal_number:
        return ""
    why = str(words) or f"it ended with {program.returncode}"
    return f"Its own keeper does not start: {why.rstrip('.')}."
