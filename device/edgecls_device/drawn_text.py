"""Text on pictures: any script with OpenCV 5, Latin letters with OpenCV 4.

OpenCV 5 has a Unicode font inside. The older one draws ASCII only: accents are taken off (``Köter`` becomes
``Koter``), and any other character is drawn as ``?``, as a sign that something stands there.
"""

import unicodedata
from functools import cache
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.opencv import cv2

__all__ = ["draw_text", "fit_text", "plain_letters", "text_width"]

REGULAR, BOLD = 450, 650
_HERSHEY_PX = 29.0  # about the height of a line at scale 1


def draw_text(
    image: Frame,
    text: str,
    origin: tuple[int, int],
    size_px: int,
    color: tuple[int, int, int],
    *,
    bold: bool = False,
) -> None:
    """Draw one line of text in place.

    Args:
        image: BGR uint8.
        text: What to draw.
        origin: ``(x, y)`` of the left end of the baseline.
        size_px: Height of a line in pixels.
        color: BGR.
        bold: Whether to draw it heavier.
    """
    if _has_unicode():
        cv2.putText(image, text, origin, color, _face(), size_px, BOLD if bold else REGULAR)
        return
    scale, thickness = _hershey(size_px, bold=bold)
    cv2.putText(
        image,
        plain_letters(text),
        origin,
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        color,
        thickness,
        cv2.LINE_AA,
    )


def text_width(text: str, size_px: int, *, bold: bool = False) -> int:
    """Return the width of a line of text in pixels."""
    if _has_unicode():
        box: Any = cv2.getTextSize(
            (0, 0), text, (0, 0), _face(), size_px, BOLD if bold else REGULAR
        )
        return int(box[0] + box[2])
    scale, thickness = _hershey(size_px, bold=bold)
    size, _ = cv2.getTextSize(plain_letters(text), cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    return int(size[0])


def fit_text(text: str, size_px: int, room_px: int, *, bold: bool = False) -> str:
    """Return ``text``, cut with three dots if it is wider than ``room_px``."""
    if text_width(text, size_px, bold=bold) <= room_px:
        return text
    short, long = 0, len(text)  # the longest prefix that fits, by halving
    while short < long:
        middle = (short + long + 1) // 2
        fits = text_width(text[:middle].rstrip() + "...", size_px, bold=bold) <= room_px
        short, long = (middle, long) if fits else (short, middle - 1)
    return text[:short].rstrip() + "..."


def plain_letters(text: str) -> str:
    """Return ``text`` in ASCII: accents off, anything else as ``?``."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    bare = (c for c in decomposed if not unicodedata.combining(c) and c not in "\u200c\u200d")
    return "".join(c if " " <= c <= "~" else "?" for c in bare)


def _has_unicode() -> bool:
    return hasattr(cv2, "FontFace")


@cache
def _face() -> Any:
    """Load the font once; it takes milliseconds."""
    return cv2.FontFace("sans")


def _hershey(size_px: int, *, bold: bool) -> tuple[float, int]:
    return size_px / _HERSHEY_PX, max(round(size_px / (11 if bold else 20)), 1)
