"""The graph of an ``.onnx`` file, read without the package onnx, which a device does not have.

Field numbers are those of onnx.proto3. A message whose embedded message comes twice is read as the two merged
(https://protobuf.dev/programming-guides/encoding/#last-one-wins), so outputs are added behind the file's end.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from edgecls_device.errors import ArtifactError
from edgecls_device.protobuf import fields, varint
from numpy.typing import NDArray

__all__ = ["Node", "OnnxGraph", "read_graph", "with_float_input", "with_outputs"]

_GRAPH = 7  # of ModelProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12  # of GraphProto
_DIMS, _DATA_TYPE, _FLOATS, _INTS, _LONGS, _NAME, _RAW = 1, 2, 4, 5, 7, 8, 9  # of TensorProto
_FLOAT, _UINT8 = 1, 2  # TensorProto.DataType
_DTYPES = MappingProxyType(
    {1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One node: its kind, and the names of the tensors it takes and gives."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxGraph:
    """What a graph is made of.

    Attributes:
        nodes: In an order in which they can be computed.
        constants: Initializers by name.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]


def read_graph(data: bytes) -> OnnxGraph:
    """Read the nodes and the initializers.

    Raises:
        ArtifactError: If the file is damaged.
    """
    try:
        start, end = _graph(data)
        nodes, constants = [], {}
        for number, s, e in fields(data, start, end):
            if number == _NODE:
                nodes.append(_node(data, s, e))
            elif number == _INITIALIZER:
                name, values = _tensor(data, s, e)
                constants[name] = values
    except (ValueError, struct.error) as error:
        message = f"Expected a whole .onnx file, got one that is damaged: {error}."
        raise ArtifactError(
            message, hint="copy the file again, or export it again: edgecls export RUN"
        ) from error
    return OnnxGraph(nodes=tuple(nodes), constants=constants)


def with_outputs(data: bytes, names: Sequence[str]) -> bytes:
    """Return the model with more outputs; the runtime finds out their types."""
    graph = b"".join(_message(_OUTPUT, _message(1, name.encode())) for name in names)
    return data + _message(_GRAPH, graph) if names else data


def with_float_input(data: bytes) -> bytes:
    """Return a float model that takes float pixels; one whose input is not uint8 as it is."""
    start, end = _graph(data)
    for number, s, e in fields(data, start, end):
        if number == _INPUT:
            for path in ((2, 1, 1),):  # type, tensor_type, elem_type
                place = _inside(data, s, e, path)
                if place is not None and data[place] == _UINT8:
                    return data[:place] + bytes([_FLOAT]) + data[place + 1 :]
            return data
    return data


def _inside(data: bytes, start: int, end: int, path: Sequence[int]) -> int | None:
    for number, s, e in fields(data, start, end):
        if number == path[0]:
            return s if len(path) == 1 else _inside(data, s, e, path[1:])
    return None


def _graph(data: bytes) -> tuple[int, int]:
    for number, start, end in fields(data, 0, len(data)):
        if number == _GRAPH:
            return start, end
    message = "no graph"
    raise ValueError(message)


def _node(data: bytes, start: int, end: int) -> Node:
    found: dict[int, list[str]] = {1: [], 2: [], 4: []}
    for number, s, e in fields(data, start, end):
        if number in found:
            found[number].append(data[s:e].decode())
    return Node(kind="".join(found[4]), inputs=tuple(found[1]), outputs=tuple(found[2]))


def _tensor(data: bytes, start: int, end: int) -> tuple[str, NDArray[Any]]:
    name, kind, shape = "", _FLOAT, []
    parts: dict[int, list[tuple[int, int]]] = {_RAW: [], _FLOATS: [], _INTS: [], _LONGS: []}
    for number, s, e in fields(data, start, end):
        if number == _NAME:
            name = data[s:e].decode()
        elif number == _DATA_TYPE:
            kind = varint(data, s, e)[0]
        elif number == _DIMS:
            shape.extend(_varints(data, s, e))
        elif number in parts:
            parts[number].append((s, e))
    if kind not in _DTYPES:
        return name, np.empty(0, np.float32)  # text, bfloat16, four bits: nothing that is looked at
    dtype = np.dtype(_DTYPES[kind])
    if parts[_RAW] or parts[_FLOATS]:
        raw = b"".join(data[s:e] for s, e in (*parts[_RAW], *parts[_FLOATS]))
        values = np.frombuffer(raw, dtype if parts[_RAW] else "<f4")
    else:
        numbers = [n for s, e in (*parts[_INTS], *parts[_LONGS]) for n in _varints(data, s, e)]
        values = np.array([n - 2**64 if n >= 2**63 else n for n in numbers], np.int64).astype(dtype)
    return name, values.reshape(shape)


def _varints(data: bytes, start: int, end: int) -> list[int]:
    numbers = []
    while start < end:
        number, start = varint(data, start, end)
        numbers.append(number)
    return numbers


def _message(number: int, content: bytes) -> bytes:
    return _encoded(number << 3 | 2) + _encoded(len(content)) + content


def _encoded(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
