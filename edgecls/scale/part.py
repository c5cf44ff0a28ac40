"""A part: what became of one piece, as the bytes of a Parquet file."""

from dataclasses import dataclass

__all__ = ["Part"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The results of one piece: the same bytes whoever made them, and however often.

    Attributes:
        index: Of its piece.
        data: The Parquet file, a row for each photo; empty if the piece could not be read.
        photos: How many rows there are.
        failed: How many of them are photos that could not be used.
        error: Why the piece could not be read; empty if it was.
    """

    index: int
    data: bytes = b""
    photos: int = 0
    failed: int = 0
    error: str = ""
