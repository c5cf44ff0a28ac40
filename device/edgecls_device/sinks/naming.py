"""Names of pictures that are saved by themselves: they sort by time and are safe whatever a label holds."""

import re
import unicodedata
from datetime import datetime, timezone

__all__ = ["STAMPED", "safe_label", "stamped_name"]

STAMPED = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[^/]+")
"""What ``stamped_name`` gives, so that nothing else is ever taken for ours and removed."""

_LONGEST = 40  # characters; four bytes each at most, of the 255 that a file name may have


def stamped_name(captured_at: float, *parts: str, suffix: str) -> str:
    """Return a file name such as ``20231114T221320.500Z-cat-3f2a.jpg``.

    Args:
        captured_at: Seconds since 1970; the name has them in UTC, so that names sort by time at any season.
        parts: Labels and ids.
        suffix: With its dot.
    """
    when = datetime.fromtimestamp(captured_at, timezone.utc)
    stamp = f"{when:%Y%m%dT%H%M%S}.{when.microsecond // 1000:03d}Z"
    return "-".join([stamp, *(safe_label(part) for part in parts)]) + suffix


def safe_label(text: str) -> str:
    """Return ``text`` as part of a file name: letters and digits of any script, ``_``, and ``-`` for the rest.

    At most 40 characters; ``label`` if nothing is left, as of an emoji.
    """
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(c if c.isalnum() or c == "_" else "-" for c in composed)
    return re.sub("-+", "-", kept)[:_LONGEST].strip("-") or "label"
