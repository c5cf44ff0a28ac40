"""Which labels can be the name of a class folder, and what lies in one."""

import os
from pathlib import Path

from edgecls_device.errors import DataError
from edgecls_device.files import storage_errors
from edgecls_device.images import IMAGE_SUFFIXES
from edgecls_device.labels import check_label

__all__ = ["IGNORED_FOLDERS", "check_class_name", "class_folder_name", "count_photos"]

IGNORED_FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin", "lost+found"})
"""Folders that systems make, in lower case. Training passes over them."""

MAX_NAME_BYTES = 255  # what file systems take


def check_class_name(label: str) -> str:
    """Return ``label`` if a folder of photos can be called so and training would find it.

    Raises:
        DataError: If it cannot be a label, or would lead to another folder, be hidden or be passed over.
    """
    reason = _reason_to_refuse(check_label(label))
    if reason:
        message = f"Expected a label that can be the name of a folder, got {label!a}: it {reason}."
        raise DataError(message, hint="name the class with a plain word, such as: star")
    return label


def class_folder_name(label: str) -> str:
    """Return the name of a folder for any label that :func:`check_label` takes.

    Models from elsewhere have labels such as ``tub, vat`` or ``AC/DC``; what cannot stand in a name becomes
    ``_``.
    """
    name = label.replace("/", "_").replace("\\", "_")
    name = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return f"_{name[1:]}" if _reason_to_refuse(name) else name


def count_photos(folder: Path) -> int:
    """Return how many photos lie directly in a folder; 0 if there is no such folder.

    Raises:
        StorageError: If it may not be read.
    """
    if not folder.is_dir():
        return 0
    with storage_errors("read", folder):
        return sum(
            not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122
            for name in os.listdir(folder)  # noqa: PTH208 - a Path for each of 100,000 names takes seconds
        )


def _reason_to_refuse(label: str) -> str:
    if "/" in label or "\\" in label:
        return "has a slash in it"
    if label.startswith("."):
        return "begins with a point, which hides a folder"
    if label.lower() in IGNORED_FOLDERS:
        return "is the name of a folder that training passes over"
    if len(label.encode()) > MAX_NAME_BYTES:
        return f"is longer than a name can be ({MAX_NAME_BYTES} bytes)"
    return ""
