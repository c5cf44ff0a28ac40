"""Drawn photos, cheap enough for millions: a shape on a patterned ground, scribbles, noise, traces of JPEG.

Photo ``i`` of a seed is always the same, whatever is drawn before it or beside it.
"""

from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

__all__ = ["SHAPES", "draw_photos"]

Points: TypeAlias = NDArray[np.float64]

_NUMBERS = 24  # that decide a photo, each in 0..1; a multiple of the 4 of one step of Philox
_GROUNDS = 8
_SHIFT = 4  # binary places of OpenCV's coordinates
_OFFSETS = 256  # places of a pattern, each way, that a photo may show


def _around(count: int, radii: tuple[float, ...] = (1.0,)) -> Points:
    """Return points around the centre, the first at the top, at one distance after the other."""
    angles = -np.pi / 2 + 2 * np.pi * np.arange(count) / count
    radius = np.resize(np.array(radii), count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, np.newaxis]


def _cross() -> Points:
    arm = np.array([(-0.3, -1.0), (0.3, -1.0), (0.3, -0.3)])
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    return np.concatenate([arm @ np.linalg.matrix_power(quarter, turns) for turns in range(4)])


def _crescent() -> Points:
    outer, inner = np.linspace(0.75, 2 * np.pi - 0.75, 22), np.linspace(5.2, 1.08, 16)
    bow = np.stack([np.cos(outer), np.sin(outer)], axis=1)
    bite = np.stack([0.45 + 0.62 * np.cos(inner), 0.77 * np.sin(inner)], axis=1)
    return np.concatenate([bow, bite])


SHAPES = MappingProxyType(
    {
        "circle": _around(26),
        "square": _around(4, (1.15,)) @ np.array([[0.7071, 0.7071], [-0.7071, 0.7071]]),
        "triangle": _around(3, (1.1,)),
        "star": _around(10, (1.1, 0.45)),
        "cross": _cross(),
        "crescent": _crescent(),
        "arrow": np.array(
            [
                (0, -1.1),
                (0.8, -0.1),
                (0.28, -0.1),
                (0.28, 1),
                (-0.28, 1),
                (-0.28, -0.1),
                (-0.8, -0.1),
            ]
        ),
        "hourglass": np.array([(-0.8, -1), (0.8, -1), (0.1, 0), (0.8, 1), (-0.8, 1), (-0.1, 0)]),
    }
)
"""Class -> its outline: points (x, y), y down, the centre at the origin, about 1 from there to the edge."""


