"""What it is drawn with: ballpoint, felt pen, pencil, crayon and chalk, and how they mark paper."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

from edgecls.demo.layers import Layer, enlarged
from edgecls.demo.shapes import Points

__all__ = ["Pen", "choose_pen", "ink"]

_OVERSAMPLING = 2
_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws with


@dataclass(frozen=True, kw_only=True, slots=True)
class Pen:
    """A pen.

    Attributes:
        kind: Its name.
        color: BGR, 0..255.
        width_px: Width of its line on a sheet.
        density: How much of the paper it hides, 0..1.
        grain: How much the paper's grain breaks the line, 0..1.
        covers: Whether it lies on the paper as chalk does; ink lets the paper shine through.
    """

    kind: str
    color: tuple[float, float, float]
    width_px: float
    density: float
    grain: float = 0.0
    covers: bool = False


# kind: share, line widths, densities, grains, colours (BGR)
_INKS = ((30, 30, 30), (120, 50, 25), (150, 40, 30), (40, 35, 160), (60, 110, 30))
_FELTS = ((25, 25, 25), (170, 60, 20), (45, 35, 200), (60, 130, 25), (150, 40, 120), (30, 120, 235))
_PENCILS = ((70, 70, 72), (95, 93, 92), (55, 52, 50))
_CRAYONS = (
    (50, 50, 205),
    (190, 90, 40),
    (70, 150, 60),
    (40, 140, 235),
    (140, 60, 150),
    (60, 70, 110),
)
_CHALKS = ((235, 240, 240), (150, 225, 245), (225, 205, 170), (190, 180, 250))


def choose_pen(rng: np.random.Generator, *, on_dark: bool = False) -> Pen:
    """Choose a pen; on dark paper it is chalk."""
    if on_dark:
        return _pen(rng, "chalk", (4.0, 10.0), (0.7, 0.95), (0.35, 0.7), _CHALKS, covers=True)
    draw = rng.random()
    if draw < 0.3:
        return _pen(rng, "ballpoint", (2.2, 4.0), (0.7, 0.95), (0.05, 0.25), _INKS)
    if draw < 0.6:
        return _pen(rng, "felt", (5.0, 12.0), (0.8, 0.97), (0.0, 0.06), _FELTS)
    if draw < 0.8:
        return _pen(rng, "pencil", (2.6, 5.0), (0.5, 0.85), (0.35, 0.6), _PENCILS)
    return _pen(rng, "crayon", (8.0, 15.0), (0.7, 0.95), (0.45, 0.8), _CRAYONS)


def ink(sheet: Layer, strokes: Sequence[Points], pen: Pen, rng: np.random.Generator) -> None:
    """Draw strokes on a sheet, in place.

    Args:
        sheet: Shape ``(height, width, 3)``, float32, BGR, 0..255.
        strokes: Lines in pixels of the sheet.
        pen: What they are drawn with.
        rng: Decides pressure and grain.
    """
    strokes = [stroke for stroke in strokes if len(stroke) >= 2]
    if not strokes:
        return
    margin = pen.width_px + 3
    limit = np.array([sheet.shape[1], sheet.shape[0]])
    low = np.clip(np.min([s.min(axis=0) for s in strokes], axis=0) - margin, 0, limit).astype(int)
    high = np.clip(np.max([s.max(axis=0) for s in strokes], axis=0) + margin, 0, limit).astype(int)
    if (high <= low).any():
        return
    part = sheet[low[1] : high[1], low[0] : high[0]]
    cover = _cover([stroke - low for stroke in strokes], pen, part.shape[:2], rng)[:, :, np.newaxis]
    color = np.asarray(pen.color, np.float32)
    if pen.covers:
        part += (color - part) * cover
    else:
        part *= 1 - cover * (1 - color / 255)


def _cover(
    strokes: Sequence[Points], pen: Pen, size: tuple[int, int], rng: np.random.Generator
) -> Layer:
    """Return how much ink lies on each pixel, 0..1."""
    scale = _OVERSAMPLING
    canvas = np.zeros((size[0] * scale, size[1] * scale), np.uint8)
    for stroke in strokes:
        _draw_stroke(canvas, stroke, pen, rng)
    small = cv2.resize(canvas, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    layer: Layer = small.astype(np.float32) * np.float32(pen.density / 255)
    if pen.grain:
        layer *= _grain(pen.grain, size, rng)
    return layer


def _pen(
    rng: np.random.Generator,
    kind: str,
    widths: tuple[float, float],
    densities: tuple[float, float],
    grains: tuple[float, float],
    colors: Sequence[tuple[float, float, float]],
    *,
    covers: bool = False,
) -> Pen:
    color = np.asarray(colors[int(rng.integers(len(colors)))]) + rng.normal(0, 10, 3)
    blue, green, red = np.clip(color, 5, 250)
    return Pen(
        kind=kind,
        color=(float(blue), float(green), float(red)),
        width_px=float(rng.uniform(*widths)),
        density=float(rng.uniform(*densities)),
        grain=float(rng.uniform(*grains)),
        covers=covers,
    )


def _draw_stroke(
    canvas: NDArray[np.uint8], stroke: Points, pen: Pen, rng: np.random.Generator
) -> None:
    """Draw in pieces of a few points, each with its own pressure: width and darkness vary."""
    points = np.rint(stroke * _OVERSAMPLING * (1 << _SHIFT)).astype(np.int32)
    pieces = max(len(points) // 6, 1)
    knots = rng.normal(1.0, 0.13, pieces // 4 + 3)
    pressure = np.interp(np.linspace(0, len(knots) - 1, pieces), np.arange(len(knots)), knots)
    pressure[0] *= rng.uniform(0.7, 1.15)
    pressure[-1] *= rng.uniform(0.5, 1.0)
    cuts = np.linspace(0, len(points) - 1, pieces + 1).astype(int)
    for begin, end, force in zip(cuts, cuts[1:], pressure, strict=False):
        thickness = max(round(pen.width_px * _OVERSAMPLING * (0.55 + 0.45 * force)), 1)
        value = round(float(np.clip(255 * (0.5 + 0.5 * force), 90, 255)))
        line = points[begin : end + 1].reshape(-1, 1, 2)
        cv2.polylines(canvas, [line], False, value, thickness, cv2.LINE_AA, _SHIFT)


def _grain(amount: float, size: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Return how much ink the tooth of the paper takes, about 0..1."""
    noise = rng.standard_normal((size[0] // 2 + 1, size[1] // 2 + 1), np.float32)
    patches = rng.standard_normal((size[0] // 24 + 2, size[1] // 24 + 2), np.float32)
    uneven = 0.35 + 0.75 * enlarged(noise, size) + 0.3 * enlarged(patches, size)
    result: Layer = np.clip(1 - amount * uneven, 0, 1)
    return result
