"""Textures of bars as paths: fills that differ on paper and for every eye.

SVG has patterns for this; but browsers print each as a picture, which makes a page of bars 13 MB of PDF.
"""

__all__ = ["texture"]

STEP_PX = 5.0  # between lines
DOT_PX = 4.0  # between dots


def texture(style: str, x: float, y: float, width: float, height: float) -> str:
    """Return what is drawn over a rectangle as a path for SVG; empty for styles that are plain.

    Args:
        style: ``hatched`` for slanted lines, ``dotted`` for dots, or any other.
        x: Left end, pixels.
        y: Upper end, pixels.
        width: Of the rectangle, pixels.
        height: Of the rectangle, pixels.
    """
    if style == "hatched":
        return _lines(x, y, width, height)
    return _dots(x, y, width, height) if style == "dotted" else ""


def _lines(x: float, y: float, width: float, height: float) -> str:
    lines = []
    for i in range(int((width + height) / STEP_PX) + 1):
        foot = x - height + STEP_PX * i  # where the line would meet the lower edge
        left, right = max(foot, x), min(foot + height, x + width)
        if right > left:
            low, high = y + height - (left - foot), y + height - (right - foot)
            lines.append(f"M{left:.1f} {low:.1f}L{right:.1f} {high:.1f}")
    return "".join(lines)


def _dots(x: float, y: float, width: float, height: float) -> str:
    dots = []
    for row in range(int(height / DOT_PX)):
        top = y + DOT_PX * (row + 0.5)
        start = x + DOT_PX * (0.5 if row % 2 else 1.0)
        count = int((x + width - start) / DOT_PX + 0.75)
        dots += [f"M{start + DOT_PX * i:.1f} {top:.1f}h0" for i in range(count)]
    return "".join(dots)
