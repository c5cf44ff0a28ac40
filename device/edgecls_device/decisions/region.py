"""A region of interest: the part of each frame that the model looks at."""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgecls_device.errors import FrameError, OptionError

if TYPE_CHECKING:
    from edgecls_device.arrays import Frame

__all__ = ["MIN_SIDE_PX", "Region", "parse_region"]

MIN_SIDE_PX = 8
"""A region with a shorter side holds nothing to recognize; it is more likely a slip of the pen."""

_EXAMPLE = (
    "for example: --roi 160,0,320,480 (pixels) or --roi 0.25,0.0,0.5,1.0 (shares of the frame)"
)
_ROUNDING = 1e-9
_NUMBER = re.compile(r"-?[0-9]{1,6}|-?[0-9]{0,6}\.[0-9]{0,9}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A rectangle, in pixels or in shares of the frame.

    Attributes:
        x: Left edge.
        y: Upper edge.
        width: Width.
        height: Height.
        is_share: Whether all four are shares of the frame, 0..1, and not pixels.
    """

    x: float
    y: float
    width: float
    height: float
    is_share: bool = False

    def __post_init__(self) -> None:
        numbers = (self.x, self.y, self.width, self.height)
        is_valid = all(math.isfinite(number) and number >= 0 for number in numbers)
        _expect(is_valid, "numbers that are 0 or more", numbers)
        if self.is_share:
            _expect(self.width > 0 < self.height, "a width and a height above 0", numbers)
            is_inside = max(self.x + self.width, self.y + self.height) <= 1 + _ROUNDING
            _expect(is_inside, "shares inside the frame, x+w and y+h at most 1", numbers)
        else:
            is_large = min(self.width, self.height) >= MIN_SIDE_PX
            _expect(is_large, f"at least {MIN_SIDE_PX} pixels wide and high", numbers)

    def cut(self, image: "Frame") -> "Frame":
        """Return the region of a picture: a view, no copy.

        Args:
            image: Shape ``(height, width)`` or ``(height, width, channels)``.

        Raises:
            FrameError: If the region does not lie inside, or is less than 8 pixels high or wide there.
        """
        frame_height, frame_width = image.shape[:2]
        left, right = self._edges(self.x, self.width, frame_width)
        top, bottom = self._edges(self.y, self.height, frame_height)
        if right > frame_width or bottom > frame_height:
            message = (
                f"Expected the region of interest inside the frame of {frame_width}x{frame_height} pixels "
                f"(width x height), got one that ends at {right},{bottom}."
            )
            raise FrameError(message, hint=_EXAMPLE)
        if min(right - left, bottom - top) < MIN_SIDE_PX:
            message = (
                f"Expected a region of interest of at least {MIN_SIDE_PX} pixels a side, got "
                f"{right - left}x{bottom - top} in a frame of {frame_width}x{frame_height} (width x height)."
            )
            raise FrameError(message, hint=_EXAMPLE)
        return image[top:bottom, left:right]

    def _edges(self, start: float, length: float, side: int) -> tuple[int, int]:
        """Return the first pixel of a side and the one after the last."""
        scale = side if self.is_share else 1
        return round(start * scale), round((start + length) * scale)


def parse_region(text: str) -> Region:
    """Return the region that ``x,y,w,h`` means: whole numbers are pixels, numbers with a point are shares.

    Raises:
        OptionError: If it is no such text, or the region cannot lie inside a frame.
    """
    parts = [part.strip() for part in text.split(",")]
    is_numbers = all(_NUMBER.fullmatch(part) and part.strip("-.") for part in parts)
    _expect(len(parts) == 4 and is_numbers, "four numbers x,y,w,h", text)
    points = {"." in part for part in parts}
    _expect(len(points) == 1, "either four whole numbers or four with a point", text)
    x, y, width, height = map(float, parts)
    return Region(x=x, y=y, width=width, height=height, is_share=points == {True})


def _expect(condition: bool, wanted: str, got: object) -> None:
    if not condition:
        message = f"Expected --roi to be {wanted}, got {got!r}."
        raise OptionError(message, hint=_EXAMPLE)
