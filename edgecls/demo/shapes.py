"""What is drawn: circles, squares, triangles and stars as a hand draws them, as strokes of a pen.

Everything here is in units of the shape: its centre is the origin, its radius about 1, y points down.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["LABELS", "Drawing", "Points", "draw", "part_of", "sketch", "turned"]

Points: TypeAlias = NDArray[np.float64]
"""A line through points, shape ``(num_points, 2)``, x before y."""

LABELS = ("circle", "empty", "square", "star", "triangle")
STEP = 0.025  # distance of the points along a stroke


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """A drawn shape.

    Attributes:
        label: What it is, one of ``LABELS``.
        strokes: What the pen does, in order.
        outline: The true outline without the hand's errors, closed; no points if it is empty paper.
    """

    label: str
    strokes: tuple[Points, ...]
    outline: Points

    def placed(self, center: tuple[float, float], radius: float) -> "Drawing":
        """Return it with ``center`` (x, y) and ``radius`` in pixels."""
        return Drawing(
            label=self.label,
            strokes=tuple(stroke * radius + center for stroke in self.strokes),
            outline=self.outline * radius + center if len(self.outline) else self.outline,
        )


def draw(label: str, rng: np.random.Generator) -> Drawing:
    """Draw a shape as a hand does: crooked, with corners that are left open or overrun.

    Args:
        label: One of ``LABELS``.
        rng: Decides everything about it.

    Raises:
        KeyError: If there is no such shape.
    """
    if label == "empty":
        return Drawing(label=label, strokes=(), outline=np.empty((0, 2)))
    outline, strokes = _SHAPES[label](rng)
    turn = rng.uniform(-0.2, 0.2)
    wobble = float(rng.choice([0.008, 0.016, 0.028]))
    strokes = [sketch(stroke, rng, wobble=wobble) for stroke in strokes]
    if rng.random() < 0.15:  # traced a second time
        strokes += [sketch(s * rng.uniform(0.95, 1.04), rng, wobble=wobble) for s in strokes]
    if rng.random() < 0.1:
        strokes += _hatching(outline, rng)
    return Drawing(
        label=label,
        strokes=tuple(turned(stroke, turn) for stroke in strokes),
        outline=turned(outline, turn),
    )


def sketch(line: Points, rng: np.random.Generator, *, wobble: float) -> Points:
    """Redraw a line with an unsteady hand; ``wobble`` is about its deviation."""
    points = _resampled(line)
    rounding = int(rng.integers(1, 6))
    points = _smoothed(points, rounding)
    noise = rng.standard_normal(points.shape)
    slow = _smoothed(noise, 41) * 6.4  # back to a deviation of about 1 after the mean of 41
    fast = _smoothed(noise, 7) * 2.6
    return points + wobble * (0.9 * slow + 0.25 * fast)


def turned(points: Points, angle: float) -> Points:
    """Return points turned about the origin by ``angle`` radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    rotated: Points = points @ np.array([[cosine, sine], [-sine, cosine]])
    return rotated


def part_of(strokes: Sequence[Points], share: float) -> tuple[Points, ...]:
    """Return what is drawn after ``share`` (0..1) of the way of the pen."""
    left = round(share * sum(len(stroke) for stroke in strokes))
    drawn = []
    for stroke in strokes:
        if left >= 2:
            drawn.append(stroke[:left])
        left -= len(stroke)
    return tuple(drawn)


def _circle(rng: np.random.Generator) -> tuple[Points, list[Points]]:
    aspect = rng.uniform(0.84, 1.16)
    start = rng.uniform(0, 2 * np.pi)
    overrun = rng.choice([-0.45, -0.1, 0.1, 0.5]) * rng.uniform(0.3, 1)
    angle = start + np.linspace(0, 2 * np.pi + overrun, 160) * rng.choice([-1, 1])
    radius = 1 + np.linspace(0, rng.uniform(-0.14, 0.14), len(angle))  # ends that do not meet
    radius += rng.uniform(0, 0.035) * np.cos(2 * angle + rng.uniform(0, 6))
    radius += rng.uniform(0, 0.03) * np.cos(3 * angle + rng.uniform(0, 6))
    stroke = np.stack([radius * np.cos(angle) * aspect, radius * np.sin(angle) / aspect], axis=1)
    around = np.linspace(0, 2 * np.pi, 81)
    return np.stack([np.cos(around) * aspect, np.sin(around) / aspect], axis=1), [stroke]


