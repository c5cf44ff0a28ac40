"""Tiny classifiers as real model files, encoded by hand: a device has neither onnx nor flatbuffers.

They average a picture's colour and apply softmax, so that ``red``, ``green`` and ``blue`` are what they see.
"""

import io
import struct
import zipfile

from edgecls_device.records import to_json
from edgecls_device.spec import InputTensor, ModelSpec, Preprocessing

LABELS = ("red", "green", "blue")
SHARPNESS = 8 / 255
FLOAT, UINT8, INT32 = 0, 3, 2  # TensorType of TFLite
CAST, MEAN, SOFTMAX = 53, 40, 25  # BuiltinOperator


def tiny_spec(**changes):
    fields = {"name": "tiny", "labels": LABELS, "preprocessing": Preprocessing(height=8, width=8)}
    return ModelSpec(**{**fields, **changes})


# --- flatbuffers: a dict is a table, (code, number) a scalar, [code, numbers...] a vector of numbers


def flatbuffer(root, *, identifier=b"TFL3"):
    data = bytearray(b"\0\0\0\0" + identifier)
    struct.pack_into("<I", data, 0, _table(data, root))
    return bytes(data)


def _table(data, fields):
    slots, size = {}, 8  # the offset to the vtable, and room to align 8-byte numbers
    for number, value in sorted(fields.items(), key=lambda item: -_size(item[1])):
        slots[number] = size
        size += _size(value)
    _align(data, 8)
    count = max(fields, default=-1) + 1
    vtable = struct.pack(
        f"<HH{count}H", 4 + 2 * count, size, *(slots.get(i, 0) for i in range(count))
    )
    start = len(data)
    data += vtable
    _align(data, 8)
    table = len(data)
    data += struct.pack("<i", table - start) + bytes(size - 4)
    for number, value in fields.items():
        place = table + slots[number]
        if isinstance(value, tuple):
            struct.pack_into(f"<{value[0]}", data, place, value[1])
        else:
            struct.pack_into("<I", data, place, _child(data, value) - place)
    return table


def _child(data, value):
    if isinstance(value, dict):
        return _table(data, value)
    if isinstance(value, str | bytes):
        raw = value.encode() if isinstance(value, str) else value
        return _vector(data, len(raw), raw + b"\0")
    if value and isinstance(value[0], dict):
        start = _vector(data, len(value), bytes(4 * len(value)))
        for place, member in zip(range(start + 4, len(data), 4), value, strict=False):
            struct.pack_into("<I", data, place, _table(data, member) - place)
        return start
    code, *numbers = value or ["i"]
    return _vector(data, len(numbers), struct.pack(f"<{len(numbers)}{code}", *numbers))


def _vector(data, count, raw):
    while (len(data) + 4) % 16:
        data.append(0)
    start = len(data)
    data += struct.pack("<I", count) + raw
    return start


def _align(data, to):
    data += bytes(-len(data) % to)


def _size(value):
    return struct.calcsize(f"<{value[0]}") if isinstance(value, tuple) else 4


def tflite_model(
    *, spec=None, metadata=None, files=(), outputs=(4,), shape=(1, 8, 8, 3), dtype=UINT8
):
    """Return the bytes of a ``.tflite`` file; ``files`` are packed into it."""
    tensors = [
        _tensor("image", dtype, shape),
        _tensor("pixels", FLOAT, shape),
        _tensor("axes", INT32, (2,), buffer=1),
        _tensor("color", FLOAT, (1, 3)),
        _tensor("scores", FLOAT, (1, 3)),
    ]
    operators = [
        _operator(0, [0], [1], 37, {}),
        _operator(1, [1, 2], [3], 27, {}),
        _operator(2, [3], [4], 9, {0: ("f", SHARPNESS)}),
    ]
    model = {
        0: ("I", 3),
        1: [{0: ("b", code), 2: ("i", 1), 3: ("i", code)} for code in (CAST, MEAN, SOFTMAX)],
        2: [{0: tensors, 1: ["i", 0], 2: ["i", *outputs], 3: operators}],
        4: [{}, {0: struct.pack("<2i", 1, 2)}],
    }
    if metadata is not None:
        model[4].append({0: metadata})
        model[6] = [{0: "TFLITE_METADATA", 1: ("I", 2)}]
    packed = dict(files)
    if spec is not None:
        packed["edgecls_spec.json"] = to_json(spec).encode()
    return flatbuffer(model) + (_zip(packed) if packed else b"")


