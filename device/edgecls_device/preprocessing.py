"""From a frame of any size to the model's input: decided once per frame size, then a few OpenCV calls.

The same code prepares photos for training, calibration, comparison and the device.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Batch, Frame
from edgecls_device.frames import to_frame
from edgecls_device.opencv import cv2
from edgecls_device.spec import InputTensor, Preprocessing

__all__ = ["Plan", "Preprocessor", "plan", "resize"]

PAD_VALUE = 127  # about the mean of photos; what letterbox bars are filled with


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is done to frames of one size. All sizes are ``(height, width)`` in pixels.

    Attributes:
        top: First row of the box that is cut out.
        left: First column of that box.
        box: Size of that box, a multiple of ``2 ** halvings``.
        halvings: How often the box is halved by averaging 2x2 pixels.
        size: Size it is resized to then.
        pad_top: Rows of padding above.
        pad_left: Columns of padding on the left.
    """

    top: int
    left: int
    box: tuple[int, int]
    halvings: int
    size: tuple[int, int]
    pad_top: int = 0
    pad_left: int = 0


def plan(frame_size: tuple[int, int], preprocessing: Preprocessing) -> Plan:
    """Decide how a frame of ``frame_size`` (height, width) becomes the input size.

    While the box is at least twice the target on both sides, it is halved exactly (each pixel the mean of
    four), which keeps fine patterns from turning into false ones; the last step is bilinear.
    """
    height, width = frame_size
    target = (preprocessing.height, preprocessing.width)
    box, size = (height, width), target
    if preprocessing.resize == "crop":
        scale = min(height / target[0], width / target[1]) * preprocessing.crop_fraction
        box = (_at_least_one(target[0] * scale, height), _at_least_one(target[1] * scale, width))
    elif preprocessing.resize == "letterbox":
        scale = min(target[0] / height, target[1] / width)
        size = (_at_least_one(height * scale, target[0]), _at_least_one(width * scale, target[1]))
    halvings = 0
    if preprocessing.interpolation == "bilinear":
        factor = min(box[0] // size[0], box[1] // size[1])
        halvings = max(factor, 1).bit_length() - 1
        box = (box[0] >> halvings << halvings, box[1] >> halvings << halvings)
    return Plan(
        top=(height - box[0]) // 2,
        left=(width - box[1]) // 2,
        box=box,
        halvings=halvings,
        size=size,
        pad_top=(target[0] - size[0]) // 2,
        pad_left=(target[1] - size[1]) // 2,
    )


def resize(frame: Frame, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return a frame at the input size, RGB.

    Args:
        frame: BGR uint8 of any size (grey, alpha and 16-bit are converted).
        preprocessing: The rule.

    Returns:
        A new array, shape ``(height, width, 3)``, uint8, RGB.

    Raises:
        FrameError: If it is not a picture.
    """
    out = np.empty((preprocessing.height, preprocessing.width, 3), np.uint8)
    frame = to_frame(frame)
    steps = plan((frame.shape[0], frame.shape[1]), preprocessing)
    _fill(frame, steps, preprocessing, out, _Scratch(), swaps_color=True)
    return out


class Preprocessor:
    """Prepares frames for one model, reusing its buffers.

    Attributes:
        preprocessing: How a frame becomes the input size.
        input: What the input tensor holds.
    """

    def __init__(self, preprocessing: Preprocessing, tensor: InputTensor | None = None) -> None:
        self.preprocessing = preprocessing
        self.input = tensor or InputTensor()
        self._pixels = np.empty((1, preprocessing.height, preprocessing.width, 3), np.uint8)
        self._scratch = _Scratch()
        self._frame_size: tuple[int, int] | None = None
        self._plan: Plan | None = None

    def __call__(self, frame: Frame) -> Batch:
        """Return the model's input for a frame.

        Args:
            frame: BGR uint8 of any size (grey, alpha and 16-bit are converted).

        Returns:
            Batch 1 in the layout, colour order and dtype of ``input``. It is overwritten by the next call.

        Raises:
            FrameError: If it is not a picture.
        """
        frame = to_frame(frame)
        size = (frame.shape[0], frame.shape[1])
        if self._plan is None or size != self._frame_size:
            self._frame_size, self._plan = size, plan(size, self.preprocessing)
        swaps_color = self.input.color == "rgb"
        pixels = self._pixels[0]
        _fill(frame, self._plan, self.preprocessing, pixels, self._scratch, swaps_color=swaps_color)
        return self._as_tensor()

    def _as_tensor(self) -> Batch:
        batch: Batch = self._pixels
        if self.input.mean:
            mean = np.asarray(self.input.mean, np.float32)
            std = np.asarray(self.input.std, np.float32)
            batch = (batch.astype(np.float32) - mean) / std
        elif self.input.dtype == "float32":
            batch = batch.astype(np.float32)
        if self.input.layout == "nchw":
            batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
        return batch


class _Scratch:
    """Arrays between the steps, kept from frame to frame.

    Arrays of this size come from the system anew each time they are made, and its page faults take longer
    than the resizing.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[np.uint8]] = {}

    def array(self, step: str, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
        """Return the array of a step, shape ``(*size, channels)``."""
        array = self._arrays.get(step)
        if array is None or array.shape != (*size, channels):
            array = self._arrays[step] = np.empty((*size, channels), np.uint8)
        return array


def _fill(
    frame: Frame,
    steps: Plan,
    preprocessing: Preprocessing,
    out: NDArray[np.uint8],
    scratch: _Scratch,
    *,
    swaps_color: bool,
) -> None:
    box: Any = frame[steps.top : steps.top + steps.box[0], steps.left : steps.left + steps.box[1]]
    for i in range(steps.halvings):
        size = (box.shape[0] // 2, box.shape[1] // 2)
        half = scratch.array(f"halved {i}", size, 3)
        box = cv2.resize(box, size[::-1], dst=half, interpolation=cv2.INTER_LINEAR_EXACT)
    scale = _bilinear if preprocessing.interpolation == "bilinear" else _nearest
    if steps.size == out.shape[:2]:
        scale(box, out, scratch, swaps_color=swaps_color)
        return
    scaled = scratch.array("scaled", steps.size, 3)
    scale(box, scaled, scratch, swaps_color=swaps_color)
    out[:] = PAD_VALUE
    rows = slice(steps.pad_top, steps.pad_top + steps.size[0])
    out[rows, steps.pad_left : steps.pad_left + steps.size[1]] = scaled


def _bilinear(box: Any, out: NDArray[np.uint8], scratch: _Scratch, *, swaps_color: bool) -> None:
    """Resize with a fourth channel that is thrown away: every other channel gets the same bytes.

    OpenCV's exact kernel is vectorized for one, two and four channels, not for three; this takes a quarter less
    time.
    """
    height, width = out.shape[:2]
    code = cv2.COLOR_BGR2RGBA if swaps_color else cv2.COLOR_BGR2BGRA
    padded = cv2.cvtColor(box, code, dst=scratch.array("padded", box.shape[:2], 4))
    scaled = scratch.array("scaled, padded", (height, width), 4)
    cv2.resize(padded, (width, height), dst=scaled, interpolation=cv2.INTER_LINEAR_EXACT)
    cv2.cvtColor(scaled, cv2.COLOR_BGRA2BGR, dst=out)


def _nearest(box: Any, out: NDArray[np.uint8], scratch: _Scratch, *, swaps_color: bool) -> None:
    del scratch
    cv2.resize(box, (out.shape[1], out.shape[0]), dst=out, interpolation=cv2.INTER_NEAREST)
    if swaps_color:
        cv2.cvtColor(out, cv2.COLOR_BGR2RGB, dst=out)


def _at_least_one(value: float, most: int) -> int:
    return min(max(round(value), 1), most)
