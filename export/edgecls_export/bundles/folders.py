"""Bundles that are a folder: written whole or not at all, and never over something else."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgecls_device.errors import SpecError, StorageError
from edgecls_device.files import make_directory, read_bytes, storage_errors
from edgecls_device.records import Record, from_json, to_json

__all__ = ["FolderBundle", "write_folder"]

RECORD = "edgecls.json"
_MAX_RECORD_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderBundle:
    """What was written.

    Attributes:
        target: What it is for.
        folder: The folder, absolute.
        model: Name of the model file in it.
        runtime: Name of the runtime in it; empty if there is none.
        files: Name of each file in it -> its size in bytes.
    """

    kind: ClassVar[str] = "edgecls.folder_bundle"
    version: ClassVar[int] = 1

    target: str
    folder: str
    model: str
    runtime: str
    files: dict[str, int]


def write_folder(
    out: Path, record: Record, files: Mapping[str, bytes]
) -> tuple[Path, dict[str, int]]:
    """Write a folder; one that was written before, which has a record of the same kind, is replaced.

    Args:
        out: The folder.
        record: What is in it; it is written as ``edgecls.json``.
        files: Content of every other file by its path in the folder.

    Returns:
        The folder, absolute, and the size of each file.

    Raises:
        StorageError: If it cannot be written, or ``out`` holds something else.
    """
    out = Path(os.path.abspath(out.expanduser()))  # noqa: PTH100 - keeps links, takes a missing path
    _check_destination(out, type(record))
    files = {RECORD: to_json(record).encode(), **files}
    with storage_errors("write", out):
        make_directory(out.parent)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            fresh = temporary / "new"
            for name, content in files.items():
                make_directory((fresh / name).parent)
                (fresh / name).write_bytes(content)
            if out.exists():
                out.replace(temporary / "old")
            fresh.replace(out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return out, {name: len(content) for name, content in files.items()}


def _check_destination(out: Path, kind: type[Record]) -> None:
    """Refuse to replace anything but a folder of the same kind."""
    with storage_errors("read", out):
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
        is_ours = (out / RECORD).is_file()
    if is_ours:
        try:
            data = read_bytes(out / RECORD, max_bytes=_MAX_RECORD_BYTES)
            from_json(kind, data, name=RECORD)
        except SpecError:
            is_ours = False
    if not is_ours:
        message = (
            f"Expected no folder yet at {str(out)!r}, or one of this command, got something else."
        )
        raise StorageError(message, hint="name another folder with --out")
