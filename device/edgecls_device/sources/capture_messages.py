"""What a capture process and its parent say to each other: one line of JSON each.

The parent sends a :class:`Start`, then an ``ASK`` for each frame it wants; the end of that pipe means that the
child shall free the camera and go. The child answers with everything else.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from edgecls_device import errors
from edgecls_device.errors import EdgeclsError, SourceError
from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.frozen import KnownPicture

__all__ = [
    "ASK",
    "Absent",
    "Ended",
    "Failed",
    "FrameHeader",
    "Message",
    "NotLive",
    "Opened",
    "Opening",
    "Start",
    "decode",
    "encode",
]

ASK = b"?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """What a capture process is to do.

    Attributes:
        request: What to open.
        hold_s: Seconds to wait before it is opened, unless it was away in between.
        probe_s: Seconds from one look whether it is there to the next.
        waits: Whether to wait for something that is not there, or to fail.
        frozen_after_s: Seconds after which the same picture is called frozen; 0: never.
        known: The picture it was stuck with before.
    """

    request: CaptureRequest
    hold_s: float = 0.0
    probe_s: float = 0.5
    waits: bool = False
    frozen_after_s: float = 0.0
    known: KnownPicture | None = None

    def to_line(self) -> bytes:
        """Return it as a line."""
        record = asdict(self) | {"request": self.request.to_json()}
        return json.dumps(record).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Start":
        """Read what :meth:`to_line` wrote."""
        record = json.loads(line)
        request = CaptureRequest.from_json(record.pop("request"))
        known = record.pop("known")
        return cls(request=request, known=known and KnownPicture(**known), **record)


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """It is not there; ``reason`` says so in a sentence."""

    reason: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """It is there, and is opened now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """It is open. The attributes are those of ``Capture``."""

    name: str
    description: str
    frame_rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameHeader:
    """The slot holds a frame, and belongs to the parent until it asks again.

    Attributes:
        index: Its place among the frames of this process, from 0.
        captured_ns: ``time.monotonic_ns``, which is the same for all processes.
        captured_at: Seconds since 1970.
        height: Pixels.
        width: Pixels.
        same_since_ns: When exactly this picture was first seen.
        crc: Its fingerprint once it is frozen, else 0.
    """

    index: int
    captured_ns: int
    captured_at: float
    height: int
    width: int
    same_since_ns: int
    crc: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NotLive:
    """It is a ``photo`` or a ``video``."""

    what: Literal["photo", "video"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """It came to its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """It could not be opened, or gives no more frames; the attributes are those of an ``EdgeclsError``."""

    error: str
    message: str
    hint: str

    @classmethod
    def of(cls, error: Exception, *, without_secrets: Callable[[str], str] = str) -> "Failed":
        """Return the message for an error; one that nobody foresaw may tell secrets, which are taken out."""
        if isinstance(error, EdgeclsError):
            return cls(error=type(error).__name__, message=error.message, hint=error.hint)
        message = without_secrets(f"Expected frames, got {type(error).__name__}: {error}")
        return cls(error="SourceError", message=message, hint="")

    def to_error(self) -> EdgeclsError:
        """Return the error again."""
        kind = getattr(errors, self.error, SourceError)
        made: EdgeclsError = kind(self.message, hint=self.hint)
        return made


Message: TypeAlias = Absent | Opening | Opened | FrameHeader | NotLive | Ended | Failed

_TYPES: dict[str, Any] = {
    kind.__name__: kind for kind in (Absent, Opening, Opened, FrameHeader, NotLive, Ended, Failed)
}


def encode(message: Message) -> bytes:
    """Return a message as a line."""
    return json.dumps([type(message).__name__, asdict(message)]).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Read what :func:`encode` wrote."""
    name, fields = json.loads(line)
    message: Message = _TYPES[name](**fields)
    return message
