"""Sizes of files as people write them: ``10MB``."""

import re

from edgecls_device.errors import OptionError

__all__ = ["format_size", "parse_size"]

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-z]{0,3})", re.ASCII)


def parse_size(text: str, *, name: str = "a size") -> int:
    """Return the bytes that ``text`` says, such as ``10MB`` (10,000,000) or ``10MiB`` (10,485,760).

    Args:
        text: A number above 0 and a unit; without one they are bytes.
        name: What to call it in messages, such as ``--json-rotate``.

    Raises:
        OptionError: If it is no size, or below one byte.
    """
    match = _SIZE.fullmatch(text.strip().lower())
    size = int(float(match[1]) * _UNITS[match[2]]) if match and match[2] in _UNITS else 0
    if size < 1:
        message = f"Expected {name} such as 500kB, 10MB or 2GB, got {text!r}."
        raise OptionError(message, hint="write a number above 0 and its unit, such as 10MB")
    return size


def format_size(size_bytes: float) -> str:
    """Return a size for people, such as ``12.3 MB``; units are powers of ten."""
    for unit in ("bytes", "kB", "MB"):
        if abs(size_bytes) < 999.5:
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} GB"
