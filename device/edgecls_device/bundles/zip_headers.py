"""The headers of the only zip that is a bundle: whatever is not name, size, CRC-32 or place is a constant.

Layout after PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
"""

import stat
import struct
from dataclasses import dataclass
from typing import Any

__all__ = ["CENTRAL", "END", "LOCAL", "Entry", "Header", "end_header"]

PROGRAMS = frozenset({"install.sh"})

_NEEDS, _MADE_BY = 20, 3 << 8 | 20  # version 2.0 of the format; written on Unix
_MIDNIGHT, _FIRST_DAY = 0, 1 << 5 | 1  # 1980-01-01, the first that a zip can tell


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """One kind of header.

    Attributes:
        form: Its fields.
        labels: What they are called, in messages.
    """

    form: struct.Struct
    labels: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes without the name behind it."""
        return self.form.size

    def name_length(self, header: bytes) -> int:
        """Return how long the name behind a header is, as the header says."""
        values: tuple[Any, ...] = self.form.unpack(header)
        return int(values[self.labels.index("length of its name")])

    def difference(self, wanted: bytes, got: bytes) -> str:
        """Return the first field that differs, to be put behind "Expected"; empty if it is none of these."""
        values = [self.form.unpack(header[: self.size]) for header in (wanted, got)]
        for label, *pair in zip(self.labels, *values, strict=True):
            if pair[0] != pair[1]:
                return f"{label} {pair[0]!r}, got {pair[1]!r}"
        return ""


LOCAL = Header(
    form=struct.Struct("<4s5H3I2H"),
    labels=(
        "the mark", "version needed", "flags", "compression method", "time", "date", "CRC-32",
        "size", "size", "length of its name", "length of extra fields",
    ),
)  # fmt: skip
"""Stands before the content of a member."""

CENTRAL = Header(
    form=struct.Struct("<4s6H3I5H2I"),
    labels=(
        "the mark", "version made by", "version needed", "flags", "compression method", "time",
        "date", "CRC-32", "size", "size", "length of its name", "length of extra fields",
        "length of its comment", "disk", "internal attributes", "mode", "place",
    ),
)  # fmt: skip
"""Stands in the directory behind all members."""

END = struct.Struct("<4s4H2IH")
"""The last bytes of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """All that is free in a member's two headers.

    Attributes:
        name: Its name.
        size: Bytes of its content.
        crc: CRC-32 of its content.
        place: Where its local header begins.
    """

    name: str
    size: int
    crc: int
    place: int

    @classmethod
    def read(cls, header: bytes, name: bytes, *, place: int) -> "Entry":
        """Return what an entry of the directory says; ``place`` follows from those before it."""
        fields: tuple[Any, ...] = CENTRAL.form.unpack(header)
        return cls(name=name.decode("latin-1"), size=fields[9], crc=fields[7], place=place)

    @property
    def start(self) -> int:
        """Where its content begins."""
        return self.place + LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Where its content ends."""
        return self.start + self.size

    def local(self) -> bytes:
        """Return the header before its content."""
        header = LOCAL.form.pack(
            b"PK\3\4", _NEEDS, 0, 0, _MIDNIGHT, _FIRST_DAY,
            self.crc, self.size, self.size, len(self.name), 0,
        )  # fmt: skip
        return header + self.name.encode("latin-1")

    def central(self) -> bytes:
        """Return its entry in the directory."""
        mode = stat.S_IFREG | (0o755 if self.name in PROGRAMS else 0o644)
        header = CENTRAL.form.pack(
            b"PK\1\2", _MADE_BY, _NEEDS, 0, 0, _MIDNIGHT, _FIRST_DAY,
            self.crc, self.size, self.size, len(self.name), 0, 0, 0, 0, mode << 16, self.place,
        )  # fmt: skip
        return header + self.name.encode("latin-1")


def end_header(count: int, place: int, length: int) -> bytes:
    """Return the last bytes of the file: no comment, no other disks, no zip64.

    Args:
        count: How many members there are.
        place: Where the directory begins.
        length: Its length in bytes.
    """
    return END.pack(b"PK\5\6", 0, 0, count, count, length, place, 0)