def draw_photos(
    begin: int, end: int, *, seed: int, size: int, classes: int
) -> Iterator[tuple[str, bytes]]:
    """Yield photos ``begin`` to ``end`` of a seed: (label, JPEG file) of each.

    Photo ``i`` is of class ``i % classes``.

    Args:
        begin: Number of the first.
        end: Number after that of the last.
        seed: The same seed gives the same bytes.
        size: Height and width in pixels.
        classes: How many of ``SHAPES``, from the first.
    """
    if begin >= end:
        return
    labels = tuple(SHAPES)[:classes]
    grounds, noise = _patterns(seed, size)
    numbers = _numbers(begin, end, seed)
    outlines = _outlines(numbers, np.arange(begin, end) % classes, size, labels)
    whole = (numbers * (1 << 16)).astype(np.int64).tolist()
    for i, row in enumerate(whole):
        image = _ground(row, grounds, size)
        _scribble(image, row, size)
        cv2.fillPoly(image, [outlines[i]], _shape_color(row), cv2.LINE_AA, _SHIFT)
        y, x = row[22] % _OFFSETS, row[23] % _OFFSETS
        noisy = cv2.addWeighted(
            image, 1.0, noise[y : y + size, x : x + size], 0.05 + row[21] / 450_000, -16.0
        )
        quality = 75 + row[20] % 21
        encoded = cv2.imencode(".jpg", noisy, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
        yield labels[(begin + i) % classes], encoded.tobytes()


def _numbers(begin: int, end: int, seed: int) -> NDArray[np.float64]:
    """Return what decides each photo, shape ``(end - begin, _NUMBERS)``, in 0..1.

    Philox (Salmon et al., 2011) counts: what belongs to a photo is found without drawing those before.
    """
    generator = np.random.Philox(key=seed).advance(begin * (_NUMBERS // 4))
    return np.random.Generator(generator).random((end - begin, _NUMBERS))


@lru_cache(maxsize=1)
def _patterns(seed: int, size: int) -> tuple[tuple[Frame, ...], Frame]:
    """Return the grounds, and noise about 128; photos are cut out of them."""
    rng = np.random.default_rng([seed, size])
    side = size + _OFFSETS
    grounds = tuple(_pattern(rng, side, cells) for cells in np.geomspace(4, 40, _GROUNDS))
    noise = rng.normal(128, 60, (side, side, 3)).clip(0, 255).astype(np.uint8)
    return grounds, noise


def _pattern(rng: np.random.Generator, side: int, cells: float) -> Frame:
    """Return smooth patches of colour, about ``cells`` of them along a side."""
    coarse = rng.integers(0, 256, (round(cells), round(cells), 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def _outlines(
    numbers: NDArray[np.float64], class_ids: NDArray[np.int64], size: int, labels: tuple[str, ...]
) -> list[NDArray[np.int32]]:
    """Return where the outline of each photo is, in pixels with ``_SHIFT`` binary places."""
    turn = (numbers[:, 0] - 0.5) * 0.6
    radius = size * (0.27 + 0.14 * numbers[:, 1])
    center = size * (0.5 + 0.2 * (numbers[:, 2:4] - 0.5))
    aspect = 0.9 + 0.2 * numbers[:, 4]
    lean = 0.2 * (numbers[:, 5] - 0.5)
    cosine, sine = np.cos(turn) * radius, np.sin(turn) * radius
    x_axis = np.stack([cosine * aspect, sine * aspect], axis=1)
    y_axis = np.stack([-sine / aspect + lean * radius, cosine / aspect], axis=1)
    outlines = list[NDArray[np.int32]]([np.empty(0, np.int32)] * len(numbers))
    for class_id, label in enumerate(labels):
        which = np.flatnonzero(class_ids == class_id)
        x, y = SHAPES[label].T
        points = (
            x[:, np.newaxis] * x_axis[which, np.newaxis]
            + y[:, np.newaxis] * y_axis[which, np.newaxis]
            + center[which, np.newaxis]
        )
        for i, outline in zip(
            which.tolist(), np.rint(points * (1 << _SHIFT)).astype(np.int32), strict=True
        ):
            outlines[i] = outline
    return outlines


def _ground(row: list[int], grounds: tuple[Frame, ...], size: int) -> Frame:
    """Mix two cut-outs; dark, or bright where the shape will be dark."""
    first, second = grounds[row[6] % _GROUNDS], grounds[row[7] % _GROUNDS]
    y, x = row[8] % _OFFSETS, row[9] % _OFFSETS
    v, u = row[10] % _OFFSETS, row[11] % _OFFSETS
    share = 0.12 + row[12] / 200_000
    light = 155.0 if _is_bright(row) else 5.0
    return np.asarray(
        cv2.addWeighted(
            first[y : y + size, x : x + size],
            0.36 - share * 0.36,
            second[v : v + size, u : u + size],
            share * 0.36,
            light,
        ),
        np.uint8,
    )


def _is_bright(row: list[int]) -> bool:
    return row[13] % 2 == 0


def _shape_color(row: list[int]) -> tuple[int, int, int]:
    base = 5 if _is_bright(row) else 145
    return base + row[14] % 105, base + row[15] % 105, base + row[16] % 105


def _scribble(image: Frame, row: list[int], size: int) -> None:
    """Draw a thin line and a spot, of colours between those of ground and shape."""
    a, b, c, d = row[17] % size, row[18] % size, row[19] % size, row[20] % size
    color = (60 + row[15] % 140, 60 + row[16] % 140, 60 + row[14] % 140)
    cv2.line(image, (a, b), (d, c), color, 1 + row[17] % 2 * (size // 64))
    cv2.circle(image, (c, a), 1 + size * (row[18] % 5) // 64, color[::-1], cv2.FILLED)
