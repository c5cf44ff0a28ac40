"""Which Python of a device has an edgecls that fits ours."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_bench.measurement import BenchRun
from edgecls_device.bundles.installation import DEFAULT_PARENT
from edgecls_device.errors import DeploymentError
from edgecls_device.golden import golden_inputs

from edgecls import __version__
from edgecls.benching import introduction
from edgecls.ssh.hosts import Host

__all__ = [
    "UPDATE",
    "Introduction",
    "candidates",
    "chosen",
    "look",
    "question",
    "said",
    "source_command",
]

UPDATE = "bring the edgecls of this machine there: edgecls bundle RUN, then edgecls deploy"

RUNNING = "systemctl list-units 'edgecls-*.service' --state=active --plain --no-legend 2>/dev/null"
"""What a device's shell is asked: services of bundles that run, a line each; nothing without systemd."""

_FIRST_LINE = r"1s/^#! *\(\/[^ ]*python[^ ]*\).*/\1/p"
_WITHOUT_CURRENT_FOLDER = 'import sys\nif sys.path[:1] == [""]:\n    del sys.path[0]\n'
"""A file in the home directory may be called like a module."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Introduction:
    """What the edgecls of one Python says of itself.

    Attributes:
        python: The Python.
        edgecls: The version of its edgecls; empty if it has none.
        record_version: Of the benchmarks that it writes; 0 if it cannot tell.
        frame_sha256: Of the frame that it would classify.
        problem: Why it cannot tell.
    """

    python: str
    edgecls: str = ""
    record_version: int = 0
    frame_sha256: str = ""
    problem: str = ""


def look(parent: Path = DEFAULT_PARENT) -> str:
    """Return what a device's shell is asked: one Python a line that may have an edgecls, the likeliest first.

    Args:
        parent: Where installed bundles stand.
    """
    return f"""
for python in {shlex.quote(str(parent))}/*/confirmed/environment/bin/python; do
  test -x "$python" && echo "$python"
done
for command in "$(command -v edgecls)" "$HOME/.local/bin/edgecls"; do
  test -f "$command" || continue
  beside="$(dirname "$(readlink -f "$command")")/python"
  test -x "$beside" && echo "$beside"
  sed -n {shlex.quote(_FIRST_LINE)} "$command"
done
command -v python3
true
"""


def candidates(answer: str) -> tuple[str, ...]:
    """Return the Pythons that a device answered to :func:`look`, each once."""
    return tuple(dict.fromkeys(line for line in answer.splitlines() if line.startswith("/")))


def services(answer: str) -> tuple[str, ...]:
    """Return the names of services that a device answered to :data:`RUNNING`."""
    words = (line.split() for line in answer.splitlines())
    return tuple(
        line[0].removesuffix(".service")
        for line in words
        if line and line[0].startswith("edgecls-")
    )


def question(python: str, frame: tuple[int, int]) -> str:
    """Return the command that lets a Python introduce its edgecls.

    Args:
        python: On the device.
        frame: Height and width in pixels.
    """
    return source_command(python, Path(introduction.__file__), *map(str, frame))


def source_command(python: str, file: Path, *arguments: str, options: Sequence[str] = ()) -> str:
    """Return a command for the device's shell that runs a file of ours without bringing it there.

    Args:
        python: On the device: a path, seen from the home directory, or a name on its ``PATH``.
        file: The file.
        arguments: For the file.
        options: For Python.
    """
    source = _WITHOUT_CURRENT_FOLDER + file.read_text(encoding="utf-8")
    words = [python.removeprefix("~/"), *options, "-c", source, *arguments]
    return f"cd && exec {shlex.join(words)}"


def said(python: str, answer: str) -> Introduction:
    """Return what a Python answered to :func:`question`; something else than an answer is no edgecls."""
    lines = [line for line in answer.splitlines() if line.startswith("{")]
    try:
        body = json.loads(lines[-1]) if lines else {}
    except ValueError:
        body = {}
    version = body.get("record_version")
    return Introduction(
        python=str(body.get("python", python)),  # absolute, whatever was asked for
        edgecls=str(body.get("edgecls", "")),
        record_version=version if isinstance(version, int) else 0,
        frame_sha256=str(body.get("frame_sha256", "")),
        problem=str(body.get("problem", "")),
    )


def chosen(
    introductions: Sequence[Introduction], host: Host, frame: tuple[int, int], *, python: str = ""
) -> Introduction:
    """Return the first that measures as we do.

    Args:
        introductions: The likeliest first.
        host: For messages.
        frame: Height and width in pixels.
        python: What the user named; empty if it was looked for.

    Raises:
        DeploymentError: If there is none.
    """
    with_edgecls = [one for one in introductions if one.edgecls]
    if not with_edgecls:
        where = python or "an installed bundle, 'edgecls' on its PATH, or its python3"
        message = f"Expected an edgecls on {host} ({where}), got none."
        hint = (
            "bring it there: edgecls deploy BUNDLE --host HOST; or name its Python: --python PATH"
        )
        raise DeploymentError(message, hint=hint)
    fitting = [one for one in with_edgecls if one.record_version == BenchRun.version]
    if not fitting:
        raise _another_version(with_edgecls[0], host)
    ours = hashlib.sha256(golden_inputs(0, *frame, count=2)[1].tobytes()).hexdigest()
    for one in fitting:
        if one.frame_sha256 == ours:
            return one
    message = f"Expected the same frame on {host} as here, got other pixels ({fitting[0].python})."
    raise DeploymentError(message, hint=UPDATE)


def _another_version(one: Introduction, host: Host) -> DeploymentError:
    version = f"version {one.record_version}" if one.record_version else f"none ({one.problem})"
    message = (
        f"Expected benchmarks of version {BenchRun.version} on {host}, as of edgecls {__version__} here, "
        f"got {version} of edgecls {one.edgecls} ({one.python})."
    )
    return DeploymentError(message, hint=UPDATE)
