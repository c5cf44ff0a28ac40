"""The pictures of ``test:``: each is a function of the frame's number alone, and cheap to draw."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from edgecls_device.arrays import Frame
from edgecls_device.drawn_text import draw_text, text_width
from edgecls_device.opencv import cv2

__all__ = ["PATTERNS", "SHAPE_S", "Draw"]

Draw: TypeAlias = Callable[[int], Frame]
"""Frame number -> a new BGR uint8 picture."""

PaintShape: TypeAlias = Callable[[Frame, int], None]

SHAPE_S = 3
"""Seconds that each of the shapes stays."""

INK, PANEL, QUIET, BRIGHT = (46, 32, 24), (38, 30, 26), (170, 160, 152), (245, 243, 240)
BARS = (
    (235, 235, 235), (40, 190, 235), (205, 190, 60), (80, 180, 90), (180, 90, 190), (70, 70, 220),
    (190, 100, 50),
)  # fmt: skip
"""Colours of the bars, BGR."""

_GRAIN_ROOM = 64
_SHAPES = ("star", "circle", "empty", "square", "triangle")


def _bars(size: tuple[int, int], fps: float) -> Draw:
    """Colour bars that wander, a bouncing ball, a grey ramp, the frame's number and its time."""
    height, width = size
    split = round(height * 0.74)
    wide = _bar_strip(split, width)
    panel = _panel(height - split, width)
    grain = _Grain(size, strength=2)
    radius = max(height // 14, 2)

    def draw(number: int) -> Frame:
        time_s = number / fps
        shift = round(time_s * width / 14) % width
        image = np.empty((height, width, 3), np.uint8)
        image[:split], image[split:] = wide[:, shift : shift + width], panel
        x = radius + _bounce(time_s / 4) * (width - 2 * radius)
        y = split - radius - abs(math.sin(time_s * 2.2)) * (split - 2 * radius) * 0.7
        cv2.circle(image, (round(x), round(y)), radius, BRIGHT, -1, cv2.LINE_AA)
        cv2.circle(image, (round(x), round(y)), radius, INK, max(height // 160, 1), cv2.LINE_AA)
        _write_panel(image, split, number, time_s)
        return grain.on(image, number)

    return draw


def _noise(size: tuple[int, int], fps: float) -> Draw:
    """Nothing but noise: no picture is like the one before it."""
    del fps
    grain = _Grain(size, strength=60)
    grey = np.full((*size, 3), 128, np.uint8)
    return lambda number: grain.on(grey.copy(), number)


def _still(size: tuple[int, int], fps: float) -> Draw:
    """A scene in which nothing moves, seen by a sensor with a little noise."""
    del fps
    scene, grain = _scene(size, "still"), _Grain(size, strength=3)
    return lambda number: grain.on(scene.copy(), number)


def _frozen(size: tuple[int, int], fps: float) -> Draw:
    """Exactly the same picture over and over, as a camera gives it that hangs."""
    del fps
    scene = _scene(size, "frozen")
    return lambda number: scene.copy() if number >= 0 else scene


def _shapes(size: tuple[int, int], fps: float) -> Draw:
    """Sheets with drawn shapes, each for three seconds, before a camera that is not quite steady."""
    height, width = size
    grain, room = _Grain(size, strength=4), max(height // 24, 2)
    drawn: dict[str, Frame] = {}

    def draw(number: int) -> Frame:
        time_s = number / fps
        name = _SHAPES[int(time_s / SHAPE_S) % len(_SHAPES)]
        if name not in drawn:
            drawn[name] = _sheet((height + 2 * room, width + 2 * room), name)
        x = round(room * (1 + 0.9 * math.sin(1.3 * time_s)))
        y = round(room * (1 + 0.9 * math.sin(0.9 * time_s + 1)))
        return grain.on(drawn[name][y : y + height, x : x + width].copy(), number)

    return draw


PATTERNS: Mapping[str, Callable[[tuple[int, int], float], Draw]] = MappingProxyType(
    {"bars": _bars, "shapes": _shapes, "still": _still, "frozen": _frozen, "noise": _noise}
)
"""Name -> ``(size, fps) -> Draw``; the size is ``(height, width)``. The first is the usual one."""


class _Grain:
    """Noise of a sensor, made once and laid on from another place for each frame."""

    def __init__(self, size: tuple[int, int], *, strength: int) -> None:
        rng = np.random.default_rng(size)
        room = (size[0] + _GRAIN_ROOM, size[1] + _GRAIN_ROOM, 3)
        noise = np.rint(rng.standard_normal(room, np.float32) * strength)
        self._more: Any = np.clip(noise, 0, 255).astype(np.uint8)
        self._less: Any = np.clip(-noise, 0, 255).astype(np.uint8)

    def on(self, image: Frame, number: int) -> Frame:
        """Lay it on a picture in place. Two frames that follow each other never get the same."""
        height, width = image.shape[:2]
        y, x = (number * 37) % _GRAIN_ROOM, (number // _GRAIN_ROOM * 29) % _GRAIN_ROOM
        place = (slice(y, y + height), slice(x, x + width))
        cv2.add(image, self._more[place], image)
        cv2.subtract(image, self._less[place], image)
        return image


def _bar_strip(height: int, width: int) -> Frame:
    strip: Any = np.empty((height, 2 * width, 3), np.uint8)
    edges = [round(i * width / len(BARS)) for i in range(len(BARS) + 1)]
    for color, left, right in zip(BARS, edges[:-1], edges[1:], strict=True):
        strip[:, left:right] = color
        strip[:, left + width : right + width] = color
    fade = np.linspace(1.0, 0.82, height, dtype=np.float32)[:, None, None]
    faded: Frame = np.rint(strip * fade).astype(np.uint8)
    return faded


def _panel(height: int, width: int) -> Frame:
    panel = np.empty((height, width, 3), np.uint8)
    panel[:] = PANEL
    ramp = np.linspace(0, 255, width, dtype=np.float32)[None, :, None]
    panel[: max(height // 6, 1)] = np.rint(ramp).astype(np.uint8)
    return panel


def _write_panel(image: Frame, top: int, number: int, time_s: float) -> None:
    height, width = image.shape[:2]
    big, small = (height - top) * 3 // 10, (height - top) * 2 // 10
    if small < 8:
        return  # too small to be read
    margin, low = width // 24, height - (height - top) // 6
    minutes, seconds = divmod(time_s, 60)
    clock = f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{seconds:04.1f}"
    draw_text(image, "edgecls test picture", (margin, low - big - big // 4), small, QUIET)
    draw_text(image, f"frame {number:06d}", (margin, low), big, BRIGHT, bold=True)
    at = width - margin - text_width("00:00:00.0", big, bold=True)
    draw_text(image, clock, (at, low), big, BRIGHT, bold=True)


def _bounce(phase: float) -> float:
    """Return 0..1..0 as the phase goes from 0 to 1 to 2."""
    within = phase % 2
    return within if within <= 1 else 2 - within


def _scene(size: tuple[int, int], word: str) -> Frame:
    """Return a wall, a table and a ball with a light from the left, and a word on the wall."""
    height, width = size
    across = np.linspace(1.0, 0.62, width, dtype=np.float32)[None, :, None]
    image = np.empty((height, width, 3), np.float32)
    table = round(height * 0.68)
    image[:table], image[table:] = (196, 205, 208), (78, 112, 150)
    picture: Frame = np.rint(image * across).astype(np.uint8)
    center, radius = (round(width * 0.62), round(height * 0.6)), max(height // 6, 2)
    foot = (center[0] + radius // 2, center[1] + radius)
    cv2.ellipse(
        picture, foot, (radius, max(radius // 4, 1)), 0, 0, 360, (52, 76, 104), -1, cv2.LINE_AA
    )
    for step in range(64):  # from its rim to where the light falls
        share = step / 64
        at = (round(center[0] - share * radius * 0.4), round(center[1] - share * radius * 0.4))
        color = tuple(round(c + share * (240 - c) * 0.7) for c in (60, 70, 190))
        cv2.circle(picture, at, max(round(radius * (1 - share)), 1), color, -1, cv2.LINE_AA)
    draw_text(picture, word, (width // 16, height // 5), max(height // 9, 10), (120, 110, 104))
    return picture


def _sheet(size: tuple[int, int], name: str) -> Frame:
    """Return a sheet of paper on a table with a shape that a pen has drawn on it."""
    height, width = size
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (88, 122, 158)
    half_h, half_w = round(height * 0.4), round(height * 0.54)
    middle = (width // 2, height // 2)
    corners = _around(
        middle, [(-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h)]
    )
    cv2.fillPoly(image, [corners + 3], (60, 84, 112), cv2.LINE_AA)
    cv2.fillPoly(image, [corners], (226, 232, 234), cv2.LINE_AA)
    points = _outline(name)
    if points.size:
        line = np.rint(points * height * 0.26 + middle).astype(np.int32)
        cv2.polylines(image, [line], False, (96, 54, 40), max(height // 80, 2), cv2.LINE_AA)
    light = np.linspace(1.03, 0.86, width, dtype=np.float32)[None, :, None]
    lit: Frame = np.clip(np.rint(image * light), 0, 255).astype(np.uint8)
    return lit


def _around(middle: tuple[int, int], corners: list[tuple[int, int]]) -> Any:
    turn = 0.04
    turned = np.array(corners) @ np.array(
        [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]
    )
    return np.rint(turned + middle).astype(np.int32)


def _outline(name: str) -> Any:
    """Return a closed line as a hand draws it, ``(num_points, 2)``, within a circle of radius 1."""
    if name == "empty":
        return np.empty((0, 2))
    if name == "circle":
        angles = np.linspace(0, 2 * math.pi, 60)
        corners = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        count, turn = {"square": (4, math.pi / 4), "triangle": (3, -math.pi / 2)}.get(
            name, (5, -math.pi / 2)
        )
        step = 2 if name == "star" else 1  # a star is drawn in one stroke, across
        angles = turn + 2 * math.pi * step * np.arange(count + 1) / count
        corners = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    share = np.linspace(0, len(corners) - 1, 240)
    line = np.stack(
        [np.interp(share, np.arange(len(corners)), corners[:, i]) for i in (0, 1)], axis=1
    )
    way = share / share[-1]
    wave = np.stack([np.sin(way * 25 + 1), np.sin(way * 21)], axis=1)
    return line * (1, 0.96) + 0.012 * wave
