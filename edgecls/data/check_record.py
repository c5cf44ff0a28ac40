"""What ``edgecls data check`` finds out about photos."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

__all__ = ["DataCheck", "Finding", "FindingKind"]

FindingKind: TypeAlias = Literal[
    "few classes",
    "few photos",
    "undecodable",
    "unreadable",
    "no label",
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
        paths: The files, relative to the root, with ``/``, or the keys in shards; none if it is about
            a class.
        detail: What exactly was found.
    """

    kind: FindingKind
    severity: Literal["problem", "note"]
    paths: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataCheck:
    """Photos, looked through.

    Attributes:
        root: The folder, absolute, or the place of the shards.
        merged: Folders such as ``train`` and ``validation`` whose classes were put together; else empty.
        files: Label -> number of photos, whether they decode or not.
        usable: Label -> number of photos that training would use.
        others: Suffix -> number of other files, which are ignored.
        leaking: Number of validation and test photos with a near duplicate among the training photos.
        is_compared: Whether near duplicates were looked for, which is done up to 200,000 photos; exact copies
            always are.
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
    is_compared: bool = True
    findings: tuple[Finding, ...] = ()

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that will hurt."""
        return tuple(finding for finding in self.findings if finding.severity == "problem")
