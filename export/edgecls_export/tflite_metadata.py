"""TFLite Metadata: what MediaPipe Tasks and Android Studio read from a .tflite file.

The tables and the order of their fields are those of metadata_schema.fbs, version 1.1.0
(https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/metadata_schema.fbs).
The metadata is a flatbuffer in the model's metadata entry ``TFLITE_METADATA``; the files it names are in a
zip archive, stored without compression, behind the model.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import flatbuffers
from edgecls_device.artifact import TFLITE_SPEC_FILE
from edgecls_device.records import to_json
from edgecls_device.spec import ModelSpec

from edgecls_export.frozen import INPUT_NAME
from edgecls_export.tflite_graph import TfliteGraph

__all__ = ["LABELS_FILE", "METADATA_ENTRY", "describe", "embed_spec"]

METADATA_ENTRY = "TFLITE_METADATA"
LABELS_FILE = "labels.txt"
FILE_IDENTIFIER = b"M001"
MIN_PARSER_VERSION = "1.0.0"  # every field written here is of the first version
ARCHIVE_TIME = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes

_TENSOR_AXIS_LABELS, _DESCRIPTIONS = 2, 1  # AssociatedFileType
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2  # ContentProperties, a union
_RGB = 1  # ColorSpaceType
_NORMALIZATION_OPTIONS = 1  # ProcessUnitOptions, a union

_Field: TypeAlias = tuple[str, int]
"""A number of the named type, as a table stores it."""


def embed_spec(data: bytes, spec: ModelSpec) -> bytes:
    """Return a ``.tflite`` file with its metadata, its labels and its spec inside."""
    graph = TfliteGraph(data)
    graph.set_metadata(METADATA_ENTRY, describe(spec))
    labels = "".join(f"{label}\n" for label in spec.labels)
    files = {LABELS_FILE: labels, TFLITE_SPEC_FILE: to_json(spec, indent=None)}
    return append_files(graph.pack(), files)


def append_files(data: bytes, files: Mapping[str, str]) -> bytes:
    """Return ``data`` with a zip archive of text files behind it."""
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, ARCHIVE_TIME), text)
    return stream.getvalue()


def describe(spec: ModelSpec) -> bytes:
    """Return the ``ModelMetadata`` flatbuffer for a classifier."""
    builder = flatbuffers.Builder(1024)
    graph = _table(
        builder,
        (None, None, _vector(builder, [_input(builder)]), _vector(builder, [_output(builder)])),
    )
    recipe = spec.provenance.recipe or "float32"
    backbone = spec.provenance.backbone or "a Keras model"
    model = _table(
        builder,
        (
            _text(builder, spec.name),
            _text(
                builder, f"Image classifier of {len(spec.labels)} classes: {backbone}, {recipe}."
            ),
            None,
            _vector(builder, [graph]),
            None,
            None,
            _vector(
                builder, [_file(builder, TFLITE_SPEC_FILE, "ModelSpec of edgecls", _DESCRIPTIONS)]
            ),
            _text(builder, MIN_PARSER_VERSION),
        ),
    )
    builder.Finish(model, file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _input(builder: flatbuffers.Builder) -> int:
    image = _table(builder, (("int8", _RGB),))
    content = _table(builder, (("uint8", _IMAGE_PROPERTIES), image))
    mean, std = _floats(builder, [0.0]), _floats(builder, [1.0])
    normalization = _table(builder, (mean, std))
    unit = _table(builder, (("uint8", _NORMALIZATION_OPTIONS), normalization))
    text = "Picture to classify: RGB, 0..255. It is normalized inside the model."
    return _tensor(builder, INPUT_NAME, text, content, 255.0, units=[unit])


def _output(builder: flatbuffers.Builder) -> int:
    content = _table(builder, (("uint8", _FEATURE_PROPERTIES), _table(builder, ())))
    labels = _file(
        builder, LABELS_FILE, "One label per class, in output order", _TENSOR_AXIS_LABELS
    )
    text = "Probability of each class; together they are 1."
    return _tensor(builder, "probability", text, content, 1.0, files=[labels])


def _tensor(
    builder: flatbuffers.Builder,
    name: str,
    text: str,
    content: int,
    largest: float,
    *,
    units: Sequence[int] = (),
    files: Sequence[int] = (),
) -> int:
    stats = _table(builder, (_floats(builder, [largest]), _floats(builder, [0.0])))
    return _table(
        builder,
        (
            _text(builder, name),
            _text(builder, text),
            None,
            content,
            _vector(builder, units) if units else None,
            stats,
            _vector(builder, files) if files else None,
        ),
    )


def _file(builder: flatbuffers.Builder, name: str, text: str, kind: int) -> int:
    return _table(builder, (_text(builder, name), _text(builder, text), ("int8", kind)))


def _text(builder: flatbuffers.Builder, text: str) -> int:
    return int(builder.CreateString(text))


def _table(builder: flatbuffers.Builder, fields: Sequence[int | _Field | None]) -> int:
    """Write a table whose fields stand in schema order: an offset, ``(type, number)``, or None if unset."""
    builder.StartObject(len(fields))
    for slot, field in enumerate(fields):
        if isinstance(field, tuple):
            kind, value = field
            prepend = builder.PrependInt8Slot if kind == "int8" else builder.PrependUint8Slot
            prepend(slot, value, 0)
        elif field is not None:
            builder.PrependUOffsetTRelativeSlot(slot, field, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())
