"""Photos in Parquet files, a row each: columns ``bytes`` or ``image``, ``label``, and ``key`` or ``path``.

Hugging Face writes ``image`` as a struct of bytes and path, and the names of its numbered classes into the
schema; both are understood. Rows are read in small batches, so that a row group need not fit into memory.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from edgecls_device.errors import DataError, EdgeclsError
from edgecls_device.images import MAX_IMAGE_BYTES

from edgecls.scale.filesystems import open_stream
from edgecls.scale.photo_labels import to_label
from edgecls.scale.piece import Piece, ShardPhoto

__all__ = ["read_row_group", "rows_of_groups"]

PHOTO_COLUMNS = ("bytes", "image")
KEY_COLUMNS = ("key", "path")
LABEL_COLUMN = "label"

_BATCH_ROWS = 16
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class _Columns:
    """Which columns a file has of those that are read; empty if there is none.

    Attributes:
        photo: The pictures.
        key: What they are called.
        label: Their classes.
        names: Of the classes that a number counts, where the schema says them.
    """

    photo: str
    key: str
    label: str
    names: tuple[str, ...]

    @property
    def read(self) -> list[str]:
        """All of them."""
        return [name for name in (self.photo, self.key, self.label) if name]


def rows_of_groups(location: str) -> Sequence[int]:
    """Return the number of rows of each row group.

    A file that is no Parquet file is one group of no rows: reading it fails then, not the listing of all.

    Raises:
        EdgeclsError: If it may not be read, or nobody answers.
    """
    try:
        with _opened(location) as file:
            return [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    except DataError:
        return [0]


def read_row_group(piece: Piece) -> Iterator[ShardPhoto]:
    """Yield the photos of a row group; see :func:`edgecls.scale.reading.read_piece`."""
    seen = set[str]()
    with _opened(piece.location) as file:
        columns = _columns(file.schema_arrow, piece.location)
        if piece.row_group >= file.num_row_groups:
            message = f"Expected photos in {piece.location!r}, got no rows."
            raise DataError(message, hint="remove it, or make it again")
        row = sum(file.metadata.row_group(i).num_rows for i in range(piece.row_group))
        batches = file.iter_batches(
            _BATCH_ROWS, row_groups=[piece.row_group], columns=columns.read, use_threads=False
        )
        for batch in batches:
            for i in range(batch.num_rows):
                photo = _photo(batch, i, columns, f"{_stem(piece.location)}/{row:08}")
                if photo.key in seen:
                    error = "its key came before in this shard"
                    photo = ShardPhoto(key=photo.key, label=None, data=b"", error=error)
                seen.add(photo.key)
                row += 1
                yield photo


@contextmanager
def _opened(location: str) -> Iterator[pq.ParquetFile]:
    with open_stream(location) as stream:
        try:
            yield _parquet_file(stream)
        except EdgeclsError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, OSError) and not _is_of_arrow(error):
                raise
            first = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            message = f"Expected a whole Parquet file in {location!r}, got a damaged one: {first}."
            raise DataError(message, hint="copy or make it again") from error


def _parquet_file(stream: BinaryIO) -> pq.ParquetFile:
    return pq.ParquetFile(
        stream, buffer_size=_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
    )


def _is_of_arrow(error: OSError) -> bool:
    """Return whether Arrow says that data are damaged; it has no exception of its own for that."""
    return type(error) is OSError and error.errno is None


def _columns(schema: pa.Schema, location: str) -> _Columns:
    photo = next((name for name in PHOTO_COLUMNS if name in schema.names), "")
    if not photo or not _holds_bytes(schema.field(photo).type):
        got = ", ".join(f"{field.name} ({field.type})" for field in list(schema)[:8])
        message = (
            f"Expected a column bytes or image with bytes in {location!r}, got {got or 'none'}."
        )
        hint = "edgecls data shards PHOTOS --out DIR --format parquet   (makes such files)"
        raise DataError(message, hint=hint)
    return _Columns(
        photo=photo,
        key=next((name for name in KEY_COLUMNS if name in schema.names), ""),
        label=LABEL_COLUMN if LABEL_COLUMN in schema.names else "",
        names=_class_names(schema),
    )


def _holds_bytes(type_: pa.DataType) -> bool:
    if pa.types.is_struct(type_):
        index = type_.get_field_index("bytes")
        return index >= 0 and _holds_bytes(type_.field(index).type)
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))


def _class_names(schema: pa.Schema) -> tuple[str, ...]:
    """Return the names that Hugging Face's ``ClassLabel`` gives the numbers of the label column."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = told["info"]["features"][LABEL_COLUMN]["names"]
    except (ValueError, KeyError, TypeError):
        return ()
    are_texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if are_texts else ()


def _stem(location: str) -> str:
    return PurePosixPath(location).stem


def _photo(batch: pa.RecordBatch, i: int, columns: _Columns, default_key: str) -> ShardPhoto:
    value = _cell(batch, columns.photo, i)
    data = value.get("bytes") if isinstance(value, dict) else value
    key = _cell(batch, columns.key, i)
    key = str(key) if key not in {None, ""} else default_key
    try:
        if not data:
            return _failed(key, "no picture in this row")
        if len(data) > MAX_IMAGE_BYTES:
            return _failed(key, f"larger than {MAX_IMAGE_BYTES / 1e6:.0f} MB")
        return ShardPhoto(
            key=key, label=_label(_cell(batch, columns.label, i), columns.names), data=data
        )
    except DataError as error:
        return _failed(key, error.message)


def _cell(batch: pa.RecordBatch, name: str, i: int) -> Any:
    return batch.column(name)[i].as_py() if name else None


def _label(value: object, names: tuple[str, ...]) -> str | int | None:
    label = to_label(value)
    if not names or not isinstance(label, int):
        return label
    if label >= len(names):
        message = f"Expected a label below {len(names)}, got {label}."
        raise DataError(message, hint="correct the labels of the shard")
    return to_label(names[label])


def _failed(key: str, error: str) -> ShardPhoto:
    return ShardPhoto(key=key, label=None, data=b"", error=error)
