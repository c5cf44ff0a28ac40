"""The right way to prepare a photo, and the usual wrong ones.

A preparation gives float32 pixels in units of 0..255, RGB, so that values can be tried which no uint8 holds,
such as pixels that were normalized before a model that normalizes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing
from numpy.typing import NDArray

__all__ = ["PREPARATIONS", "RIGHT", "Pixels", "Preparation", "other_preparations", "prepare"]

Pixels = NDArray[np.float32]
RIGHT = "right"
_IMAGENET_MEAN, _IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_COMMON_CROP = 0.875  # torchvision and Keras: 224 pixels out of 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """One way to prepare a photo.

    Attributes:
        words: What was done, as it ends a sentence that begins with "photos".
        family: Which kind of fault it is.
        fits_uint8: Whether a model whose input is uint8 can be fed so.
        change: From right pixels to these, or None where the resize rule is what differs.
        rule: Changes of the resize rule.
    """

    words: str
    family: Literal["color", "range", "resize", "dark", "blank"]
    fits_uint8: bool
    change: Callable[[Pixels], Pixels] | None = None
    rule: Callable[[Preprocessing], Preprocessing] | None = None


def _noise(pixels: Pixels) -> Pixels:
    return np.random.default_rng(int(pixels.sum())).uniform(0, 255, pixels.shape).astype(np.float32)


def _with_full_range(pixels: Pixels) -> Pixels:
    """Set two corner pixels, as exporters do to make the input's range 0..255."""
    pixels = pixels.copy()
    pixels[0, 0], pixels[-1, -1] = 0, 255
    return pixels


def _standardized(pixels: Pixels) -> Pixels:
    mean, std = np.array(_IMAGENET_MEAN, np.float32), np.array(_IMAGENET_STD, np.float32)
    return np.asarray((pixels - mean) / std, np.float32)


PREPARATIONS: Mapping[str, Preparation] = {
    "bgr": Preparation(
        words="in BGR order instead of RGB",
        family="color",
        fits_uint8=True,
        change=lambda pixels: np.ascontiguousarray(pixels[..., ::-1]),
    ),
    "inverted": Preparation(
        words="as negatives (255 minus the pixel)",
        family="range",
        fits_uint8=True,
        change=lambda pixels: 255 - pixels,
    ),
    "divided": Preparation(
        words="normalized twice (divided by 255 before the model's own normalization)",
        family="range",
        fits_uint8=False,
        change=lambda pixels: pixels / np.float32(255),
    ),
    "normalized": Preparation(
        words="normalized twice (to -1..1 before the model's own normalization)",
        family="range",
        fits_uint8=False,
        change=lambda pixels: (pixels - np.float32(127.5)) / np.float32(127.5),
    ),
    "divided and rounded": Preparation(
        words="divided by 255 and rounded to whole numbers",
        family="dark",
        fits_uint8=True,
        change=lambda pixels: _with_full_range(np.rint(pixels / np.float32(255))),
    ),
    "divided and cut": Preparation(
        words="divided by 255 and cut to whole numbers",
        family="dark",
        fits_uint8=True,
        change=lambda pixels: _with_full_range(np.floor(pixels / np.float32(255))),
    ),
    "standardized": Preparation(
        words="normalized twice (by ImageNet's mean and deviation before the model's own normalization)",
        family="range",
        fits_uint8=False,
        change=_standardized,
    ),
    "raw": Preparation(
        words="without the normalization that the model needs",
        family="range",
        fits_uint8=False,
        change=lambda pixels: pixels * np.float32(127.5) + np.float32(127.5),
    ),
    "overexposed": Preparation(
        words="three times too bright",
        family="range",
        fits_uint8=True,
        change=lambda pixels: np.minimum(3 * pixels, 255),
    ),
    "grey": Preparation(
        words="replaced by one even grey",
        family="blank",
        fits_uint8=True,
        change=lambda pixels: np.full_like(pixels, 127),
    ),
    "noise": Preparation(
        words="replaced by random noise", family="blank", fits_uint8=True, change=_noise
    ),
    "stretch": Preparation(
        words="stretched to the input size",
        family="resize",
        fits_uint8=True,
        rule=lambda rule: replace(rule, resize="stretch", crop_fraction=1.0),
    ),
    "crop": Preparation(
        words="cropped to the whole short side",
        family="resize",
        fits_uint8=True,
        rule=lambda rule: replace(rule, resize="crop", crop_fraction=1.0),
    ),
    "tight crop": Preparation(
        words="cropped to 87.5 % of the short side",
        family="resize",
        fits_uint8=True,
        rule=lambda rule: replace(rule, resize="crop", crop_fraction=_COMMON_CROP),
    ),
    "letterbox": Preparation(
        words="padded to the input size",
        family="resize",
        fits_uint8=True,
        rule=lambda rule: replace(rule, resize="letterbox", crop_fraction=1.0),
    ),
}
"""The usual wrong ways, by name."""


def prepare(frame: Frame, rule: Preprocessing, name: str = RIGHT) -> Pixels:
    """Return the pixels of a frame, shape ``(height, width, 3)``, float32 RGB in units of 0..255."""
    entry = PREPARATIONS.get(name)
    if entry is not None and entry.rule is not None:
        rule = entry.rule(rule)
    pixels = resize(frame, rule).astype(np.float32)
    return pixels if entry is None or entry.change is None else entry.change(pixels)


def other_preparations(rule: Preprocessing) -> tuple[str, ...]:
    """Return the names of the preparations that differ from the right one for this resize rule."""
    return tuple(
        name
        for name, entry in PREPARATIONS.items()
        if entry.rule is None or entry.rule(rule) != rule
    )
