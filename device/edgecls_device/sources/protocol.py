"""What every source promises."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from edgecls_device.arrays import Frame
from edgecls_device.stop import Stop

__all__ = ["DELIVERING", "ENDED", "CapturedFrame", "Source", "SourceStatus", "captured_now"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CapturedFrame:
    """One frame as it left its source.

    Attributes:
        image: BGR uint8 of any size; whoever reads it may draw on it.
        index: Its place among all frames captured, from 0. A gap is a frame that was dropped.
        source: The photo's path, or the name of the source.
        captured_at: Wall clock, seconds since 1970.
        captured_ns: ``time.monotonic_ns`` when it was captured.
        position_s: Place in a video file in seconds; None elsewhere.
        is_stale: Whether the picture has been exactly the same for so long that the camera must be stuck.
    """

    image: Frame
    index: int
    source: str
    captured_at: float
    captured_ns: int
    position_s: float | None = None
    is_stale: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceStatus:
    """How a source is.

    Attributes:
        state: ``delivering``; ``lost`` while a live source is opened again and again; ``ended`` when no frame
            will ever come.
        trouble: Why frames do not come, a sentence for people; empty while they do.
        reconnects: How often it was opened again with success.
        is_stale: Whether the camera gives the same picture over and over.
    """

    state: Literal["delivering", "lost", "ended"] = "delivering"
    trouble: str = ""
    reconnects: int = 0
    is_stale: bool = False


DELIVERING = SourceStatus()
ENDED = SourceStatus(state="ended")


class Source(Protocol):
    """An open source of frames, read from one thread.

    A live source (``is_live``: camera, stream) gives the newest frame there is and counts those it had to drop;
    any other gives every frame. ``read`` never waits longer than a quarter of a second: None says that there is
    no frame now, and ``status`` says why. A live source that is lost is opened again by itself; ``read`` raises
    ``SourceError`` once it gives that up, and when a file gives no frame at all. Opening raises ``SourceError``
    too, with what to do about it. Closing twice is harmless, and closing counts a frame that was captured but
    never read.

    Attributes:
        name: What the user called it, without passwords.
        description: What was granted, for people, such as ``MJPG 640x480 at 30 fps``; may be empty.
        is_live: Whether frames come at their own pace and without end.
        frame_rate: Frames a second as the source states it, 0 if it does not.
    """

    name: str
    description: str
    is_live: bool
    frame_rate: float

    def read(self, stop: Stop) -> CapturedFrame | None:
        """Return the next frame; None if there is none now, at the end, or once ``stop`` is requested."""

    @property
    def status(self) -> SourceStatus:
        """How the source is now; it may be read from any thread."""

    @property
    def captured(self) -> int:
        """Frames captured so far, whether read or dropped."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """Frames captured but never given out, counted by reason."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong but did not end the source, such as a photo that cannot be decoded."""

    def close(self) -> None:
        """Free the source."""


def captured_now(
    image: Frame, *, index: int, source: str, position_s: float | None = None
) -> CapturedFrame:
    """Return a frame that was captured this moment."""
    return CapturedFrame(
        image=image,
        index=index,
        source=source,
        captured_at=time.time(),
        captured_ns=time.monotonic_ns(),
        position_s=position_s,
    )
