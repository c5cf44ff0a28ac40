"""Which format, size and rate to ask a camera for. Pure: from what it offers and what was wished.

A wish is granted or refused, never bent. Without one it is MJPG, because most USB cameras give their full rate
only with it; the size next to 640x480, since a classifier looks at few pixels; and the rate next to 30.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgecls_device.errors import OptionError
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.v4l2 import CameraInfo, CameraMode, PixelFormat

__all__ = ["DECODED_FORMATS", "CameraChoice", "choose_mode", "describe", "is_same_rate", "offers"]

DECODED_FORMATS = (
    "MJPG", "JPEG", "YUYV", "UYVY", "YVYU", "NV12", "NV21", "YU12", "YV12", "BGR3", "RGB3", "GREY",
)  # fmt: skip
"""What OpenCV makes BGR of, the most wanted first."""

USUAL_PIXELS = 640 * 480
USUAL_FPS = 30.0
SAME_FPS = 0.02  # drivers say 29.97 for 30
LISTED = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraChoice:
    """What to ask a camera for.

    Attributes:
        fourcc: Pixel format; empty if the camera does not list any.
        size: ``(height, width)`` in pixels; None to leave it to the driver.
        fps: Frames a second; None to leave it to the driver.
    """

    fourcc: str = ""
    size: tuple[int, int] | None = None
    fps: float | None = None


def choose_mode(info: CameraInfo, options: SourceOptions) -> CameraChoice:
    """Return what to ask for.

    What a driver does not list cannot be checked here: the wish is passed on, and what was granted is compared
    with it afterwards.

    Raises:
        OptionError: If the camera does not offer what was wished; the message lists what it does.
    """
    formats = _fitting_formats(info, options)
    listed = [(one, mode) for one in formats for mode in one.modes]
    if not listed:
        first = formats[0].fourcc if formats else options.camera_format or ""
        return CameraChoice(fourcc=first, size=options.camera_size, fps=options.camera_fps)
    sized = _of_size(info, listed, options.camera_size)
    rated = [pair for pair in sized if _gives(pair[1], options.camera_fps)]
    if not rated:
        raise _refused_rate(info, sized, options)
    best, mode = min(rated, key=lambda pair: _rank(pair, options))
    return CameraChoice(
        fourcc=best.fourcc, size=(mode.height, mode.width), fps=_rate(mode, options)
    )


def describe(fourcc: str, size: tuple[int, int], fps: float) -> str:
    """Return what a camera gives for people, such as ``MJPG 640x480 at 30 fps``."""
    rate = f" at {fps:g} fps" if fps else ""
    return f"{fourcc} {size[1]}x{size[0]}{rate}".strip()


def offers(one: PixelFormat) -> Iterator[str]:
    """Give a line for each size of a format, such as ``640x480 at 30, 15 fps``."""
    for mode in one.modes:
        joint = " to " if mode.has_any_rate else ", "
        rates = joint.join(f"{rate:g}" for rate in mode.rates)
        yield f"{mode.width}x{mode.height}" + (f" at {rates} fps" if rates else "")
    if one.range is not None:
        (low_h, low_w), (high_h, high_w) = one.range.least, one.range.most
        yield f"any size from {low_w}x{low_h} to {high_w}x{high_h}"


def _fitting_formats(info: CameraInfo, options: SourceOptions) -> list[PixelFormat]:
    """Return the formats to choose from, the most wanted first."""
    usable = [one for one in info.formats if one.fourcc in DECODED_FORMATS]
    usable.sort(key=lambda one: DECODED_FORMATS.index(one.fourcc))
    wish = options.camera_format
    if wish is None or not info.formats:
        return usable or list(info.formats)
    fitting = [one for one in usable if one.fourcc == wish]
    if fitting:
        return fitting
    others = [one.fourcc for one in info.formats if one.fourcc not in DECODED_FORMATS]
    cannot = f" ({', '.join(others)} cannot be decoded here)" if others else ""
    message = (
        f"Expected --camera-format {_one_of([one.fourcc for one in usable])} "
        f"of {info.card!r}{cannot}, got {wish}."
    )
    raise OptionError(message, hint=_see(info))


def _of_size(
    info: CameraInfo,
    listed: list[tuple[PixelFormat, CameraMode]],
    wish: tuple[int, int] | None,
) -> list[tuple[PixelFormat, CameraMode]]:
    if wish is None:
        return listed
    sized = [pair for pair in listed if (pair[1].height, pair[1].width) == wish]
    if sized:
        return sized
    formats = list(dict.fromkeys(one.fourcc for one, _ in listed))
    sizes = {(mode.width * mode.height, f"{mode.width}x{mode.height}") for _, mode in listed}
    ranges = [text for one, _ in listed[:1] if one.range for text in list(offers(one))[-1:]]
    known = ranges or [text for _, text in sorted(sizes)]
    message = (
        f"Expected --camera-size {_one_of(known)} of {info.card!r} in {' or '.join(formats)}, "
        f"got {wish[1]}x{wish[0]}."
    )
    raise OptionError(message, hint=_see(info))


def _refused_rate(
    info: CameraInfo, sized: list[tuple[PixelFormat, CameraMode]], options: SourceOptions
) -> OptionError:
    rates = sorted({rate for _, mode in sized for rate in mode.rates}, reverse=True)
    size = options.camera_size
    where = f" at {size[1]}x{size[0]}" if size else ""
    message = (
        f"Expected --camera-fps {_one_of([f'{rate:g}' for rate in rates])} of {info.card!r}{where}, "
        f"got {options.camera_fps:g}."
    )
    return OptionError(message, hint=_see(info))


def _gives(mode: CameraMode, wish: float | None) -> bool:
    if wish is None or not mode.rates:
        return True
    if mode.has_any_rate:
        return mode.rates[-1] <= wish <= mode.rates[0]
    return any(is_same_rate(rate, wish) for rate in mode.rates)


def is_same_rate(rate: float, wish: float) -> bool:
    """Return whether two rates are the same but for rounding."""
    return abs(rate - wish) <= SAME_FPS * wish


def _rate(mode: CameraMode, options: SourceOptions) -> float | None:
    wish = options.camera_fps
    if not mode.rates or mode.has_any_rate:
        usual = min(max(USUAL_FPS, mode.rates[-1]), mode.rates[0]) if mode.rates else None
        return wish if wish is not None else usual
    if wish is not None:
        return next(rate for rate in mode.rates if is_same_rate(rate, wish))
    not_faster = [rate for rate in mode.rates if rate <= USUAL_FPS * (1 + SAME_FPS)]
    return not_faster[0] if not_faster else mode.rates[-1]


def _rank(pair: tuple[PixelFormat, CameraMode], options: SourceOptions) -> tuple[int, float, float]:
    """Return what is smallest for the best: the format first, then the size, then the rate."""
    one, mode = pair
    wanted = (
        DECODED_FORMATS.index(one.fourcc) if one.fourcc in DECODED_FORMATS else len(DECODED_FORMATS)
    )
    pixels = mode.height * mode.width / USUAL_PIXELS
    away = max(pixels, 1 / pixels)
    return wanted, away, -(_rate(mode, options) or 0.0)


def _one_of(names: Iterable[str]) -> str:
    known = list(names)
    if not known:
        return "left out, as there is none that can be chosen"
    shown = ", ".join(known[:LISTED]) + (", ..." if len(known) > LISTED else "")
    return shown if len(known) == 1 else f"one of {shown}"


def _see(info: CameraInfo) -> str:
    return f"leave it out, or see what {info.path} gives: edgecls doctor --cameras"
