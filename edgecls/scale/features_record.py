"""What ``edgecls data features`` has written."""

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["FeaturesRecord"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeaturesRecord:
    """Features of many photos, as Parquet.

    Attributes:
        source: The photos: a folder, a shard, or a URL.
        directory: Where the parts are.
        backbone: Name of the backbone.
        weights: Where its weights come from.
        height: Of its input, in pixels.
        width: Of its input, in pixels.
        features: Length of a vector.
        parts: Number of files.
        photos: Number of rows.
        failed: How many of them have an ``error`` instead of a vector.
        computed: How many of them this command has computed; the others were there.
        seconds: How long that took, without preparing the backbone and starting Ray.
    """

    kind: ClassVar[str] = "edgecls.features"
    version: ClassVar[int] = 1

    source: str
    directory: str
    backbone: str
    weights: str
    height: int
    width: int
    features: int
    parts: int
    photos: int
    failed: int
    computed: int
    seconds: float
