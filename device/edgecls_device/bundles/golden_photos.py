"""Real photos in a bundle, and the scores that each model file gave for them where the bundle was made."""

from dataclasses import dataclass
from typing import ClassVar

from edgecls_device.bundles.names import check_member_names

__all__ = ["GoldenPhoto", "GoldenPhotos"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GoldenPhoto:
    """One photo.

    Attributes:
        member: Its name in the bundle, a JPEG or PNG file.
        label: Its class as people said, for showing.
        scores: Member of a model file -> the probabilities it must give, in the order of its labels, before
            temperature and groups.
    """

    member: str
    label: str
    scores: dict[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class GoldenPhotos:
    """All of them.

    Attributes:
        tolerance: How far a score may be off on the device.
        photos: In the order of their members.
    """

    kind: ClassVar[str] = "edgecls.golden-photos"
    version: ClassVar[int] = 1

    tolerance: float
    photos: tuple[GoldenPhoto, ...]

    def __post_init__(self) -> None:
        check_member_names(photo.member for photo in self.photos)  # they become paths
