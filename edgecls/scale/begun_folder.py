"""A folder that one command fills, and that the same command goes on with: its record says whose it is."""

from collections.abc import Callable
from pathlib import Path

from edgecls_device.errors import OptionError
from edgecls_device.files import storage_errors, write_atomically
from edgecls_device.records import Record, to_json

__all__ = ["begin_folder"]


def begin_folder(
    path: Path,
    record: Record,
    *,
    go_on: Callable[[Path], None],
    left_over: str,
    hint: str,
) -> None:
    """Write down what a folder will hold before anything is in it; or go on with what was begun there.

    Args:
        path: Where the record is, in the folder.
        record: What the folder will hold.
        go_on: Called with ``path`` where there is a record already; refuses one of something else.
        left_over: Pattern of files that a killed command left half-written; they are removed.
        hint: What to do where the folder holds something else.

    Raises:
        OptionError: If it holds something else.
        StorageError: If it cannot be read or written.
    """
    folder = path.parent
    with storage_errors("read", folder):
        is_begun = path.exists()
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    if is_begun:
        go_on(path)
    elif any(not name.startswith(".") for name in names):
        message = (
            f"Expected an empty folder, or one with a {path.name}, got other files in {folder}."
        )
        raise OptionError(message, hint=hint)
    else:
        write_atomically(path, to_json(record))
    with storage_errors("write", folder):
        for file in folder.glob(left_over):
            file.unlink(missing_ok=True)
