"""A piece of work: some photos that are looked at together, and whose results are one Parquet file.

Pieces depend on the photos alone, never on how many workers there are, so that results do not either.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Piece", "PieceKind", "ShardPhoto"]

PieceKind = Literal["files", "tar", "parquet"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Photos that are looked at together.

    Attributes:
        index: Its place among all pieces; it names the part that its results become.
        kind: How it is read: photo files, a tar shard (WebDataset), a row group of a Parquet file.
        location: Of ``files`` the folder, else the shard: an absolute path, or a URL such as ``s3://bucket/a.tar``.
        files: Of ``files``: (path below the folder, label or "" for none) of each photo.
        row_group: Of ``parquet``: which.
        size_bytes: Of the shard or all files, and with ``version`` what tells whether they are still the same.
        version: What the file system says changes with its content: an ETag, or the time of the last change.
            Empty where nobody asks.
        photos: How many there are, if the listing says so; else 0.
        chosen: Of a shard: places of those that count, rising; empty for all.
    """

    index: int
    kind: PieceKind
    location: str
    files: tuple[tuple[str, str], ...] = ()
    row_group: int = 0
    size_bytes: int = 0
    version: str = ""
    photos: int = 0
    chosen: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What to call it in a message."""
        if self.kind == "files" and self.files:
            return f"{self.location}/{self.files[0][0]} and the {len(self.files) - 1} after it"
        suffix = f", row group {self.row_group}" if self.kind == "parquet" else ""
        return f"{self.location}{suffix}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardPhoto:
    """One photo of a piece, not decoded.

    Attributes:
        key: What it is called: its path below the folder, or the key in its shard; the same every time.
        label: Its class: a name, or a number that counts the model's labels; None where nobody said.
        data: The bytes of the file; empty if they could not be read.
        error: Why they could not be read; empty if they were.
    """

    key: str
    label: str | int | None
    data: bytes
    error: str = ""
