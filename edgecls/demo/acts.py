"""What happens on the desk in the clip: a sheet slides in, a pen draws on it, and it slides out again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

from edgecls.demo.paper import Sheet, make_sheet
from edgecls.demo.pens import Pen, choose_pen, ink
from edgecls.demo.shapes import Drawing, draw, part_of

__all__ = ["ACT_S", "SLIDE_S", "STORY", "Act", "Placed", "make_act", "on_desk"]

STORY = (("circle", True), ("star", False), ("triangle", True), ("square", False))
"""The shapes in order, and whether each is drawn while the camera looks on, or comes ready."""

ACT_S, SLIDE_S = 2.6, 0.4
BEGIN_S, END_S = 0.65, 1.75  # first and last ink within an act
MOST_STROKES = 5  # more are hatching or many small ones: too slow to watch
AWAY_PX = 1150.0  # from the middle of the desk to where it cannot be seen
PEN_LENGTH_PX, PEN_WIDTH_PX = 620, 36

Matrix: TypeAlias = NDArray[np.float64]

Placed: TypeAlias = tuple[Sheet, Matrix]
"""A sheet and the 3x3 matrix from its pixels to the desk, whose origin the camera looks at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One sheet and what happens to it.

    Attributes:
        blank: The sheet before.
        inked: The sheet after, of the same size.
        drawing: What is drawn, in pixels of the sheet.
        pen: What it is drawn with.
        sprite: That pen seen from above, its tip in the middle of its left edge.
        is_drawn_live: Whether the sheet comes blank.
        turn: How it lies on the desk, radians.
    """

    blank: Sheet
    inked: Sheet
    drawing: Drawing
    pen: Pen
    sprite: Sheet
    is_drawn_live: bool
    turn: float


def make_act(label: str, rng: np.random.Generator, *, is_drawn_live: bool) -> Act:
    """Choose sheet, pen and drawing of one act."""
    blank = make_sheet(rng)
    while blank.is_dark:
        blank = make_sheet(rng)
    height, width = blank.color.shape[:2]
    center = (width / 2 + rng.uniform(-20, 20), height / 2 + rng.uniform(-20, 20))
    drawing = draw(label, rng)
    while len(drawing.strokes) > MOST_STROKES:
        drawing = draw(label, rng)
    drawing = drawing.placed(center, rng.uniform(125, 150))
    pen = replace(choose_pen(rng), width_px=float(rng.uniform(6, 9)), density=0.95, grain=0.1)
    inked = replace(blank, color=blank.color.copy())
    ink(inked.color, drawing.strokes, pen, rng)
    return Act(
        blank=blank,
        inked=inked,
        drawing=drawing,
        pen=pen,
        sprite=_sprite(pen),
        is_drawn_live=is_drawn_live,
        turn=float(rng.uniform(-0.14, 0.14)),
    )


def on_desk(acts: Sequence[Act], time_s: float, *, moment_s: float | None = None) -> list[Placed]:
    """Return what lies on the desk, the lowest first.

    Args:
        acts: All acts, one after the other, ``ACT_S`` each.
        time_s: Seconds since the begin; decides how much is drawn.
        moment_s: Seconds since the begin; decides where things are. By default ``time_s``.
    """
    number = min(int(time_s / ACT_S), len(acts) - 1)
    act, within = acts[number], time_s - number * ACT_S
    moment = within if moment_s is None else moment_s - number * ACT_S
    height, width = act.blank.color.shape[:2]
    to_desk = _moved(_slide(moment), 0) @ _turned(act.turn) @ _moved(-width / 2, -height / 2)
    placed = [(_sheet(act, within), to_desk)]
    tip = _tip(act, within) if act.is_drawn_live else None
    if tip is not None:
        to_sheet = _moved(*tip) @ _turned(0.82) @ _moved(0, -PEN_WIDTH_PX / 2)
        placed.append((act.sprite, to_desk @ to_sheet))
    return placed


def _slide(within: float) -> float:
    """Return how far right of the middle a sheet is, in pixels: from the right, and off to the left."""
    if within < SLIDE_S:
        return AWAY_PX * (1 - max(within / SLIDE_S, 0.0)) ** 2
    if within > ACT_S - SLIDE_S:
        return -AWAY_PX * ((within - (ACT_S - SLIDE_S)) / SLIDE_S) ** 2
    return 0.0


def _share(within: float) -> float:
    return min(max((within - BEGIN_S) / (END_S - BEGIN_S), 0.0), 1.0)


def _sheet(act: Act, within: float) -> Sheet:
    """Return the sheet with what is drawn so far: the finished one, seen through the way of the pen."""
    share = _share(within) if act.is_drawn_live else 1.0
    if share in {0.0, 1.0}:
        return act.inked if share else act.blank
    way = np.zeros(act.blank.cover.shape, np.uint8)
    lines = [np.rint(part).astype(np.int32) for part in part_of(act.drawing.strokes, share)]
    cv2.polylines(way, lines, False, 255, round(act.pen.width_px * 1.7))
    color = np.where(way[:, :, np.newaxis] > 0, act.inked.color, act.blank.color)
    return replace(act.blank, color=color)


def _tip(act: Act, within: float) -> tuple[float, float] | None:
    """Return where the pen's tip is on the sheet: it comes, follows the strokes, and goes."""
    points = np.concatenate(act.drawing.strokes)
    x, y = points[round(_share(within) * (len(points) - 1))].tolist()
    early, late = (BEGIN_S - within) / 0.25, (within - END_S) / 0.3
    away = max(early, late, 0.0)
    return None if away > 1 else (x + 620 * away**2, y + 560 * away**2)


def _sprite(pen: Pen) -> Sheet:
    """Draw a pen seen from above: point, grip, barrel in the colour of its ink, round by its shading."""
    size = (PEN_WIDTH_PX, PEN_LENGTH_PX)
    middle, cone = PEN_WIDTH_PX / 2, 58
    cover = np.zeros(size, np.uint8)
    outline = [
        (0, middle - 2),
        (cone, 4),
        (PEN_LENGTH_PX, 1),
        (PEN_LENGTH_PX, PEN_WIDTH_PX - 1),
        (cone, PEN_WIDTH_PX - 4),
        (0, middle + 2),
    ]
    cv2.fillPoly(cover, [np.rint(outline).astype(np.int32)], 255, cv2.LINE_AA)
    color = np.empty((*size, 3), np.float32)
    color[:] = 0.75 * np.asarray(pen.color, np.float32) + 30
    color[:, :14] = pen.color
    color[:, 14:cone] = (205, 208, 210)
    color[:, cone : cone + 120] = (62, 60, 58)
    across = np.linspace(-1, 1, PEN_WIDTH_PX, dtype=np.float32)[:, np.newaxis, np.newaxis]
    color *= 1.12 - 0.55 * (across - 0.2) ** 2
    color += 70 * np.exp(-(((across + 0.35) / 0.12) ** 2))  # gloss
    return Sheet(color=color, cover=cover, is_dark=False)


def _moved(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _turned(angle: float) -> Matrix:
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
