"""TFLite Metadata of other people's models: labels, normalization and colour space, as far as they say.

Source of the field numbers: metadata_schema.fbs of tflite-support, version 1.5
(https://ai.google.dev/edge/litert/models/metadata).
"""

from dataclasses import dataclass

from edgecls_device.artifact import associated_files
from edgecls_device.errors import ArtifactError
from edgecls_device.flatbuffer import Table, root_table
from edgecls_device.tflite_file import metadata_buffer

__all__ = ["TfliteMetadata", "read_tflite_metadata"]

_MODEL_NAME, _MODEL_SUBGRAPHS = 0, 3
_INPUTS, _OUTPUTS = 2, 3  # of SubGraphMetadata
_CONTENT, _PROCESS_UNITS, _FILES = 3, 4, 6  # of TensorMetadata
_IMAGE, _RGB, _GRAYSCALE = 2, 1, 2  # ContentProperties, ColorSpaceType
_NORMALIZATION = 1  # ProcessUnitOptions
_AXIS_LABELS, _VALUE_LABELS = 2, 3  # AssociatedFileType


@dataclass(frozen=True, kw_only=True, slots=True)
class TfliteMetadata:
    """What the metadata of a classifier says.

    Attributes:
        name: The model's name, empty if it has none.
        labels_file: Content of the file with the labels, None if there is none.
        color: ``rgb`` or ``grayscale``, empty if it does not say.
        mean: Subtracted from pixels 0..255, one number or one per channel; empty if it does not say.
        std: Then divided by.
    """

    name: str = ""
    labels_file: bytes | None = None
    color: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


def read_tflite_metadata(data: bytes) -> TfliteMetadata:
    """Return what the metadata of a ``.tflite`` file says; empty if it has none.

    Raises:
        ArtifactError: If the file or its metadata is damaged.
    """
    buffer = metadata_buffer(data)
    if not buffer:
        return TfliteMetadata()
    model = root_table(buffer)
    graph = next(model.tables(_MODEL_SUBGRAPHS), None)
    if graph is None:
        return TfliteMetadata(name=model.text(_MODEL_NAME))
    image, scores = next(graph.tables(_INPUTS), None), next(graph.tables(_OUTPUTS), None)
    mean, std = _normalization(image) if image is not None else ((), ())
    return TfliteMetadata(
        name=model.text(_MODEL_NAME),
        labels_file=_labels_file(scores, data) if scores is not None else None,
        color=_color(image) if image is not None else "",
        mean=mean,
        std=std,
    )


def _color(tensor: Table) -> str:
    content = tensor.table(_CONTENT)
    if content is None or content.number(0, "B") != _IMAGE:
        return ""
    properties = content.table(1)
    space = properties.number(0, "b") if properties is not None else 0
    return {_RGB: "rgb", _GRAYSCALE: "grayscale"}.get(space, "")


def _normalization(tensor: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for unit in tensor.tables(_PROCESS_UNITS):
        options = unit.table(1) if unit.number(0, "B") == _NORMALIZATION else None
        if options is not None:
            return options.numbers(0, "f"), options.numbers(1, "f")
    return (), ()


def _labels_file(tensor: Table, data: bytes) -> bytes | None:
    for file in tensor.tables(_FILES):
        locale = file.text(3)
        if file.number(2, "b") in {_AXIS_LABELS, _VALUE_LABELS} and locale in {"", "en"}:
            content = associated_files(data).get(file.text(0))
            if content is None:
                message = f"Expected the labels {file.text(0)!r} in the model file, got none of that name."
                raise ArtifactError(message, hint="give them with: --labels labels.txt")
            return content
    return None
