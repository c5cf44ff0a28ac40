"""Photos as rows of a Parquet file; the same rows give the same bytes."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["write_rows"]

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("bytes", pa.binary(), nullable=False),
    ]
)
GROUP_ROWS = 256
GROUP_BYTES = 64 << 20  # of photos; what is held in memory


def write_rows(path: Path, rows: Iterable[tuple[str, str, bytes]]) -> None:
    """Write (key, label, bytes) of photos, in row groups of at most 256 photos or about 64 MB.

    Raises:
        OSError: If it cannot be written.
    """
    with pq.ParquetWriter(
        path,
        SCHEMA,
        compression="none",
        use_dictionary=["label"],
        write_statistics=False,
        write_page_checksum=True,
    ) as writer:
        group, size = list[tuple[str, str, bytes]](), 0
        for row in rows:
            group.append(row)
            size += len(row[2])
            if len(group) >= GROUP_ROWS or size >= GROUP_BYTES:
                writer.write_table(_table(group))
                group, size = [], 0
        if group:
            writer.write_table(_table(group))


def _table(rows: list[tuple[str, str, bytes]]) -> pa.Table:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(columns, schema=SCHEMA)
