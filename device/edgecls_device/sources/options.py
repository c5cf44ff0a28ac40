"""What a user may say about a source besides which one it is."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgecls_device.errors import OptionError

__all__ = ["NO_OPTIONS", "SourceOptions"]

FROZEN_AFTER_S = 10.0
MAX_SIDE_PX = 16_384
MAX_FPS = 1_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceOptions:
    """Wishes for a source. A wish that a kind of source cannot grant is refused, never ignored.

    Attributes:
        realtime: A video file at its own pace, as a camera would give it: late frames are dropped.
        watch: A folder gives its photos, then each new one; it does not end.
        camera_size: ``(height, width)`` in pixels that a camera shall give.
        camera_fps: Frames a second that a camera shall give.
        camera_format: Pixel format that a camera shall give, four characters such as ``MJPG`` or ``YUYV``.
        wait_for_source: Whether a live source that is not there at the start is waited for.
        give_up_after_s: Seconds after which a lost live source ends the run; None: never, 0: at once.
        frozen_after_s: Seconds with exactly the same picture after which a live source is opened again; 0:
            never. Files do not freeze.
    """

    realtime: bool = False
    watch: bool = False
    camera_size: tuple[int, int] | None = None
    camera_fps: float | None = None
    camera_format: str | None = None
    wait_for_source: bool = False
    give_up_after_s: float | None = None
    frozen_after_s: float = FROZEN_AFTER_S

    def __post_init__(self) -> None:
        """Refuse what no source can grant.

        Raises:
            OptionError: If a number is out of range, or a format is not four characters.
        """
        size = self.camera_size
        if size is not None and not all(1 <= side <= MAX_SIDE_PX for side in size):
            message = f"Expected --camera-size WIDTHxHEIGHT in pixels, got {size[1]}x{size[0]}."
            raise OptionError(message, hint="for example: --camera-size 640x480")
        _check_number("--camera-fps", self.camera_fps, above=0, most=MAX_FPS)
        _check_number("--give-up-after", self.give_up_after_s, least=0)
        _check_number("--frozen-after", self.frozen_after_s, least=0)
        if self.camera_format is not None:
            if re.fullmatch(r"[A-Za-z0-9]{3,4}", self.camera_format) is None:
                message = f"Expected --camera-format as four letters or digits, got {self.camera_format!r}."
                raise OptionError(message, hint="for example: --camera-format MJPG, or YUYV")
            object.__setattr__(self, "camera_format", self.camera_format.upper())

    def wishes(self) -> dict[str, Any]:
        """Return what a camera is asked for as plain JSON values, as a capture process gets it."""
        names = ("camera_size", "camera_fps", "camera_format")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @classmethod
    def of_wishes(cls, wishes: Mapping[str, Any]) -> "SourceOptions":
        """Read what :meth:`wishes` wrote."""
        height, width = wishes.get("camera_size") or (0, 0)
        return cls(
            camera_size=(height, width) if height else None,
            camera_fps=wishes.get("camera_fps"),
            camera_format=wishes.get("camera_format"),
        )


def _check_number(
    name: str,
    value: float | None,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
) -> None:
    if value is None or (math.isfinite(value) and value >= least and above < value <= most):
        return
    bound = f"above {above:g}" if math.isfinite(above) else f"of at least {least:g}"
    up_to = f" and at most {most:g}" if math.isfinite(most) else ""
    message = f"Expected {name} {bound}{up_to}, got {value:g}."
    raise OptionError(message, hint="see: edgecls run --help")


NO_OPTIONS = SourceOptions()