def _square(rng: np.random.Generator) -> tuple[Points, list[Points]]:
    half = 0.8
    corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
    corners = corners * (aspect := rng.uniform(0.9, 1.11), 1 / aspect)
    corners = corners + rng.normal(0, 0.045, corners.shape)
    corners[:, 0] += corners[:, 1] * rng.uniform(-0.07, 0.07)  # leaning
    return _polygon(corners, rng)


def _triangle(rng: np.random.Generator) -> tuple[Points, list[Points]]:
    angle = np.array([-0.5, 1 / 6, 5 / 6]) * np.pi + rng.normal(0, 0.08, 3)
    corners = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.92, 1.12, (3, 1))
    if rng.random() < 0.08:
        corners = corners * (1, -1)  # on its tip
    return _polygon(corners, rng)


def _star(rng: np.random.Generator) -> tuple[Points, list[Points]]:
    tips = int(rng.choice([5, 6], p=[0.87, 0.13]))
    depth = rng.uniform(0.36, 0.55)
    angle = -np.pi / 2 + np.arange(2 * tips) * np.pi / tips + rng.normal(0, 0.05, 2 * tips)
    radius = np.where(np.arange(2 * tips) % 2 == 0, 1.06, depth) * rng.uniform(0.92, 1.07, 2 * tips)
    corners = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, np.newaxis]
    outline, strokes = _polygon(corners, rng)
    if tips == 5 and rng.random() < 0.4:  # in one go, without lifting the pen
        order = corners[::2][[0, 2, 4, 1, 3, 0]]
        order[-1] += rng.normal(0, 0.08, 2)
        strokes = [order]
    return outline, strokes


def _polygon(corners: Points, rng: np.random.Generator) -> tuple[Points, list[Points]]:
    """Return the outline, and the strokes of one of two habits: side by side, or all in one go."""
    first = int(rng.integers(len(corners)))
    corners = np.roll(corners, first, axis=0)
    closed = np.concatenate([corners, corners[:1]])
    if rng.random() < 0.45:
        stroke = closed.copy()
        stroke[-1] += rng.normal(0, 0.09, 2)
        return closed, [stroke]
    sloppiness = rng.choice([0.02, 0.05, 0.09])
    sides = []
    for begin, end in pairwise(closed):
        along = (end - begin) / np.linalg.norm(end - begin)
        before, after = np.clip(
            rng.normal(0.02, sloppiness, 2), -0.13, 0.2
        )  # overrun, or a gap where negative
        sides.append(np.stack([begin - along * before, end + along * after]))
    return closed, sides


_SHAPES: Mapping[str, Callable[[np.random.Generator], tuple[Points, list[Points]]]] = (
    MappingProxyType({"circle": _circle, "square": _square, "triangle": _triangle, "star": _star})
)


def _hatching(outline: Points, rng: np.random.Generator) -> list[Points]:
    """Return parallel strokes that fill the outline, a little over its edge or short of it."""
    angle, gap = rng.uniform(0, np.pi), rng.choice([0.07, 0.13, 0.2])
    polygon = turned(outline, -angle)
    begins, ends = polygon[:-1], polygon[1:]
    strokes = []
    for y in np.arange(polygon[:, 1].min() + gap / 2, polygon[:, 1].max(), gap):
        crosses = (begins[:, 1] <= y) != (ends[:, 1] <= y)
        (x0, y0), (x1, y1) = begins[crosses].T, ends[crosses].T
        xs = np.sort(x0 + (y - y0) * (x1 - x0) / (y1 - y0))
        for left, right in zip(xs[::2], xs[1::2], strict=False):
            line = np.array([[left, y], [right, y]]) + rng.normal(0, 0.025, (2, 2))
            strokes.append(turned(sketch(line, rng, wobble=0.01), angle))
    return strokes


def _resampled(line: Points) -> Points:
    steps = np.hypot(*np.diff(line, axis=0).T)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, way[-1], max(int(way[-1] / STEP), 3))
    return np.stack([np.interp(at, way, line[:, 0]), np.interp(at, way, line[:, 1])], axis=1)


def _smoothed(values: Points, width: int) -> Points:
    """Return the running mean over ``width`` points; the ends are held."""
    if width < 2:
        return values
    padded = np.pad(values, ((width // 2, width - 1 - width // 2), (0, 0)), mode="edge")
    total = np.cumsum(np.concatenate([np.zeros((1, 2)), padded]), axis=0)
    result: Points = (total[width:] - total[:-width]) / width
    return result
