"""What it is drawn on: sheets of paper of many kinds, as they look after a while on a desk."""

from dataclasses import dataclass

import numpy as np
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

from edgecls.demo.layers import Layer, clouds, enlarged

__all__ = ["Sheet", "make_sheet"]

_WHITES = ((246, 248, 249), (232, 241, 246), (236, 238, 238))
_TINTS = ((150, 235, 250), (205, 190, 250), (235, 222, 188), (190, 235, 200), (170, 205, 245))
_KRAFT = ((120, 160, 196), (135, 172, 202))
_DARK = ((48, 44, 42), (60, 66, 44), (70, 50, 38))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A sheet of paper.

    Attributes:
        color: Shape ``(height, width, 3)``, float32, BGR, 0..255.
        cover: Where there is paper, shape ``(height, width)``, uint8, 0 or 255: torn edges, holes.
        is_dark: Whether ink would not show on it.
    """

    color: Layer
    cover: NDArray[np.uint8]
    is_dark: bool


def make_sheet(rng: np.random.Generator) -> Sheet:
    """Make a sheet without a drawing, its longer side about 760 pixels."""
    size = (int(rng.integers(560, 700)), int(rng.integers(620, 780)))
    kind = str(
        rng.choice(
            ["white", "lined", "squared", "dotted", "tinted", "kraft", "dark"],
            p=[0.27, 0.19, 0.19, 0.06, 0.13, 0.1, 0.06],
        )
    )
    bases = {"tinted": _TINTS, "kraft": _KRAFT, "dark": _DARK}.get(kind, _WHITES)
    base = np.asarray(bases[int(rng.integers(len(bases)))], np.float32)
    color = np.empty((*size, 3), np.float32)
    color[:] = base + rng.normal(0, 3, 3).astype(np.float32)
    _add_rules(color, kind, rng)
    _add_texture(color, 3.5 if kind == "kraft" else 1.2, rng)
    if kind == "kraft":
        _add_fibres(color, rng)
    if rng.random() < 0.35:
        _add_creases(color, rng)
    if rng.random() < 0.14 and kind != "dark":
        _add_coffee(color, rng)
    return Sheet(
        color=color,
        cover=_edges(size, rng, has_holes=kind in {"lined", "squared"}),
        is_dark=kind == "dark",
    )


def _add_rules(color: Layer, kind: str, rng: np.random.Generator) -> None:
    """Print lines, squares or dots."""
    height, width = color.shape[:2]
    gap = rng.uniform(27, 44)
    ink = np.asarray([(214, 178, 150), (190, 170, 160), (215, 190, 185)][int(rng.integers(3))])
    ink = ink.astype(np.float32)
    rows = np.rint(np.arange(gap * rng.uniform(0.3, 1), height - 2, gap)).astype(int)
    columns = np.rint(np.arange(gap * rng.uniform(0.3, 1), width - 2, gap)).astype(int)
    thick = int(rng.integers(1, 3))
    if kind in {"lined", "squared"}:
        for row in rows:
            color[row : row + thick] = ink
    if kind == "squared":
        for column in columns:
            color[:, column : column + thick] = ink
    if kind == "dotted":
        for row in rows:
            for offset in range(3):
                color[row : row + 3, np.minimum(columns + offset, width - 1)] = ink
    if kind == "lined" and rng.random() < 0.5:
        margin = int(rng.uniform(0.1, 0.17) * width)
        color[:, margin : margin + 2] = (150, 145, 228)


def _add_texture(color: Layer, strength: float, rng: np.random.Generator) -> None:
    size = color.shape[:2]
    tile = rng.standard_normal((200, 200), np.float32) * strength
    tile += (
        cv2.GaussianBlur(rng.standard_normal((200, 200), np.float32), (0, 0), 1.5) * strength * 3
    )
    grain = np.tile(tile, (size[0] // 200 + 1, size[1] // 200 + 1))[: size[0], : size[1]]
    shade = cv2.scaleAdd(clouds(size, (5, 6), rng), 1.5, np.ascontiguousarray(grain))
    cv2.add(color, cv2.merge([shade] * 3), dst=color)


def _add_fibres(color: Layer, rng: np.random.Generator) -> None:
    """Draw the short dark and light fibres of packing paper."""
    height, width = color.shape[:2]
    for tone in (0.78, 0.86, 1.13):
        at = rng.uniform(0, 1, (60, 2)) * (width, height)
        along = rng.normal(0, 5, (60, 2))
        lines = np.rint(np.stack([at, at + along], axis=1)).astype(np.int32)
        mask = np.zeros((height, width), np.uint8)
        cv2.polylines(mask, list(lines), False, 255, 1, cv2.LINE_AA)
        color *= (1 + mask.astype(np.float32) * np.float32((tone - 1) / 255))[:, :, np.newaxis]


def _add_creases(color: Layer, rng: np.random.Generator) -> None:
    """Fold it once or twice, or crumple it: light falls otherwise on both sides of a crease."""
    height, width = color.shape[:2]
    y, x = np.mgrid[0:height:2, 0:width:2].astype(np.float32)
    is_crumpled = rng.random() < 0.2
    light = np.ones_like(x)
    for _ in range(int(rng.integers(7, 14)) if is_crumpled else int(rng.integers(1, 3))):
        angle = (
            rng.uniform(0, np.pi)
            if is_crumpled
            else rng.choice([0, np.pi / 2]) + rng.normal(0, 0.04)
        )
        along = (np.cos(angle), np.sin(angle))
        center = rng.uniform(0.2, 0.8, 2) * (width, height)
        away = np.float32(along[0]) * (x - center[0]) + np.float32(along[1]) * (y - center[1])
        depth = rng.uniform(0.02, 0.05) * rng.choice([-1, 1])
        side = np.tanh(away / 3, dtype=np.float32)
        light += np.float32(depth) * side * np.exp(-np.abs(away) / np.float32(rng.uniform(60, 250)))
        light -= np.float32(rng.uniform(0.02, 0.09)) * np.exp(-np.abs(away) / np.float32(1.7))
    color *= enlarged(light, (height, width))[:, :, np.newaxis]


def _add_coffee(color: Layer, rng: np.random.Generator) -> None:
    """Leave the ring of a cup near an edge, or a few drops."""
    height, width = color.shape[:2]
    stain = np.zeros((height, width), np.uint8)
    corner = rng.choice([0.06, 0.94], 2) * (width, height) + rng.normal(0, 25, 2)
    x, y = np.rint(corner).astype(int).tolist()
    radius = int(rng.integers(95, 135))
    begin = int(rng.integers(0, 360))
    cv2.ellipse(
        stain, (x, y), (radius, radius), begin, 0, 310, 190, int(rng.integers(4, 9)), cv2.LINE_AA
    )
    cv2.circle(stain, (x, y), radius, 40, -1, cv2.LINE_AA) if rng.random() < 0.4 else None
    for _ in range(int(rng.integers(0, 4))):
        drop = np.rint(corner + rng.normal(0, 120, 2)).astype(int).tolist()
        cv2.circle(stain, drop, int(rng.integers(2, 7)), 200, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(stain, (0, 0), 1.6).astype(np.float32) / 255
    soft *= np.clip(0.6 + 0.3 * clouds((height, width), (14, 16), rng), 0, 1)
    tint = np.asarray((0.52, 0.68, 0.82), np.float32)
    color *= 1 - soft[:, :, np.newaxis] * (1 - tint)


def _edges(
    size: tuple[int, int], rng: np.random.Generator, *, has_holes: bool
) -> NDArray[np.uint8]:
    """Return where there is paper: straight, torn or round edges, and holes of a binder."""
    height, width = size
    cover = np.full(size, 255, np.uint8)
    if has_holes and rng.random() < 0.35:
        for y in range(int(rng.integers(15, 40)), height, int(rng.integers(32, 60))):
            cv2.circle(cover, (int(rng.integers(17, 20)), y), 8, 0, -1, cv2.LINE_AA)
    elif rng.random() < 0.25:  # torn off
        jags = np.cumsum(rng.normal(0, 1.6, height)) + rng.normal(0, 1, height) + 14
        jags = np.clip(jags - jags.min() * 0.7, 0, 60)
        cover[np.arange(width)[np.newaxis] < jags[:, np.newaxis]] = 0
    return cover
