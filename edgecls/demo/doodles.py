"""What else is on the sheet: letters, ticks, arrows, stray lines, smudges, a small drawing in a corner."""

import numpy as np
from edgecls_device.opencv import cv2

from edgecls.demo.layers import Layer, enlarged
from edgecls.demo.pens import choose_pen, ink
from edgecls.demo.shapes import Points, sketch, turned

__all__ = ["add_doodles"]

# Rough letters and signs, each a few strokes in a box of about -1..1.
_SIGNS: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    (((-0.6, 1), (0, -1), (0.6, 1)), ((-0.35, 0.3), (0.35, 0.3))),  # A
    (((-0.5, -1), (-0.5, 1), (0.5, 1)),),  # L
    (((-0.6, -1), (0.6, -1)), ((0, -1), (0, 1))),  # T
    (((-0.5, 1), (-0.5, -1), (0.5, 1), (0.5, -1)),),  # N
    (((-0.5, -1), (-0.5, 1)), ((0.5, -1), (0.5, 1)), ((-0.5, 0), (0.5, 0))),  # H
    (((-0.6, -1), (0.6, 1)), ((0.6, -1), (-0.6, 1))),  # X
    (((-0.6, -1), (0.6, -1), (-0.6, 1), (0.6, 1)),),  # Z
    (((-0.4, -0.6), (0, -1), (0, 1)),),  # 1
    (((-0.5, -0.7), (0.1, -1), (0.5, -0.5), (-0.5, 1), (0.6, 1)),),  # 2
    (((-0.6, -1), (0.6, -1), (0, 1)),),  # 7
    (((-0.7, 0.1), (-0.2, 0.8), (0.8, -0.9)),),  # tick
    (((-1, 0.2), (1, -0.2)), ((0.5, -0.6), (1, -0.2), (0.6, 0.4))),  # arrow
    (((-0.8, 0), (0.8, 0)), ((0, -0.8), (0, 0.8))),  # plus
    (((-1, 0), (-0.6, -0.5), (-0.2, 0.4), (0.2, -0.5), (0.6, 0.4), (1, -0.1)),),  # wave
)


def add_doodles(
    sheet: Layer,
    center: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
    *,
    is_dark: bool,
    is_empty: bool,
) -> None:
    """Leave other marks on a sheet, in place, around a drawing at ``center`` with ``radius`` (pixels)."""
    if rng.random() < (0.5 if is_empty else 0.3):
        _smudge(sheet, rng)
    if rng.random() < 0.2:
        _stray_line(sheet, center, radius, rng, is_dark=is_dark)
    if rng.random() < 0.45:
        _word(sheet, center, radius, rng, is_dark=is_dark)
    if rng.random() < (0.3 if is_empty else 0.25):
        _sign(sheet, center, radius, rng, is_dark=is_dark)


def _spot(
    sheet: Layer, center: tuple[float, float], radius: float, reach: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return a place that is ``reach`` away from the drawing's edge, as far as the sheet allows."""
    height, width = sheet.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    away = radius * rng.uniform(1.15, 1.5) + reach
    x = float(np.clip(center[0] + away * np.cos(angle), reach, width - reach))
    y = float(np.clip(center[1] + away * np.sin(angle), reach, height - reach))
    return x, y


def _word(
    sheet: Layer,
    center: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
    *,
    is_dark: bool,
) -> None:
    """Write up to five letters, or a line of handwriting."""
    size, pen = rng.uniform(9, 20), choose_pen(rng, on_dark=is_dark)
    letters = int(rng.integers(1, 6))
    x, y = _spot(sheet, center, radius, size * (1 + letters / 2), rng)
    tilt, strokes = rng.normal(0, 0.15), []
    for place in range(letters):
        strokes += _sign_strokes(rng, size, (x + (place - letters / 2) * size * 1.7, y), tilt)
    ink(sheet, strokes, pen, rng)


def _sign(
    sheet: Layer,
    center: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
    *,
    is_dark: bool,
) -> None:
    """Draw one larger sign: an arrow, a tick, a cross."""
    size = rng.uniform(18, 42)
    place = _spot(sheet, center, radius, size, rng)
    strokes = _sign_strokes(rng, size, place, rng.uniform(-0.6, 0.6))
    ink(sheet, strokes, choose_pen(rng, on_dark=is_dark), rng)


def _sign_strokes(
    rng: np.random.Generator, size: float, place: tuple[float, float], tilt: float
) -> list[Points]:
    sign = _SIGNS[int(rng.integers(len(_SIGNS)))]
    strokes = [sketch(np.asarray(stroke), rng, wobble=0.05) for stroke in sign]
    return [turned(stroke, tilt) * size + place for stroke in strokes]


def _stray_line(
    sheet: Layer,
    center: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
    *,
    is_dark: bool,
) -> None:
    """Draw a line that leads nowhere, beside the drawing or over its edge."""
    length, angle = rng.uniform(50, 170), rng.uniform(0, 2 * np.pi)
    half = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    middle = np.asarray(_spot(sheet, center, radius, 20.0, rng))
    line = sketch(np.stack([middle - half, middle + half]) / 100, rng, wobble=0.03) * 100
    ink(sheet, [line], choose_pen(rng, on_dark=is_dark), rng)


def _smudge(sheet: Layer, rng: np.random.Generator) -> None:
    """Smear graphite with a finger."""
    height, width = sheet.shape[:2]
    smear = np.zeros((height // 4, width // 4), np.uint8)
    x, y = int(rng.integers(width // 4)), int(rng.integers(height // 4))
    axes = (int(rng.integers(8, 26)), int(rng.integers(3, 8)))
    cv2.ellipse(smear, (x, y), axes, int(rng.integers(180)), 0, 360, 255, -1)
    soft = cv2.GaussianBlur(smear, (0, 0), 3).astype(np.float32) * np.float32(
        rng.uniform(0.08, 0.3) / 255
    )
    sheet *= 1 - enlarged(soft, (height, width))[:, :, np.newaxis]
