"""What stands in a ``.tflite`` file, read before any runtime sees it.

tflite-runtime 2.14 does not check a file: one that is cut off ends the process with a segmentation fault. So
the tables that it follows are followed here first. Source of the field numbers:
tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3c.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from edgecls_device.errors import ArtifactError
from edgecls_device.flatbuffer import Table, root_table

__all__ = ["check_tflite", "metadata_buffer"]

MOST_TABLES = 1_000_000  # a real model has thousands; vectors of a damaged one may point at one table for ever

_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS, _METADATA = 1, 2, 4, 6  # of Model
_METADATA_NAME = "TFLITE_METADATA"

# Fields of each table by kind: vectors and strings as the struct code of an element, or the table's own name.
_SCHEMA: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "Model": {1: "[OperatorCode]", 2: "[SubGraph]", 3: "B", 4: "[Buffer]", 6: "[Metadata]"},
        "OperatorCode": {1: "B"},
        "SubGraph": {0: "[Tensor]", 1: "i", 2: "i", 3: "[Operator]", 4: "B"},
        "Tensor": {0: "i", 3: "B", 4: "Quantization", 7: "i"},
        "Operator": {1: "i", 2: "i", 4: "Options", 5: "B", 7: "B", 8: "i"},
        "Quantization": {0: "f", 1: "f", 2: "f", 3: "q"},
        "Options": {},
        "Buffer": {0: "B"},
        "Metadata": {0: "B"},
    }
)


def check_tflite(data: bytes) -> None:
    """Follow every table, vector and index that a runtime follows.

    Raises:
        ArtifactError: If the file is cut off or damaged, or has no graph.
    """
    _follow(root_table(data), "Model", _budget())
    model = root_table(data)
    codes, buffers = _count(model, _OPERATOR_CODES), _count(model, _BUFFERS)
    graphs = list(model.tables(_SUBGRAPHS))
    if not graphs:
        message = "Expected a model with a graph, got one without."
        raise ArtifactError(message, hint="give an image classifier")
    for graph in graphs:
        tensors = 0
        for tensor in graph.tables(0):
            tensors += 1
            _check_index(tensor.number(2, "I"), buffers)
        for field in (1, 2):
            for index in graph.numbers(field, "i"):
                _check_index(index, tensors)
        for operator in graph.tables(3):
            _check_index(operator.number(0, "I"), codes)
            for field in (1, 2):
                for index in operator.numbers(field, "i"):
                    _check_index(index, tensors, least=-1)  # -1: an input that is left out


def metadata_buffer(data: bytes) -> bytes:
    """Return the TFLite Metadata of a model, itself a flatbuffer; empty if there is none.

    Raises:
        ArtifactError: If the file is cut off or damaged.
    """
    model = root_table(data)
    for entry in model.tables(_METADATA):
        if entry.text(0) == _METADATA_NAME:
            wanted = entry.number(1, "I")
            for i, buffer in enumerate(model.tables(_BUFFERS)):
                if i == wanted:
                    return bytes(buffer.data(0))
    return b""


def _follow(table: Table, name: str, spend: Callable[[], None]) -> None:
    spend()
    for field, kind in _SCHEMA[name].items():
        if kind.startswith("["):
            for member in table.tables(field):
                _follow(member, kind[1:-1], spend)
        elif kind in _SCHEMA:
            member_or_none = table.table(field)
            if member_or_none is not None:
                _follow(member_or_none, kind, spend)
        else:
            table.check_numbers(field, kind)


def _budget() -> Callable[[], None]:
    left = MOST_TABLES

    def spend() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            message = f"Expected a model of at most {MOST_TABLES} tables, got a file with more."
            raise ArtifactError(message, hint="the file is damaged; export it again")

    return spend


def _count(model: Table, field: int) -> int:
    return sum(1 for _ in model.tables(field))


def _check_index(index: float, count: int, *, least: int = 0) -> None:
    if not least <= index < count:
        message = f"Expected an index below {count} in the model file, got {index:g}."
        raise ArtifactError(message, hint="the file is damaged; copy it again, or export it again")
