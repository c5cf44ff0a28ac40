"""Reading protobuf messages without the package protobuf; https://protobuf.dev/programming-guides/encoding/."""

from collections.abc import Iterator

__all__ = ["fields", "varint"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


def fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (field number, start, end) of each field of a message.

    Raises:
        ValueError: If the message is damaged.
    """
    while position < end:
        tag, position = varint(data, position, end)
        start = position
        wire_type = tag & 7
        if wire_type == _VARINT:
            _, position = varint(data, position, end)
        elif wire_type == _BYTES:
            length, start = varint(data, position, end)
            position = start + length
        elif wire_type in {_FIXED32, _FIXED64}:
            position += 4 if wire_type == _FIXED32 else 8
        else:
            message = f"wire type {wire_type}"
            raise ValueError(message)
        if position > end or tag >> 3 == 0:
            message = "a field that ends outside of the message"
            raise ValueError(message)
        yield tag >> 3, start, position


def varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Return a number and the position behind it.

    Raises:
        ValueError: If it does not end before ``end``.
    """
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    message = "a number that does not end"
    raise ValueError(message)
