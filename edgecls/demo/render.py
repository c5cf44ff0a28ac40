"""Photos of shapes on paper, each made from its own seed: the same seed gives the same bytes."""

from dataclasses import dataclass

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.opencv import cv2

from edgecls.demo.camera import Lens, View, desk_view, homography, look, shoot
from edgecls.demo.desk import make_desk
from edgecls.demo.doodles import add_doodles
from edgecls.demo.light import make_light
from edgecls.demo.paper import make_sheet
from edgecls.demo.pens import choose_pen, ink
from edgecls.demo.shapes import LABELS, Points, draw

__all__ = ["Photo", "encode_photo", "render_photo"]

_SIZES = ((240, 320), (360, 480), (480, 640), (480, 640), (480, 480))


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """A rendered photo and the truth about it.

    Attributes:
        label: The shape on it.
        frame: BGR uint8.
        outline: The shape's true outline in pixels of the frame; no points if it is empty paper.
        quality: JPEG quality it is to be saved with.
    """

    label: str
    frame: Frame
    outline: Points
    quality: int


def render_photo(label: str, *, seed: int, index: int) -> Photo:
    """Render one photo.

    Args:
        label: One of ``LABELS``.
        seed: Of the whole set.
        index: Of the photo within its class.
    """
    rng = np.random.default_rng([seed, LABELS.index(label), index])
    size = _SIZES[int(rng.integers(len(_SIZES)))]
    sheet = make_sheet(rng)
    height, width = sheet.color.shape[:2]
    center = (width * rng.uniform(0.38, 0.62), height * rng.uniform(0.38, 0.62))
    radius = rng.uniform(85, 190)
    drawing = draw(label, rng).placed(center, radius)
    add_doodles(sheet.color, center, radius, rng, is_dark=sheet.is_dark, is_empty=label == "empty")
    ink(sheet.color, drawing.strokes, choose_pen(rng, on_dark=sheet.is_dark), rng)
    view = _view(size, center, radius, rng)
    matrix = homography(view)
    scene = look(
        make_desk(rng), [(sheet, matrix)], homography(desk_view(view)), make_light(rng), size
    )
    frame = shoot(scene, _lens(size, rng), rng)
    outline = drawing.outline
    if len(outline):
        outline = cv2.perspectiveTransform(outline[np.newaxis], matrix)[0]
    return Photo(label=label, frame=frame, outline=outline, quality=int(rng.integers(38, 93)))


def encode_photo(photo: Photo) -> bytes:
    """Return a photo as JPEG."""
    _, data = cv2.imencode(".jpg", photo.frame, [cv2.IMWRITE_JPEG_QUALITY, photo.quality])
    return bytes(data)


def _view(
    size: tuple[int, int], center: tuple[float, float], radius: float, rng: np.random.Generator
) -> View:
    """Hold the camera so that the drawing is in the middle part of the frame, large enough to see."""
    seen = rng.uniform(0.26, 0.4)  # radius as a share of the frame's shorter side
    room = max(0.47 - seen, 0.03)
    middle = min(size) / size[1], min(size) / size[0]
    at = tuple(0.5 + share * rng.uniform(-room, room) for share in middle)
    return View(
        size=size,
        target=center,
        at=(at[0], at[1]),
        scale=seen * min(size) / radius,
        turn=float(np.clip(rng.normal(0, 0.16), -0.4, 0.4)),
        tilt=float(np.clip(abs(rng.normal(0, 0.32)), 0, 0.7)),
        tilt_from=rng.uniform(0, 2 * np.pi),
    )


def _lens(size: tuple[int, int], rng: np.random.Generator) -> Lens:
    scale = size[1] / 640
    is_shaken, is_unsharp = rng.random() < 0.18, rng.random() < 0.15
    return Lens(
        defocus=float(rng.uniform(1.5, 3.2) * scale if is_unsharp else rng.uniform(0.4, 0.9)),
        smear=float(rng.uniform(4, 16) * scale if is_shaken else 0),
        smear_angle=float(rng.uniform(0, np.pi)),
        noise=float(rng.gamma(2.2, 1.7)),
    )
