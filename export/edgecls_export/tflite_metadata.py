"""TFLite Metadata: what MediaPipe Tasks and Android Studio read from a .tflite file.

The tables and the order of their fields are those of metadata_schema.fbs, version 1.5.0
(https://github.com/google-ai-edge/mediapipe/blob/master/mediapipe/tasks/metadata/metadata_schema.fbs).
The metadata is a flatbuffer in the model's metadata entry ``TFLITE_METADATA``; the files it names are in a
zip archive, stored without compression, behind the model.

Normalization is mean 0 and deviation 1 for every recipe: pixels 0..255 go in as they are, and what is left
of quantization stands in the tensor. The schema cannot say a temperature, so what others show are scores
before it, and the threshold that is written is moved to where it means the same for them.
"""

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import flatbuffers
import numpy as np
from edgecls_device.artifact import TFLITE_SPEC_FILE
from edgecls_device.records import to_json
from edgecls_device.spec import ModelSpec, Preprocessing

from edgecls_export.frozen import INPUT_NAME
from edgecls_export.tflite_graph import TfliteGraph

__all__ = ["LABELS_FILE", "METADATA_ENTRY", "describe", "embed_spec", "raw_threshold"]

METADATA_ENTRY = "TFLITE_METADATA"
LABELS_FILE = "labels.txt"
FILE_IDENTIFIER = b"M001"
MIN_PARSER_VERSION = "1.0.0"  # every field written here is of the first version
ARCHIVE_TIME = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes

_TENSOR_AXIS_LABELS, _DESCRIPTIONS = 2, 1  # AssociatedFileType
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2  # ContentProperties, a union
_RGB = 1  # ColorSpaceType
_NORMALIZATION_OPTIONS, _SCORE_THRESHOLDING_OPTIONS = 1, 3  # ProcessUnitOptions, a union

_Field: TypeAlias = tuple[str, float]
"""A number of the named type, as a table stores it."""


def embed_spec(data: bytes, spec: ModelSpec) -> bytes:
    """Return a ``.tflite`` file with its metadata, its labels and its spec inside."""
    graph = TfliteGraph(data)
    graph.set_metadata(METADATA_ENTRY, describe(spec, output_dtype=graph.output_dtype))
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


def raw_threshold(spec: ModelSpec) -> float:
    """Return where the unknown-threshold of a spec lies among scores before the temperature.

    Between two classes ``softmax(logits / T)`` reaches ``t`` where the softmax itself reaches
    ``t^T / (t^T + (1 - t)^T)``. With more classes this is exact where all doubt is about one of them; spread
    over several, a score is softened more by ``T > 1`` than this allows for, and others show a label in a few
    cases where we say unknown.

    Returns:
        0..1; 0 for no threshold, also for a model shown in groups, as others see its classes.
    """
    threshold = 0.0 if spec.groups else spec.unknown_threshold
    if threshold in {0.0, 1.0}:
        return threshold
    odds = spec.temperature * math.log(threshold / (1 - threshold))
    return float(np.exp(-np.logaddexp(0.0, -odds)))


def describe(spec: ModelSpec, *, output_dtype: str = "float32") -> bytes:
    """Return the ``ModelMetadata`` flatbuffer for a classifier.

    Args:
        spec: What the model means.
        output_dtype: Of its scores: ``float32``, or an integer type.
    """
    builder = flatbuffers.Builder(1024)
    output = _output(builder, raw_threshold(spec), output_dtype)
    graph = _table(
        builder,
        (
            _text(builder, spec.name),
            _text(builder, "One picture in, one probability for each class out."),
            _vector(builder, [_input(builder, spec.preprocessing)]),
            _vector(builder, [output]),
        ),
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


def _input(builder: flatbuffers.Builder, rule: Preprocessing) -> int:
    size = _table(builder, (("uint32", rule.width), ("uint32", rule.height)))
    image = _table(builder, (("int8", _RGB), size))
    content = _table(builder, (("uint8", _IMAGE_PROPERTIES), image))
    mean, std = _floats(builder, [0.0]), _floats(builder, [1.0])
    normalization = _table(builder, (mean, std))
    unit = _table(builder, (("uint8", _NORMALIZATION_OPTIONS), normalization))
    text = "Picture to classify: RGB, 0..255. It is normalized inside the model."
    return _tensor(builder, INPUT_NAME, text, content, (0.0, 255.0), units=[unit])


def _output(builder: flatbuffers.Builder, threshold: float, dtype: str) -> int:
    content = _table(builder, (("uint8", _FEATURE_PROPERTIES), _table(builder, ())))
    labels = _file(
        builder, LABELS_FILE, "One label per class, in output order", _TENSOR_AXIS_LABELS
    )
    text = "Probability of each class; together they are 1."
    limits, units = (0.0, 1.0), []
    if dtype != "float32":
        limits = (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
        text = "Probability of each class, quantized; together they are about 1."
    if threshold:
        options = _table(builder, (("float32", threshold),))
        units = [_table(builder, (("uint8", _SCORE_THRESHOLDING_OPTIONS), options))]
    return _tensor(builder, "probability", text, content, limits, units=units, files=[labels])


def _tensor(
    builder: flatbuffers.Builder,
    name: str,
    text: str,
    content: int,
    limits: tuple[float, float],
    *,
    units: Sequence[int] = (),
    files: Sequence[int] = (),
) -> int:
    least, largest = limits
    stats = _table(builder, (_floats(builder, [largest]), _floats(builder, [least])))
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
            getattr(builder, f"Prepend{kind.capitalize()}Slot")(slot, value, 0)
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
