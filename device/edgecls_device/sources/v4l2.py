"""What a Video4Linux2 device says about itself: ``ioctl`` calls, with the structures of <linux/videodev2.h>.

Only structures without pointers, ``long`` and 64-bit fields are used, so that sizes and offsets, and with
them the request numbers, are the same on 32-bit and 64-bit machines. Nothing here changes the device, but
``is_busy`` claims its buffers for a moment.

Source: https://www.kernel.org/doc/html/latest/userspace-api/media/v4l/user-func.html
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = [
    "CameraInfo",
    "CameraMode",
    "PixelFormat",
    "SizeRange",
    "is_busy",
    "read_camera",
]

CAPABILITY = struct.Struct("=16s32s32sIII3I")
FORMAT = struct.Struct("=III32sII3I")
FRAME_SIZE = struct.Struct("=III6I2I")
FRAME_INTERVAL = struct.Struct("=IIIII6I2I")
REQUEST_BUFFERS = struct.Struct("=IIIIB3B")

_READ, _READ_WRITE = 2, 3


def request_number(direction: int, number: int, layout: struct.Struct) -> int:
    """Return an ``ioctl`` request as ``_IOR('V', ...)`` and ``_IOWR`` make it on x86, ARM and RISC-V."""
    return direction << 30 | layout.size << 16 | ord("V") << 8 | number


QUERYCAP = request_number(_READ, 0, CAPABILITY)
ENUM_FMT = request_number(_READ_WRITE, 2, FORMAT)
REQBUFS = request_number(_READ_WRITE, 8, REQUEST_BUFFERS)
ENUM_FRAMESIZES = request_number(_READ_WRITE, 74, FRAME_SIZE)
ENUM_FRAMEINTERVALS = request_number(_READ_WRITE, 75, FRAME_INTERVAL)

VIDEO_CAPTURE, VIDEO_CAPTURE_MPLANE = 0x00000001, 0x00001000
VIDEO_M2M, VIDEO_M2M_MPLANE = 0x00008000, 0x00004000
DEVICE_CAPS = 0x80000000
BUF_TYPE_CAPTURE, BUF_TYPE_CAPTURE_MPLANE = 1, 9
MEMORY_MMAP = 1
DISCRETE = 1
MOST_ENTRIES = 256  # a driver that never says that its list ends must not hang us

USUAL_SIZES = ((240, 320), (480, 640), (600, 800), (720, 1280), (1080, 1920))


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraMode:
    """One size that a camera gives in one pixel format.

    Attributes:
        height: In pixels.
        width: In pixels.
        rates: Frames a second, highest first; empty if the driver does not say.
        has_any_rate: Whether ``rates`` are the ends of a range and anything between is given too.
    """

    height: int
    width: int
    rates: tuple[float, ...] = ()
    has_any_rate: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeRange:
    """Sizes between two, as drivers say it that scale: ``(height, width)`` in pixels."""

    least: tuple[int, int]
    most: tuple[int, int]
    step: tuple[int, int]

    def has(self, size: tuple[int, int]) -> bool:
        """Return whether a size is in it."""
        return all(
            low <= side <= high and (side - low) % max(step, 1) == 0
            for side, low, high, step in zip(size, self.least, self.most, self.step, strict=True)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelFormat:
    """One pixel format of a camera.

    Attributes:
        fourcc: Four characters, such as ``MJPG``.
        description: What the driver calls it.
        modes: Its sizes; of a range the usual ones.
        range: The range, where the driver gives one.
    """

    fourcc: str
    description: str
    modes: tuple[CameraMode, ...] = ()
    range: SizeRange | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraInfo:
    """One ``/dev/videoN``.

    Attributes:
        path: The device.
        driver: Name of the kernel's driver, such as ``uvcvideo``.
        card: Name of the camera.
        bus: Where it is plugged in.
        is_capture: Whether pictures come out of it: metadata nodes, outputs and codecs are no cameras.
        formats: What it gives, in the driver's order.
    """

    path: str
    driver: str
    card: str
    bus: str
    is_capture: bool
    formats: tuple[PixelFormat, ...] = ()


def read_camera(path: str, *, wished_size: tuple[int, int] | None = None) -> CameraInfo:
    """Ask a device what it is and what it gives.

    Args:
        path: ``/dev/videoN`` or a link to it.
        wished_size: ``(height, width)`` that is listed too if the camera gives a range of sizes.

    Raises:
        OSError: If it cannot be opened, or is no Video4Linux2 device (``ENOTTY``).
    """
    with _opened(path) as device:
        driver, card, bus, _, capabilities, own, *_ = CAPABILITY.unpack(
            _call(device, QUERYCAP, bytearray(CAPABILITY.size))
        )
        flags = own if capabilities & DEVICE_CAPS else capabilities
        buffers = _buffer_type(flags)
        formats = () if buffers is None else tuple(_formats(device, buffers, wished_size))
    return CameraInfo(
        path=path,
        driver=_text(driver),
        card=_text(card),
        bus=_text(bus),
        is_capture=buffers is not None,
        formats=formats,
    )


def is_busy(path: str) -> bool:
    """Return whether another program streams from a camera: its buffers cannot be claimed then.

    Raises:
        OSError: If the device cannot be opened.
    """
    with _opened(path) as device:
        buffer = bytearray(REQUEST_BUFFERS.size)
        REQUEST_BUFFERS.pack_into(buffer, 0, 1, BUF_TYPE_CAPTURE, MEMORY_MMAP, 0, 0, 0, 0, 0)
        try:
            fcntl.ioctl(device, REQBUFS, buffer)
        except OSError as error:
            return error.errno == errno.EBUSY
    return False


@contextmanager
def _opened(path: str) -> Iterator[int]:
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield device
    finally:
        os.close(device)


def _call(device: int, request: int, buffer: bytearray) -> bytearray:
    fcntl.ioctl(device, request, buffer)
    return buffer


def _buffer_type(flags: int) -> int | None:
    if flags & (VIDEO_M2M | VIDEO_M2M_MPLANE):
        return None
    if flags & VIDEO_CAPTURE:
        return BUF_TYPE_CAPTURE
    return BUF_TYPE_CAPTURE_MPLANE if flags & VIDEO_CAPTURE_MPLANE else None


def _entries(device: int, request: int, layout: struct.Struct, *head: int) -> Iterator[bytearray]:
    """Give what a driver answers for index 0, 1, ... until it says that there is no more."""
    for index in range(MOST_ENTRIES):
        buffer = bytearray(layout.size)
        struct.pack_into(f"={1 + len(head)}I", buffer, 0, index, *head)
        try:
            yield _call(device, request, buffer)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOTTY, errno.ENODATA}:
                return
            raise


def _formats(
    device: int, buffers: int, wished_size: tuple[int, int] | None
) -> Iterator[PixelFormat]:
    for entry in _entries(device, ENUM_FMT, FORMAT, buffers):
        _, _, _, description, code, *_ = FORMAT.unpack(entry)
        sizes, span = _sizes(device, code)
        if span is not None:
            asked = (*USUAL_SIZES, span.most, *([wished_size] if wished_size else ()))
            sizes = sorted({size for size in asked if span.has(size)})
        modes = tuple(_mode(device, code, size) for size in sizes)
        fourcc = code.to_bytes(4, "little").decode("ascii", errors="replace").strip()
        yield PixelFormat(fourcc=fourcc, description=_text(description), modes=modes, range=span)


def _sizes(device: int, code: int) -> tuple[list[tuple[int, int]], SizeRange | None]:
    sizes: list[tuple[int, int]] = []
    for entry in _entries(device, ENUM_FRAMESIZES, FRAME_SIZE, code):
        _, _, kind, *numbers = FRAME_SIZE.unpack(entry)
        if kind != DISCRETE:
            low_w, high_w, step_w, low_h, high_h, step_h = numbers[:6]
            return [], SizeRange(least=(low_h, low_w), most=(high_h, high_w), step=(step_h, step_w))
        sizes.append((numbers[1], numbers[0]))
    return list(dict.fromkeys(sizes)), None


def _mode(device: int, code: int, size: tuple[int, int]) -> CameraMode:
    height, width = size
    rates: list[float] = []
    for entry in _entries(device, ENUM_FRAMEINTERVALS, FRAME_INTERVAL, code, width, height):
        _, _, _, _, kind, *numbers = FRAME_INTERVAL.unpack(entry)
        if kind != DISCRETE:
            ends = (_rate(*numbers[0:2]), _rate(*numbers[2:4]))
            rates = sorted((rate for rate in ends if rate), reverse=True)
            return CameraMode(height=height, width=width, rates=tuple(rates), has_any_rate=True)
        rates.append(_rate(*numbers[0:2]))
    known = sorted({rate for rate in rates if rate}, reverse=True)
    return CameraMode(height=height, width=width, rates=tuple(known))


def _rate(numerator: int, denominator: int) -> float:
    """Return frames a second of an interval in seconds, 0 if it is none."""
    return round(denominator / numerator, 3) if numerator else 0.0


def _text(data: bytes) -> str:
    """Return a zero-terminated name; a driver may put anything there."""
    text = data.partition(b"\0")[0].decode("utf-8", errors="replace")
    return "".join(c for c in text if c.isprintable()).strip()
