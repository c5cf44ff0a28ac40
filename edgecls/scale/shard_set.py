"""A folder of shards that one command writes: begun, gone on with, and never mixed with something else.

Its ``shards.json`` says before the first shard what will be in it. A shard appears whole, so one that is there
need not be made again.
"""

from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from edgecls_device.errors import EdgeclsError, OptionError
from edgecls_device.files import make_directory, read_bytes, storage_errors, write_atomically
from edgecls_device.records import Record, from_json, to_json

__all__ = ["RECORD_NAME", "begin_shards", "shard_name"]

RECORD_NAME = "shards.json"
MAX_RECORD_BYTES = 1 << 20

_PREFIX = "shard-"

RecordT = TypeVar("RecordT", bound=Record)


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
    path = directory / RECORD_NAME
    with storage_errors("read", directory):
        is_begun = path.is_file()
        is_empty = all(entry.name.startswith(".") for entry in directory.iterdir())
    if is_begun:
        _require_same(path, record)
    elif not is_empty:
        message = f"Expected an empty folder for shards, got something in {str(directory)!r}."
        raise OptionError(message, hint="name another folder")
    else:
        write_atomically(path, to_json(record))
    with storage_errors("write", directory):
        for left_over in directory.glob(f".{_PREFIX}*"):  # of a command that was killed
            left_over.unlink(missing_ok=True)


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
