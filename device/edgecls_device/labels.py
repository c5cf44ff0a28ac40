"""What a label may be, checked once where labels enter.

Labels travel into terminals, web pages, file names and message topics. They are refused, not escaped
or repaired: a label that changes on the way no longer names the class that was trained.
"""

import unicodedata
from collections.abc import Sequence

from edgecls_device.errors import DataError

__all__ = ["MAX_LABEL_LENGTH", "check_label", "check_labels"]

MAX_LABEL_LENGTH = 100

# Cc controls, Cf invisible and right-to-left marks, Cs half characters, Co/Cn unassigned, Zl/Zp line breaks
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Joiners are part of ordinary words in Persian and the Indic scripts, and of emoji.
_ALLOWED_FORMAT = {"\u200c", "\u200d"}


def check_label(label: str) -> str:
    """Return ``label`` if it can be shown anywhere as plain text.

    Raises:
        DataError: If it is empty, longer than 100 characters, has markup (``<`` or ``>``), invisible or
            control characters, spaces at its ends, or is not in Unicode form NFC.
    """
    reason = _reason_to_refuse(label)
    if reason:
        shown = ascii(label if len(label) <= 60 else label[:57] + "...")
        message = f"Expected a label that is plain text, got {shown}: it {reason}."
        raise DataError(message, hint="rename the class folder, or correct the labels")
    return label


def check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return ``labels`` as a tuple if each can be shown and none comes twice.

    Raises:
        DataError: If there is none, one is refused by :func:`check_label`, or two are equal.
    """
    if not labels:
        message = "Expected at least one label, got none."
        raise DataError(message, hint="give one label per class, in the order of the outputs")
    seen: set[str] = set()
    for label in labels:
        if check_label(label) in seen:
            message = f"Expected each label once, got {label!r} twice."
            raise DataError(message, hint="give every class a name of its own")
        seen.add(label)
    return tuple(labels)


def _reason_to_refuse(label: str) -> str:
    if not label or label != label.strip():
        return "is empty or has spaces at its ends"
    if len(label) > MAX_LABEL_LENGTH:
        return f"has {len(label)} characters (at most {MAX_LABEL_LENGTH})"
    if "<" in label or ">" in label:
        return "has markup in it ('<' or '>')"
    for character in label:
        if (
            character not in _ALLOWED_FORMAT
            and unicodedata.category(character) in _REFUSED_CATEGORIES
        ):
            return f"has the character U+{ord(character):04X} in it, which cannot be seen"
    if not unicodedata.is_normalized("NFC", label):
        return "is not in Unicode form NFC"
    return ""
