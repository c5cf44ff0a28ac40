"""``test:``, a camera that needs no hardware: live pictures drawn from the frame's number.

``test:`` or ``test:bars``, ``test:shapes``, ``test:still``, ``test:frozen`` and ``test:noise``; with
``?size=640x480&fps=30&limit=900`` behind it. The same text always gives the same frames.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from edgecls_device.arrays import Frame
from edgecls_device.errors import OptionError
from edgecls_device.sources.captures import CaptureEnd
from edgecls_device.sources.live_opening import open_live
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.pacing import Pace
from edgecls_device.sources.pattern_pictures import PATTERNS
from edgecls_device.stop import Stop

__all__ = [
    "PatternCapture",
    "PatternRequest",
    "open_pattern",
    "open_pattern_capture",
    "parse_pattern",
]

SIDES = (16, 4096)
MAX_FPS = 10_000.0  # more than any camera has: a soak wants many frames
_HINT = "for example: test:bars?size=640x480&fps=30"


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternRequest:
    """What a text that begins with ``test:`` asks for.

    Attributes:
        pattern: A key of ``PATTERNS``.
        size: ``(height, width)`` in pixels.
        fps: Frames a second.
        limit: Frames after which it ends; None: never.
    """

    pattern: str = "bars"
    size: tuple[int, int] = (480, 640)
    fps: float = 30.0
    limit: int | None = None


def open_pattern(
    text: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> LiveSource:
    """Open a test pattern.

    Raises:
        OptionError: If there is no such pattern, or its settings are wrong.
    """
    parse_pattern(text)
    return open_live("test", text, options, stop=stop)


def open_pattern_capture(text: str, wishes: Mapping[str, Any]) -> "PatternCapture":
    """Open a test pattern.

    Raises:
        OptionError: If there is no such pattern, or its settings are wrong.
    """
    del wishes
    return PatternCapture(text, parse_pattern(text))


def parse_pattern(text: str) -> PatternRequest:
    """Read ``test:NAME?size=WxH&fps=N&limit=N``; everything after the colon may be left out.

    Raises:
        OptionError: If there is no such pattern or setting, or a value is out of range.
    """
    name, _, query = text.removeprefix("test:").partition("?")
    if name and name not in PATTERNS:
        message = f"Expected a test picture of {', '.join(PATTERNS)}, got {name!r}."
        raise OptionError(message, hint=_HINT)
    settings = dict(parse_qsl(query, keep_blank_values=True))
    unknown = settings.keys() - {"size", "fps", "limit"}
    if unknown or (query and not settings):
        got = repr(min(unknown)) if unknown else repr(query)
        message = f"Expected size, fps or limit in {text!r}, got {got}."
        raise OptionError(message, hint=_HINT)
    limit = settings.get("limit")
    return PatternRequest(
        pattern=name or "bars",
        size=_size(settings.get("size", "640x480")),
        fps=_fps(settings.get("fps", "30")),
        limit=None if limit is None else _limit(limit),
    )


class PatternCapture:
    """A running test pattern. See ``Capture`` for the contract."""

    def __init__(self, name: str, request: PatternRequest) -> None:
        """Make ready what all frames have in common."""
        self.name = name
        self.frame_rate = request.fps
        height, width = request.size
        self.description = f"test picture {request.pattern} {width}x{height} at {request.fps:g} fps"
        self._draw = PATTERNS[request.pattern](request.size, request.fps)
        self._limit = request.limit
        self._number = 0
        self._pace = Pace(request.fps)

    def read(self) -> Frame:
        """Wait until the next frame is due, and draw it.

        Raises:
            CaptureEnd: After ``limit`` frames.
        """
        if self._number == self._limit:
            raise CaptureEnd
        self._pace.wait()
        image = self._draw(self._number)
        self._number += 1
        return image

    def close(self) -> None:
        """Nothing is held."""


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    sides = (int(match[2]), int(match[1])) if match else (0, 0)
    if not all(SIDES[0] <= side <= SIDES[1] for side in sides):
        message = f"Expected size=WIDTHxHEIGHT of {SIDES[0]} to {SIDES[1]} pixels, got {text!r}."
        raise OptionError(message, hint=_HINT)
    return sides


def _fps(text: str) -> float:
    try:
        fps = float(text)
    except ValueError:
        fps = 0.0
    if not 1 <= fps <= MAX_FPS:  # slower looks like a camera that fell silent
        message = f"Expected fps=N of at least 1 and at most {MAX_FPS:g}, got {text!r}."
        raise OptionError(message, hint=_HINT)
    return fps


def _limit(text: str) -> int:
    if re.fullmatch(r"[1-9][0-9]{0,11}", text) is None:
        message = f"Expected limit=N, at least 1, got {text!r}."
        raise OptionError(message, hint=_HINT)
    return int(text)