def _tensor(name, dtype, shape, *, buffer=0):
    return {0: ["i", *shape], 1: ("b", dtype), 2: ("I", buffer), 3: name}


def _operator(code, inputs, outputs, options_type, options):
    return {
        0: ("I", code),
        1: ["i", *inputs],
        2: ["i", *outputs],
        3: ("B", options_type),
        4: options,
    }


def _zip(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tflite_metadata(*, labels_name="labels.txt", color=1, mean=(127.5,), std=(127.5,)):
    """Return TFLite Metadata as MediaPipe's writer makes it."""
    image = {
        0: "image",
        3: {0: ("B", 2), 1: {0: ("b", color)}},
        4: [{0: ("B", 1), 1: {0: ["f", *mean], 1: ["f", *std]}}],
    }
    scores = {0: "scores", 6: [{0: labels_name, 2: ("b", 2)}]}
    return flatbuffer({0: "A model", 3: [{2: [image], 3: [scores]}]}, identifier=b"M001")


# --- protobuf: bytes are encoded already


def proto(*fields):
    out = b""
    for number, value in fields:
        if isinstance(value, float):
            out += _varint(number << 3 | 5) + struct.pack("<f", value)
        elif isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | 2) + _varint(len(raw)) + raw
    return out


def _varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def onnx_model(
    *,
    spec=None,
    dtype=2,
    shape=(1, 8, 8, 3),
    softmax=True,
    outputs=(("scores", (1, 3)),),
    axes=(1, 2),
    keep=0,
):
    """Return the bytes of an ``.onnx`` file; ``dtype`` 2 is uint8, 1 is float32."""
    nodes = [
        _node("Cast", ["image"], ["pixels"], (("to", 1),)),
        _node("ReduceMean", ["pixels"], ["color"], (("keepdims", keep),), axes=axes),
        _node("Mul", ["color", "sharpness"], ["logits"]),
        _node("Softmax" if softmax else "Identity", ["logits"], ["scores"]),
        _node("Identity", ["logits"], ["more"]),
    ]
    sharpness = proto((2, 1), (8, "sharpness"), (9, struct.pack("<f", SHARPNESS)))
    graph = proto(
        *((1, node) for node in nodes),
        (2, "tiny"),
        (5, sharpness),
        (11, _value("image", dtype, shape)),
        *((12, _value(name, 1, size)) for name, size in outputs),
    )
    return onnx_file(graph, spec=spec)


def onnx_file(graph, *, spec=None):
    fields = [(1, 8), (7, graph), (8, proto((1, ""), (2, 13)))]
    if spec is not None:
        fields.append((14, proto((1, "edgecls.spec"), (2, to_json(spec)))))
    return proto(*fields)


def external_onnx_model():
    """A model whose weights lie in another file."""
    location = proto((1, "location"), (2, "../../etc/passwd"))
    tensor = proto((2, 1), (8, "sharpness"), (13, location), (14, 1))
    return onnx_file(proto((2, "tiny"), (5, tensor)))


def _node(kind, inputs, outputs, numbers=(), axes=()):
    attributes = [proto((1, name), (3, value), (20, 2)) for name, value in numbers]
    if axes:
        attributes.append(proto((1, "axes"), *((8, axis) for axis in axes), (20, 7)))
    return proto(
        *((1, name) for name in inputs),
        *((2, name) for name in outputs),
        (4, kind),
        *((5, attribute) for attribute in attributes),
    )


def _value(name, dtype, shape):
    sides = [(1, proto((1, side) if side > 0 else (2, f"side{-side}"))) for side in shape]
    return proto((1, name), (2, proto((1, proto((1, dtype), (2, proto(*sides)))))))


def float_spec(**changes):
    """The spec of a float NCHW model."""
    tensor = InputTensor(dtype="float32", layout="nchw")
    return tiny_spec(input=tensor, **changes)
