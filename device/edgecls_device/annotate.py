"""A frame with what it shows drawn on it: label, score bars, rate.

The panel lies on a darkened strip, so that it can be read on any picture, and grows with the frame.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Frame
from edgecls_device.drawn_text import draw_text, fit_text, text_width
from edgecls_device.opencv import cv2
from edgecls_device.results import FrameResult
from edgecls_device.sinks.columns import printable
from edgecls_device.sinks.wording import source_words

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


def annotate(result: FrameResult, *, has_rate: bool = True, note: str = "") -> Frame:
    """Return a copy of a result's frame with a panel at its foot.

    The large label is what is believed, the bars are what the model says of this frame.

    Args:
        result: Its frame may have any size; one smaller than 240 pixels is enlarged. Up to three labels get a
            bar.
        has_rate: Whether to show how many results come a second.
        note: Small text at the top right, such as a file name or an event.

    Returns:
        Shape ``(height, width, 3)``, uint8, BGR.
    """
    image = _enlarged(result.image)
    height, width = image.shape[:2]
    decision, prediction = result.decision, result.prediction
    layout = _layout(height, width, len(prediction.top[:ROWS]))
    _darken(image[height - layout.panel :], 0.28)
    color = AMBER if decision.is_unknown else GREEN
    top = height - layout.panel + layout.pad + layout.big
    score = f"{decision.score * 100:.0f} %"
    score_width = text_width(score, layout.big, bold=True)
    room = width - 3 * layout.pad - score_width
    label = fit_text(printable(decision.label), layout.big, room, bold=True)
    draw_text(image, label, (layout.pad, top), layout.big, WHITE, bold=True)
    left = width - layout.pad - score_width
    draw_text(image, score, (left, top), layout.big, color, bold=True)
    _bars(image, result, layout, top + layout.pad // 2, color)
    _badge(image, _pace(result, has_rate=has_rate), layout, is_left=True)
    if note:
        _badge(image, printable(note), layout, is_left=False)
    return image


def _pace(result: FrameResult, *, has_rate: bool) -> str:
    spent = result.prediction.preprocess_ms + result.prediction.inference_ms
    took = source_words(result) or f"{spent:.1f} ms"
    is_known = has_rate and result.frames_per_second > 0
    return f"{result.frames_per_second:.0f} fps   {took}" if is_known else took


def _bars(
    image: Frame, result: FrameResult, layout: _Layout, top: int, color: tuple[int, int, int]
) -> None:
    width = image.shape[1]
    names = width * 2 // 5
    items = result.prediction.top[:ROWS]
    believed = items[0].label if result.decision.is_unknown else result.decision.label
    for i, item in enumerate(items):
        middle = top + round((i + 0.65) * layout.unit * 1.5)
        baseline = middle + round(layout.unit * 0.36)
        name = fit_text(printable(item.label), layout.unit, names - layout.pad)
        draw_text(image, name, (layout.pad, baseline), layout.unit, SOFT)
        start, end = layout.pad + names, width - layout.pad - round(layout.unit * 3.6)
        thick = max(layout.unit // 2, 2)
        rectangle = (middle - thick // 2, middle - thick // 2 + thick)
        image[rectangle[0] : rectangle[1], start:end] = TRACK
        filled = start + round((end - start) * min(max(item.score, 0.0), 1.0))
        image[rectangle[0] : rectangle[1], start:filled] = color if item.label == believed else SOFT
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
