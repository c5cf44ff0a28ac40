"""What a shard says about the class of a photo: a number, a name, a text or a JSON record beside it."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from edgecls_device.errors import DataError
from edgecls_device.labels import check_label

__all__ = ["LABEL_SUFFIXES", "label_beside", "to_label"]

LABEL_SUFFIXES = ("json", "cls", "txt")
"""Extensions of what may stand beside a photo, the one that counts most first: names before numbers."""

_RECORD_KEYS = ("label", "cls")


def to_label(value: object) -> str | int | None:
    """Return the label that a value of a shard means.

    Args:
        value: A name; a number that counts the model's labels from 0; None or -1 where nobody knows.

    Raises:
        DataError: If it is neither, or a name that cannot be a label.
    """
    if value is None or (isinstance(value, int) and value == -1):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int) or value in {"", b""}:
        message = f"Expected a label that is a name or a number, got {_shown(value)}."
        raise DataError(message, hint="correct the labels of the shard")
    if isinstance(value, int):
        if value < 0:
            message = f"Expected a label of 0 or more, got {value}."
            raise DataError(message, hint="correct the labels of the shard")
        return value
    return check_label(unicodedata.normalize("NFC", value))


def label_beside(texts: Mapping[str, bytes], *, folder: str) -> str | int | None:
    """Return the label of a photo in a tar.

    Args:
        texts: What stands beside it: extension (of ``LABEL_SUFFIXES``) -> content.
        folder: Name of the folder it lies in, its label if nothing beside it says another; may be empty.

    Raises:
        DataError: If what stands beside it cannot be a label.
    """
    for suffix in LABEL_SUFFIXES:
        if suffix not in texts:
            continue
        value = _from_json(texts[suffix]) if suffix == "json" else _from_text(texts[suffix])
        if value is not None:
            return to_label(value)
    return to_label(folder or None)


def _from_text(data: bytes) -> str | int | None:
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        message = f"Expected a label in UTF-8, got {_shown(data)}."
        raise DataError(message, hint="correct the labels of the shard") from error
    if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 10:
        return int(text)
    return text or None


def _from_json(data: bytes) -> Any:
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        message = f"Expected JSON beside the photo, got {_shown(data)}."
        raise DataError(message, hint="correct the labels of the shard") from error
    if not isinstance(record, dict):
        return record if isinstance(record, str | int) else None
    return next((record[key] for key in _RECORD_KEYS if record.get(key) is not None), None)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
