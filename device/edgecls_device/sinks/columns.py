"""Text in the columns of a terminal: wide letters, and nothing that a terminal would obey."""

import unicodedata

__all__ = ["columns_of", "fit", "printable"]

_JOINERS = "\u200c\u200d"
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}  # escape sequences, half characters, other ends of a line
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Return ``text`` without what a terminal obeys: a label or a file name may hold anything."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\ufffd" if unicodedata.category(c) in _UNSAFE or c in _TURNS else c for c in text
    )


def columns_of(text: str) -> int:
    """Return how many columns a terminal needs for ``text``: East Asian characters and emoji take two."""
    if text.isascii():
        return len(text)
    return sum(_columns(c) for c in text)


def fit(text: str, columns: int) -> str:
    """Return ``text`` in exactly ``columns`` columns: padded, or cut with an ellipsis."""
    if columns_of(text) > columns:
        kept, room = 0, columns - 1
        for c in text:
            room -= _columns(c)
            if room < 0:
                break
            kept += 1
        text = text[:kept] + "…" if columns > 0 else ""
    return text + " " * (columns - columns_of(text))


def _columns(c: str) -> int:
    if c in _JOINERS or unicodedata.category(c) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1
