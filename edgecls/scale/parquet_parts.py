"""Parts as Parquet, written and read a few rows at a time. A leaf: it imports pyarrow."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from edgecls_device.errors import StorageError

from edgecls.scale.part import Part
from edgecls.scale.task import Column, ColumnType

__all__ = ["PartWriter", "counts", "read_rows"]

ROWS_AT_ONCE = 1024
"""Rows that are kept before they are written, and that are read at once: memory stays flat in both."""

_FAILED = "edgecls.failed"

_TYPES: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "binary": pa.binary(),
    "list<float32>": pa.list_(pa.float32()),
}


class PartWriter:
    """Turns the rows of one piece into a :class:`Part`; the same rows always become the same bytes."""

    def __init__(self, index: int, columns: Sequence[Column]) -> None:
        fields = [("key", pa.string()), *((c.name, _TYPES[c.type]) for c in columns)]
        self._schema = pa.schema([*fields, ("error", pa.string())])
        self._file = BytesIO()
        self._writer = pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            use_dictionary=[name for name, type_ in fields if type_ == pa.string()],
        )
        self._rows: list[Mapping[str, Any]] = []
        self._index, self._photos, self._failed = index, 0, 0

    def add(self, key: str, values: Mapping[str, Any]) -> None:
        """Add a photo with the values of its columns; those that are not named are None."""
        self._append({**values, "key": key, "error": None})

    def add_failed(self, key: str, error: str) -> None:
        """Add a photo that could not be used; ``error`` says why."""
        self._append({"key": key, "error": error})
        self._failed += 1

    def part(self) -> Part:
        """Finish, and return the part."""
        self._write()
        self._writer.add_key_value_metadata({_FAILED: str(self._failed)})
        self._writer.close()
        return Part(
            index=self._index,
            data=self._file.getvalue(),
            photos=self._photos,
            failed=self._failed,
        )

    def _append(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        self._photos += 1
        if len(self._rows) == ROWS_AT_ONCE:
            self._write()

    def _write(self) -> None:
        if self._rows:
            arrays = [
                pa.array([row.get(field.name) for row in self._rows], type=field.type)
                for field in self._schema
            ]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
            self._rows = []


def counts(path: Path) -> tuple[int, int] | None:
    """Return how many photos a part has, and how many of them failed; None if it is not a whole part."""
    try:
        metadata = pq.read_metadata(path)
        return metadata.num_rows, int((metadata.metadata or {})[_FAILED.encode()])
    except (pa.ArrowInvalid, OSError, KeyError, ValueError):
        return None


def read_rows(
    path: Path, columns: Sequence[str] | None = None, *, rows_at_once: int = ROWS_AT_ONCE
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part, at most ``rows_at_once`` in a batch.

    Args:
        path: The file.
        columns: Names of those that are wanted; None for all.
        rows_at_once: Most rows of a batch.

    Raises:
        StorageError: If the file cannot be read, or is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(
                batch_size=rows_at_once, columns=None if columns is None else list(columns)
            )
    except (pa.ArrowInvalid, OSError) as error:
        message = f"Cannot read {str(path)!r}: {error}."
        hint = "remove that file, and repeat the command that wrote it"
        raise StorageError(message, hint=hint) from error
