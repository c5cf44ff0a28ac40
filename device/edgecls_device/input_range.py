"""What ``--input-range`` may say: how a model made elsewhere wants its pixels.

::

    0..255      as they are
    0..1        divided by 255
    -1..1       minus 127.5, divided by 127.5
    imagenet    torchvision's: mean 0.485, 0.456, 0.406 and deviation 0.229, 0.224, 0.225 of 0..1
    M/S         minus M, divided by S, in units of 0..255: 127/128, or one number per channel with commas
"""

import math
import re
from dataclasses import dataclass

from edgecls_device.errors import OptionError

__all__ = ["INPUT_RANGES", "InputRange", "parse_input_range", "quantized_range"]

INPUT_RANGES = "0..255, 0..1, -1..1, imagenet, or MEAN/STD such as 127/128"
CLOSE = 0.02  # of the range; quantizers round its ends

_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"


@dataclass(frozen=True, kw_only=True, slots=True)
class InputRange:
    """Pixels 0..255 minus ``mean``, divided by ``std``; both empty for pixels as they are."""

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


_NAMED = {
    "0..255": InputRange(),
    "0..1": InputRange(mean=(0.0,), std=(255.0,)),
    "-1..1": InputRange(mean=(127.5,), std=(127.5,)),
    "imagenet": InputRange(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
}


def parse_input_range(text: str) -> InputRange:
    """Return what the user says.

    Raises:
        OptionError: If it is none of the ranges.
    """
    if text in _NAMED:
        return _NAMED[text]
    numbers = rf"{_NUMBER}(?:,{_NUMBER}){{0,2}}"
    match = re.fullmatch(rf"({numbers})/({numbers})", text.replace(" ", ""))
    if match:
        mean, std = (tuple(map(float, part.split(","))) for part in match.groups())
        if len(mean) == len(std) and len(mean) in {1, 3} and min(std) > 0:
            return InputRange(mean=mean, std=std)
    message = f"Expected --input-range of {INPUT_RANGES}, got {text!r}."
    raise OptionError(message, hint="MEAN and STD are one number each, or three; STD is above 0")


def quantized_range(dtype: str, scale: float, zero_point: int) -> str:
    """Return the named range that a quantized input covers, such as ``-1..1``; empty if none fits.

    A quantized value ``q`` stands for ``(q - zero_point) * scale``. Where the smallest and the largest stand
    for the ends of a named range, pixel 0 is the smallest and pixel 255 the largest.
    """
    if scale <= 0 or dtype not in {"uint8", "int8"}:
        return ""
    least = 0 if dtype == "uint8" else -128
    got = ((least - zero_point) * scale, (least + 255 - zero_point) * scale)
    for name, ends in (("0..255", (0.0, 255.0)), ("0..1", (0.0, 1.0)), ("-1..1", (-1.0, 1.0))):
        width = ends[1] - ends[0]
        if all(math.isclose(a, b, abs_tol=CLOSE * width) for a, b in zip(got, ends, strict=True)):
            return name
    return ""
