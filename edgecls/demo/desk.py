"""What lies around the sheet: a desk of wood, plain colour, cloth or a cutting mat."""

import numpy as np
from edgecls_device.opencv import cv2

from edgecls.demo.layers import Layer, clouds

__all__ = ["DESK_PX", "make_desk"]

DESK_PX = 420  # side of the texture; it is mirrored beyond its edges


def make_desk(rng: np.random.Generator, *, kind: str | None = None) -> Layer:
    """Return the surface of a desk, shape ``(DESK_PX, DESK_PX, 3)``, float32, BGR, 0..255.

    Args:
        rng: Decides everything that is not given.
        kind: ``wood``, ``plain``, ``cloth`` or ``mat``.
    """
    kind = kind or str(rng.choice(["wood", "plain", "cloth", "mat"], p=[0.5, 0.24, 0.16, 0.1]))
    return {"wood": _wood, "plain": _plain, "cloth": _cloth, "mat": _mat}[kind](rng)


def _wood(rng: np.random.Generator) -> Layer:
    size = (DESK_PX, DESK_PX)
    tones = ((96, 140, 182), (62, 94, 136), (140, 178, 206), (44, 62, 92), (158, 172, 182))
    base = np.asarray(tones[int(rng.integers(len(tones)))], np.float32)
    bend = clouds(size, (3, 4), rng) * 26
    rows = np.arange(DESK_PX, dtype=np.float32)[:, np.newaxis] + bend
    rings = np.sin(rows * np.float32(rng.uniform(0.08, 0.3))) + 0.6 * np.sin(
        rows * np.float32(0.61)
    )
    fibre = clouds(size, (DESK_PX // 2, 9), rng)
    shade = 1 + np.float32(rng.uniform(0.02, 0.06)) * rings + np.float32(0.05) * fibre
    desk: Layer = base * shade[:, :, np.newaxis]
    if rng.random() < 0.5:  # boards
        gap = int(rng.integers(130, 260))
        for row in range(int(rng.integers(20, gap)), DESK_PX, gap):
            desk[row : row + 3] *= 0.55
            desk[row + 3 :] *= np.float32(rng.uniform(0.94, 1.06))
    if rng.random() < 0.5:
        desk = np.ascontiguousarray(desk.transpose(1, 0, 2))
    return desk


def _plain(rng: np.random.Generator) -> Layer:
    tones = (
        (225, 226, 226),
        (60, 58, 56),
        (150, 150, 148),
        (110, 90, 70),
        (92, 120, 96),
        (70, 60, 120),
    )
    base = np.asarray(tones[int(rng.integers(len(tones)))], np.float32)
    size = (DESK_PX, DESK_PX)
    speckles = rng.standard_normal(size, np.float32) * 0.02 + clouds(size, (4, 4), rng) * 0.02
    desk: Layer = base * (1 + speckles)[:, :, np.newaxis]
    return desk


def _cloth(rng: np.random.Generator) -> Layer:
    base = rng.uniform(50, 210, 3).astype(np.float32)
    y, x = np.mgrid[0:DESK_PX, 0:DESK_PX].astype(np.float32)
    weave = np.sin(x * 1.25) * np.sin(y * 1.25) * 0.07
    weave += rng.standard_normal((DESK_PX, DESK_PX), np.float32) * 0.03
    folds = clouds((DESK_PX, DESK_PX), (3, 3), rng) * 0.06
    desk: Layer = base * (1 + weave + folds)[:, :, np.newaxis]
    if rng.random() < 0.4:  # checked
        gap = int(rng.integers(50, 110))
        stripe = (np.arange(DESK_PX) // gap % 2).astype(np.float32) * np.float32(0.25)
        desk *= (1 - stripe[:, np.newaxis, np.newaxis] / 2) * (
            1 - stripe[np.newaxis, :, np.newaxis] / 2
        )
    return desk


def _mat(rng: np.random.Generator) -> Layer:
    tones = ((92, 98, 38), (70, 70, 72), (120, 74, 40))
    desk = np.empty((DESK_PX, DESK_PX, 3), np.float32)
    desk[:] = tones[int(rng.integers(len(tones)))]
    gap = int(rng.integers(46, 70))
    for at in range(gap // 2, DESK_PX, gap):
        cv2.line(desk, (at, 0), (at, DESK_PX), (150, 190, 170), 1, cv2.LINE_AA)
        cv2.line(desk, (0, at), (DESK_PX, at), (150, 190, 170), 1, cv2.LINE_AA)
    desk += rng.standard_normal((DESK_PX, DESK_PX, 1), np.float32) * 3
    return desk
