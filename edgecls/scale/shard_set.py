"""A folder of shards that one command writes: begun, gone on with, and never mixed with something else.

Its ``shards.json`` says before the first shard what will be in it. A shard appears whole, so one that is there
need not be made again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, TypeVar

from edgecls_device.errors import EdgeclsError, OptionError
from edgecls_device.files import make_directory, read_bytes, storage_errors
from edgecls_device.records import Record, from_json

from edgecls.scale.begun_folder import begin_folder

__all__ = ["RECORD_NAME", "WrittenShards", "begin_shards", "shard_name", "written_shards"]

RECORD_NAME = "shards.json"
MAX_RECORD_BYTES = 1 << 20

_PREFIX = "shard-"

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenShards:
    """A folder of shards, and what the command that finished it had to do.

    Attributes:
        folder: Absolute.
        photos: How many are in it.
        labels: Their classes.
        shards: How many files there are.
        written: How many of these were written now; the others were there.
        size_bytes: Of all shards.
        left_out: Path of a photo below its source -> why it could not be packed.
    """

    kind: ClassVar[str] = "edgecls.shards"
    version: ClassVar[int] = 1

    folder: str
    photos: int
    labels: tuple[str, ...]
    shards: int
    written: int
    size_bytes: int
    left_out: dict[str, str]


def shard_name(number: int, suffix: str) -> str:
    """Return the name of a shard, such as ``shard-000012.tar``."""
    return f"{_PREFIX}{number:06}.{suffix}"


def begin_shards(directory: Path, record: RecordT) -> None:
    """Write down what a folder will hold, or see that an earlier start of the same command did.

    Args:
        directory: The folder; made if there is none.
        record: All that decides the shards' content.

    Raises:
        OptionError: If it holds something else; the message says the difference.
        StorageError: If it cannot be written.
    """
    make_directory(directory)
    begin_folder(
        directory / RECORD_NAME,
        record,
        go_on=lambda path: _require_same(path, record),
        left_over=f".{_PREFIX}*",
        hint="name another folder",
    )


def written_shards(
    paths: Sequence[Path],
    *,
    photos: int,
    labels: tuple[str, ...],
    written: int,
    left_out: dict[str, str] | None = None,
) -> WrittenShards:
    """Return what there is to say of shards that are all there.

    Args:
        paths: All of them, in one folder; at least one.
        photos: See :class:`WrittenShards`, as for those that follow.
        labels: In order.
        written: Files.
        left_out: None for nothing.

    Raises:
        StorageError: If one is gone.
    """
    folder = paths[0].parent
    with storage_errors("read", folder):
        size_bytes = sum(path.stat().st_size for path in paths)
    return WrittenShards(
        folder=str(folder),
        photos=photos,
        labels=labels,
        shards=len(paths),
        written=written,
        size_bytes=size_bytes,
        left_out=left_out or {},
    )


def _require_same(path: Path, record: RecordT) -> None:
    try:
        data = read_bytes(path, max_bytes=MAX_RECORD_BYTES)
        found = from_json(type(record), data, name=str(path))
    except EdgeclsError as error:
        message = f"Expected shards of the same command in {str(path.parent)!r}, got others: {error.message}"
        raise OptionError(message, hint="name another folder") from error
    differences = [
        f"{field.name} {getattr(found, field.name)!r} instead of {getattr(record, field.name)!r}"
        for field in fields(record)
        if getattr(found, field.name) != getattr(record, field.name)
    ]
    if differences:
        message = f"Expected the same shards in {str(path.parent)!r}, got others: {', '.join(differences)}."
        raise OptionError(message, hint="name another folder, or remove this one")
