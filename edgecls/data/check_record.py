"""What ``edgecls data check`` finds out about a folder of photos."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

__all__ = ["DataCheck", "Finding", "FindingKind"]

FindingKind: TypeAlias = Literal[
    "few photos",
    "undecodable",
    "unreadable",
    "in two classes",
    "similar in two classes",
    "strong imbalance",
    "imbalance",
    "duplicate",
    "similar",
    "tiny",
    "not in a class folder",
    "other file",
    "names differ in case only",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing to look at.

    Attributes:
        kind: What it is.
        severity: A ``problem`` will hurt; a ``note`` is worth knowing.
        paths: The files, relative to the root, with ``/``; none where it is about a class.
        detail: What exactly was found.
    """

    kind: FindingKind
    severity: Literal["problem", "note"]
    paths: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataCheck:
    """A folder of photos, looked through.

    Attributes:
        root: The folder, absolute.
        merged: Folders such as ``train`` and ``validation`` whose classes were put together; else empty.
        files: Label -> number of files with the suffix of a photo.
        usable: Label -> number of photos that training would use.
        others: Suffix -> number of other files, which are ignored.
        leaking: Number of validation and test photos with a near duplicate among the training photos.
        findings: Problems first.
    """

    kind: ClassVar[str] = "edgecls.data_check"
    version: ClassVar[int] = 1

    root: str
    merged: tuple[str, ...] = ()
    files: dict[str, int] = field(default_factory=dict)
    usable: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    leaking: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that will hurt."""
        return tuple(finding for finding in self.findings if finding.severity == "problem")
