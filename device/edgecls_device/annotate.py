"""A frame with what it shows drawn on it: label, score bars, rate.

The panel lies on a darkened strip, so that it can be read on any picture, and grows with the frame.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Frame
from edgecls_device.classifier import Prediction
from edgecls_device.drawn_text import draw_text, fit_text, text_width
from edgecls_device.opencv import cv2

__all__ = ["annotate"]

WHITE = (255, 255, 255)
SOFT = (205, 205, 205)
TRACK = (96, 96, 96)
GREEN = (110, 200, 80)  # BGR, as everything here
AMBER = (60, 180, 250)
SMALLEST_SIDE_PX = 240  # smaller frames are enlarged, or nothing could be read
ROWS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """Sizes in pixels, all from the frame's."""

    unit: int  # height of small text
    panel: int
    pad: int
    big: int


def annotate(
    frame: Frame, prediction: Prediction, *, frames_per_second: float = 0.0, note: str = ""
) -> Frame:
    """Return a copy of a frame with a panel at its foot.

    Args:
        frame: BGR uint8 of any size; one smaller than 240 pixels is enlarged.
        prediction: What it shows; up to three of ``top`` get a bar.
        frames_per_second: Shown if above 0.
        note: Small text at the top right, such as a file name.

    Returns:
        Shape ``(height, width, 3)``, uint8, BGR.
    """
    image = _enlarged(frame)
    height, width = image.shape[:2]
    items = prediction.top[:ROWS]
    layout = _layout(height, width, len(items))
    _darken(image[height - layout.panel :], 0.28)
    color = AMBER if prediction.is_unknown else GREEN
    top = height - layout.panel + layout.pad + layout.big
    score = f"{prediction.score * 100:.0f} %"
    score_width = text_width(score, layout.big, bold=True)
    room = width - 3 * layout.pad - score_width
    label = fit_text(prediction.label, layout.big, room, bold=True)
    draw_text(image, label, (layout.pad, top), layout.big, WHITE, bold=True)
    left = width - layout.pad - score_width
    draw_text(image, score, (left, top), layout.big, color, bold=True)
    _bars(image, prediction, layout, top + layout.pad // 2, color)
    spent = prediction.preprocess_ms + prediction.inference_ms
    rate = f"{frames_per_second:.0f} fps   " if frames_per_second > 0 else ""
    _badge(image, f"{rate}{spent:.1f} ms", layout, is_left=True)
    if note:
        _badge(image, note, layout, is_left=False)
    return image


def _bars(
    image: Frame, prediction: Prediction, layout: _Layout, top: int, color: tuple[int, int, int]
) -> None:
    width = image.shape[1]
    names = width * 2 // 5
    for i, item in enumerate(prediction.top[:ROWS]):
        middle = top + round((i + 0.65) * layout.unit * 1.5)
        baseline = middle + round(layout.unit * 0.36)
        name = fit_text(item.label, layout.unit, names - layout.pad)
        draw_text(image, name, (layout.pad, baseline), layout.unit, SOFT)
        start, end = layout.pad + names, width - layout.pad - round(layout.unit * 3.6)
        thick = max(layout.unit // 2, 2)
        rectangle = (middle - thick // 2, middle - thick // 2 + thick)
        image[rectangle[0] : rectangle[1], start:end] = TRACK
        filled = start + round((end - start) * min(max(item.score, 0.0), 1.0))
        image[rectangle[0] : rectangle[1], start:filled] = color if i == 0 else SOFT
        text = f"{item.score * 100:.1f}"
        left = width - layout.pad - text_width(text, layout.unit)
        draw_text(image, text, (left, baseline), layout.unit, SOFT)


def _badge(image: Frame, text: str, layout: _Layout, *, is_left: bool) -> None:
    width = image.shape[1]
    text = fit_text(text, layout.unit, width // 2 - 2 * layout.pad)
    box = text_width(text, layout.unit) + 2 * layout.pad
    left = 0 if is_left else width - box
    bottom = layout.unit + layout.pad
    _darken(image[:bottom, left : left + box], 0.38)
    draw_text(image, text, (left + layout.pad, layout.unit + layout.pad // 3), layout.unit, WHITE)


def _layout(height: int, width: int, rows: int) -> _Layout:
    unit = max(min(height // 26, width // 32), 9)
    pad, big = round(unit * 0.8), round(unit * 1.9)
    panel = min(5 * pad // 2 + big + round(rows * unit * 1.5), height)
    return _Layout(unit=unit, panel=panel, pad=pad, big=big)


def _enlarged(frame: Frame) -> Frame:
    height, width = frame.shape[:2]
    factor = -(-SMALLEST_SIDE_PX // min(height, width))
    if factor <= 1:
        return np.array(frame, np.uint8, order="C")
    factor = min(factor, 4096 // max(height, width) or 1)
    size = (width * factor, height * factor)
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _darken(part: NDArray[np.uint8], keep: float) -> None:
    part[:] = cv2.convertScaleAbs(part, alpha=keep)
