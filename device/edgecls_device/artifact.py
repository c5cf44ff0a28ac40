"""One self-describing model file: read once, its format told by content, its spec taken from inside.

A ``.tflite`` file carries the spec as an associated file in the zip archive that TFLite Metadata appends
(https://ai.google.dev/edge/litert/models/metadata); an ``.onnx`` file in ``metadata_props`` (field 14 of
``ModelProto`` in onnx.proto3). The bytes that were read are the bytes that are hashed and run.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgecls_device.errors import ArtifactError
from edgecls_device.files import read_bytes
from edgecls_device.records import from_json
from edgecls_device.spec import ModelSpec

__all__ = ["ONNX_SPEC_KEY", "TFLITE_SPEC_FILE", "Artifact", "associated_files", "read_artifact"]

TFLITE_SPEC_FILE = "edgecls_spec.json"
ONNX_SPEC_KEY = "edgecls.spec"
MAX_MODEL_BYTES = 2**31 - 1  # the limit of flatbuffers and protobuf
MAX_SPEC_BYTES = 16_000_000

_MODEL_GRAPH, _MODEL_METADATA = 7, 14  # field numbers in ModelProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # protobuf wire types


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A model file in memory.

    Attributes:
        path: Where it was read from.
        format: ``tflite`` or ``onnx``.
        data: Its content.
        spec: Its spec; None for a model that was not made by edgecls.
    """

    path: Path
    format: Literal["tflite", "onnx"]
    data: bytes
    spec: ModelSpec | None

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, as hex."""
        return hashlib.sha256(self.data).hexdigest()


def read_artifact(path: Path | str) -> Artifact:
    """Read a model file.

    Raises:
        ArtifactError: If it is neither TFLite nor ONNX, or cut off.
        SpecError: If the spec inside is damaged or from a newer version.
        StorageError: If it cannot be read.
    """
    path = Path(path)
    data = read_bytes(path, max_bytes=MAX_MODEL_BYTES)
    if data[4:8] == b"TFL3":
        return Artifact(path=path, format="tflite", data=data, spec=_tflite_spec(path, data))
    return Artifact(path=path, format="onnx", data=data, spec=_onnx_spec(path, data))


def associated_files(data: bytes) -> dict[str, bytes]:
    """Return the files packed into a ``.tflite`` file, by name; none if there is no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [info for info in archive.infolist() if info.file_size <= MAX_SPEC_BYTES]
            return {info.filename: archive.read(info) for info in members}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError):
        return {}


def _tflite_spec(path: Path, data: bytes) -> ModelSpec | None:
    text = associated_files(data).get(TFLITE_SPEC_FILE)
    if text is not None:
        return from_json(ModelSpec, text, name=f"the spec of {path.name}")
    if TFLITE_SPEC_FILE.encode() in data:  # its metadata names a file that is gone
        raise _cut_off(path)
    return None


def _onnx_spec(path: Path, data: bytes) -> ModelSpec | None:
    looks_like_onnx = (
        data[:1] == b"\x08" and len(data) > 1 and 1 <= data[1] <= 64
    )  # ir_version first
    has_graph, spec = False, None
    try:
        for number, start, end in _fields(data, 0, len(data)):
            has_graph |= number == _MODEL_GRAPH
            if number == _MODEL_METADATA:
                entry = {n: data[s:e] for n, s, e in _fields(data, start, end)}
                spec = entry.get(2) if entry.get(1) == ONNX_SPEC_KEY.encode() else spec
    except ValueError:
        if looks_like_onnx:
            raise _cut_off(path) from None
        has_graph = False
    if not has_graph:
        message = f"Expected a .tflite or .onnx model, got {str(path)!r}, which is neither."
        raise ArtifactError(
            message,
            hint="give a file that 'edgecls export' wrote, e.g. runs/pets/exports/pets.int8.tflite",
        )
    return None if spec is None else from_json(ModelSpec, spec, name=f"the spec of {path.name}")


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (field number, start, end) of each field of a protobuf message; ValueError if damaged."""
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


def _cut_off(path: Path) -> ArtifactError:
    message = f"Expected a whole model file, got {str(path)!r}, which is cut off or damaged."
    return ArtifactError(
        message, hint="copy the file again, or export it again with: edgecls export RUN"
    )
