"""What stands in an ``.onnx`` file, read before any runtime sees it and without the package onnx.

Field numbers are those of onnx.proto3; the encoding is that of https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["OnnxContent", "read_onnx"]

_GRAPH, _METADATA = 7, 14  # of ModelProto
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15  # of GraphProto
_ATTRIBUTE, _ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH = 5, 5, 6  # of NodeProto and AttributeProto
_DATA_LOCATION, _EXTERNAL = 14, 1  # of TensorProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
MOST_NESTED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxContent:
    """What was found.

    Attributes:
        has_graph: Whether there is a graph at all.
        metadata: Its ``metadata_props``.
        has_external_data: Whether weights lie in other files.
    """

    has_graph: bool
    metadata: dict[bytes, bytes] = field(default_factory=dict)
    has_external_data: bool = False


def read_onnx(data: bytes) -> OnnxContent:
    """Read the outermost fields of a ``ModelProto``.

    Raises:
        ValueError: If the data is no protobuf message, or cut off.
    """
    graphs: list[tuple[int, int]] = []
    metadata: dict[bytes, bytes] = {}
    for number, start, end in _fields(data, 0, len(data)):
        if number == _GRAPH:
            graphs.append((start, end))
        elif number == _METADATA:
            entry = {n: data[s:e] for n, s, e in _fields(data, start, end)}
            metadata[entry.get(1, b"")] = entry.get(2, b"")
    may_be_external = b"location" in data  # the key that names the other file
    return OnnxContent(
        has_graph=bool(graphs),
        metadata=metadata,
        has_external_data=may_be_external and any(_graph_is_external(data, *g) for g in graphs),
    )


def _graph_is_external(data: bytes, start: int, end: int, depth: int = 0) -> bool:
    if depth > MOST_NESTED:
        message = "graphs that are nested too deeply"
        raise ValueError(message)
    for number, s, e in _fields(data, start, end):
        if number == _INITIALIZER and _tensor_is_external(data, s, e):
            return True
        if number == _SPARSE and any(
            _tensor_is_external(data, a, b) for _, a, b in _fields(data, s, e)
        ):
            return True
        if number == _NODE and _node_is_external(data, s, e, depth):
            return True
    return False


def _node_is_external(data: bytes, start: int, end: int, depth: int) -> bool:
    for number, s, e in _fields(data, start, end):
        if number != _ATTRIBUTE:
            continue
        for part, a, b in _fields(data, s, e):
            if part == _ATTRIBUTE_TENSOR and _tensor_is_external(data, a, b):
                return True
            if part == _ATTRIBUTE_GRAPH and _graph_is_external(data, a, b, depth + 1):
                return True
    return False


def _tensor_is_external(data: bytes, start: int, end: int) -> bool:
    return any(
        number == _DATA_LOCATION and _varint(data, s, e)[0] == _EXTERNAL
        for number, s, e in _fields(data, start, end)
    )


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (field number, start, end) of each field of a message; ValueError if damaged."""
    while position < end:
        tag, position = _varint(data, position, end)
        start = position
        wire_type = tag & 7
        if wire_type == _VARINT:
            _, position = _varint(data, position, end)
        elif wire_type == _BYTES:
            length, start = _varint(data, position, end)
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


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
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
