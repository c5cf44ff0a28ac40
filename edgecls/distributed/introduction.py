"""What a process says of itself before a training starts, and in what two of them may not differ."""

import platform
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from edgecls_device.errors import MissingDependencyError
from edgecls_device.stamps import installed_versions

__all__ = ["Introduction", "contradictions", "introduce"]

_NEEDED = ("keras", "jax", "jaxlib", "numpy")
_PACKAGES = ("edgecls", *_NEEDED, "tensorflow", "opencv-python-headless", "opencv-python")


@dataclass(frozen=True, kw_only=True, slots=True)
class Introduction:
    """What a process says of itself.

    Attributes:
        rank: Which it is.
        processes: How many it expects.
        host: Name of its machine.
        versions: Of Python and of the packages that decide about the weights.
        settings: Of the training, by option; as text.
        processor: The architecture of its processor: on another one the same sums round otherwise.
    """

    kind: ClassVar[str] = "edgecls-introduction"
    version: ClassVar[int] = 1

    rank: int
    processes: int
    host: str
    versions: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    processor: str = ""

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"rank {self.rank} ({self.host})"


def introduce(rank: int, processes: int, settings: Mapping[str, str]) -> Introduction:
    """Return what this process says of itself; no package is imported.

    Raises:
        MissingDependencyError: If a package that trains is not installed.
    """
    versions = installed_versions(_PACKAGES)
    missing = [name for name in _NEEDED if name not in versions]
    if missing:
        message = f"This needs the package {missing[0]!r}, which is not installed."
        raise MissingDependencyError(message, hint="pip install 'edgecls[distributed]'")
    versions["python"] = ".".join(platform.python_version_tuple()[:2])
    return Introduction(
        rank=rank,
        processes=processes,
        host=socket.gethostname(),
        versions=versions,
        settings=dict(settings),
        processor=platform.machine(),
    )


def contradictions(first: Introduction, other: Introduction) -> list[str]:
    """Return in what ``other`` differs from process 0, as sentences; nothing if they can train together."""
    if other.processes != first.processes:
        return [f"{other.name} expects {other.processes} processes, rank 0 {first.processes}."]
    if not 0 < other.rank < first.processes:
        return [f"{other.name} is not among ranks 1..{first.processes - 1}."]
    processors = _difference({"processor": first.processor}, {"processor": other.processor})
    versions = _difference(first.versions, other.versions)
    settings = _difference(first.settings, other.settings)
    sentences = []
    for differing, what in (
        (processors, "another processor"),
        (versions, "other packages"),
        (settings, "other options"),
    ):
        if differing:
            theirs = ", ".join(their for _, their in differing)
            ours = ", ".join(our for our, _ in differing)
            sentences.append(
                f"{other.name} has {what} than {first.name}: {theirs} instead of {ours}."
            )
    return sentences


def _difference(first: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (_said(name, first), _said(name, other))
        for name in sorted({*first, *other})
        if first.get(name) != other.get(name)
    ]


def _said(name: str, values: Mapping[str, str]) -> str:
    return f"{name} {values[name]}" if name in values else f"no {name}"
