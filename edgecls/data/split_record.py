"""What ``split.json`` holds: every photo of the data set and the split it is in."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

__all__ = ["SkippedPhoto", "Split", "SplitName", "SplitPhoto"]

SplitName: TypeAlias = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitPhoto:
    """One photo.

    Attributes:
        path: Relative to the root, with ``/``.
        class_id: Place of its label among the labels.
        content_hash: SHA-256 of the file's bytes, as hex.
        split: The split it is in.
    """

    path: str
    class_id: int
    content_hash: str
    split: SplitName


@dataclass(frozen=True, kw_only=True, slots=True)
class SkippedPhoto:
    """A photo that is left out.

    Attributes:
        path: Relative to the root, with ``/``.
        reason: Why, such as ``undecodable``, ``duplicate`` or ``in two classes``.
        detail: What exactly was found.
    """

    path: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Every photo of a data set.

    Attributes:
        root: The folder with the class folders, absolute.
        labels: One label per class, sorted.
        photos: The photos in use.
        skipped: The photos left out.
    """

    kind: ClassVar[str] = "edgecls.split"
    version: ClassVar[int] = 1

    root: str
    labels: tuple[str, ...]
    photos: tuple[SplitPhoto, ...]
    skipped: tuple[SkippedPhoto, ...] = ()

    def subset(self, name: SplitName) -> tuple[SplitPhoto, ...]:
        """Return the photos of one split."""
        return tuple(photo for photo in self.photos if photo.split == name)

    def path_of(self, photo: SplitPhoto) -> Path:
        """Return where a photo lies."""
        return Path(self.root) / photo.path
