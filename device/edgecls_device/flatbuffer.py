"""Reading flatbuffers without trusting them, and without the package flatbuffers.

Every offset and length is checked against the data before it is followed. The layout is that of
https://flatbuffers.dev/internals/: a table begins with a signed offset to its vtable, which lists where each
field lies; strings and vectors are 32-bit lengths followed by their elements; everything is little-endian.
"""

import struct
from collections.abc import Iterator
from functools import cache

from edgecls_device.errors import ArtifactError

__all__ = ["Table", "root_table"]


_INT = struct.Struct("<i").unpack_from
_UNSIGNED = struct.Struct("<I").unpack_from
_SHORT = struct.Struct("<H").unpack_from
_TWO_SHORTS = struct.Struct("<HH").unpack_from


class Table:
    """One table inside of a buffer. Each reader raises ``ArtifactError`` for what lies outside of it."""

    __slots__ = ("_data", "_position", "_vtable", "_vtable_size")

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        try:
            self._vtable = vtable = position - _INT(data, position)[0]
            if vtable < 0:
                raise _damaged()
            self._vtable_size, size = _TWO_SHORTS(data, vtable)
        except struct.error:
            raise _damaged() from None
        if self._vtable_size < 4 or self._vtable_size % 2 or size < 4:
            raise _damaged()
        end = len(data)
        if vtable + self._vtable_size > end or position + size > end:
            raise _damaged()

    def number(self, field: int, code: str, default: int = 0) -> int:
        """Return a whole number; ``code`` is its ``struct`` code, such as ``B`` or ``I``."""
        position = self._field(field)
        if position is None:
            return default
        try:
            value: int = _one(code).unpack_from(self._data, position)[0]
        except struct.error:
            raise _damaged() from None
        return value

    def place(self, field: int) -> int | None:
        """Return where a number lies in the data, to change it there; None if it is left at its default."""
        return self._field(field)

    def table(self, field: int) -> "Table | None":
        """Return a table inside of this one."""
        position = self._field(field)
        return None if position is None else Table(self._data, self._follow(position))

    def tables(self, field: int) -> Iterator["Table"]:
        """Yield the tables of a vector."""
        start, count = self._vector(field, 4)
        for place in range(start, start + 4 * count, 4):
            yield Table(self._data, self._follow(place))

    def numbers(self, field: int, code: str) -> tuple[float, ...]:
        """Return a vector of numbers; ``code`` is their ``struct`` code, such as ``f`` or ``i``."""
        start, count = self._vector(field, _one(code).size)
        return struct.unpack_from(f"<{count}{code}", self._data, start)

    def check_numbers(self, field: int, code: str) -> None:
        """Check that a vector of numbers lies in the data, without reading it."""
        self._vector(field, _one(code).size)

    def data(self, field: int) -> memoryview:
        """Return a vector of bytes, without copying it."""
        start, count = self._vector(field, 1)
        return memoryview(self._data)[start : start + count]

    def text(self, field: int) -> str:
        """Return a string; what is not UTF-8 becomes U+FFFD."""
        return bytes(self.data(field)).decode(errors="replace")

    def _field(self, field: int) -> int | None:
        place = 4 + 2 * field
        if place + 2 > self._vtable_size:
            return None
        offset: int = _SHORT(self._data, self._vtable + place)[0]
        return self._position + offset if offset else None

    def _vector(self, field: int, element_size: int) -> tuple[int, int]:
        position = self._field(field)
        if position is None:
            return 0, 0
        start = self._follow(position)
        try:
            count: int = _UNSIGNED(self._data, start)[0]
        except struct.error:
            raise _damaged() from None
        if start + 4 + count * element_size > len(self._data):
            raise _damaged()
        return start + 4, count

    def _follow(self, position: int) -> int:
        try:
            offset: int = _UNSIGNED(self._data, position)[0]
        except struct.error:
            raise _damaged() from None
        return position + offset


@cache
def _one(code: str) -> struct.Struct:
    return struct.Struct(f"<{code}")


def root_table(data: bytes) -> Table:
    """Return the outermost table.

    Raises:
        ArtifactError: If the data is cut off or damaged.
    """
    if len(data) < 8:
        raise _damaged()
    return Table(data, struct.unpack_from("<I", data)[0])


def _damaged() -> ArtifactError:
    message = "Expected a whole model file, got one that is cut off or damaged."
    return ArtifactError(
        message, hint="copy the file again, or export it again: edgecls export RUN"
    )
