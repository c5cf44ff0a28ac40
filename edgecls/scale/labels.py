"""The label of a photo in a shard, as text."""

import unicodedata

__all__ = ["label_text"]


def label_text(label: str | int | None) -> str | None:
    """Return a label in Unicode form NFC, as the names of class folders are read; a number as its digits."""
    if label is None or label == "":
        return None
    return unicodedata.normalize("NFC", str(label))
