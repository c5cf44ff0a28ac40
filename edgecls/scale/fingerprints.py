"""A hash over all that results depend on."""

import hashlib
import json
from typing import Any

from edgecls_device.records import encode

__all__ = ["fingerprint_of"]


def fingerprint_of(*parts: Any) -> str:
    """Return a hash of plain values and records, as hex.

    Args:
        parts: What JSON can hold, dataclasses of it, and bytes.
    """
    plain = [
        hashlib.sha256(part).hexdigest() if isinstance(part, bytes) else encode(part)
        for part in parts
    ]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
