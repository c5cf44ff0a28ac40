"""The light on a desk: its colour and direction, and the shadows that fall into the picture."""

from dataclasses import dataclass

import numpy as np
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

from edgecls.demo.layers import Layer, clouds

__all__ = ["Light", "make_light"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """The light on a scene.

    Attributes:
        field: How much light each pixel gets, per colour, shape ``(rows, columns, 3)``, small; it is enlarged.
        paper_shadow: Offset of the sheet's own shadow, x and y in pixels of a frame of 640 columns.
    """

    field: Layer
    paper_shadow: tuple[float, float]


def make_light(rng: np.random.Generator, *, with_hand: bool = True) -> Light:
    """Choose light: its colour and strength, a window's gradient, the shadow of a hand or an edge."""
    rows, columns = 60, 80
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
    field = np.float32(rng.uniform(0.6, 1.02)) * (1 + np.float32(rng.uniform(0, 0.32)) * along)
    field *= 1 - np.float32(rng.uniform(0.02, 0.22)) * (x * x + y * y) / 2  # vignette
    draw = rng.random()
    if with_hand and draw < 0.22:
        field *= _hand_shadow((rows, columns), rng)
    elif draw < 0.42:
        field *= _edge_shadow((rows, columns), rng)
    elif draw < 0.6:
        field *= 1 + 0.06 * clouds((rows, columns), (4, 5), rng)
    warmth = rng.normal(0, 0.09)
    tint = np.array([1 - 1.2 * warmth, 1 + rng.normal(0, 0.02), 1 + warmth], np.float32)
    offset = (float(6 * np.cos(angle + np.pi)), float(6 * np.sin(angle + np.pi)))
    return Light(field=field[:, :, np.newaxis] * tint, paper_shadow=offset)


def _hand_shadow(size: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Return the light that a hand leaves which comes in from one side: a palm and four fingers."""
    mask = np.zeros(size, np.uint8)
    side = rng.uniform(0, 2 * np.pi)
    inward = -np.array([np.cos(side), np.sin(side)])
    center = np.array([size[1], size[0]]) / 2
    palm = center - inward * rng.uniform(0.62, 0.85) * center
    wrist = palm - inward * 60
    cv2.line(mask, _pixel(wrist), _pixel(palm), 255, 24, cv2.LINE_AA)
    for spread in (-0.42, -0.15, 0.12, 0.4):
        angle = np.arctan2(inward[1], inward[0]) + spread
        tip = palm + np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(17, 27)
        cv2.line(mask, _pixel(palm), _pixel(tip), 255, 6, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1.2, 3.5)).astype(np.float32) / 255
    result: Layer = 1 - soft * np.float32(rng.uniform(0.2, 0.45))
    return result


def _edge_shadow(size: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Return the light beside a straight edge, such as a window frame or a monitor."""
    y, x = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    away = (
        np.float32(np.cos(angle)) * x
        + np.float32(np.sin(angle)) * y
        + np.float32(rng.uniform(-0.6, 0.6))
    )
    depth, soft = rng.uniform(0.2, 0.5), rng.uniform(0.02, 0.12)
    result: Layer = 1 - np.float32(depth) / (1 + np.exp(-away / np.float32(soft)))
    return result


def _pixel(point: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
