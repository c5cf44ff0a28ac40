"""From a frame of any size to the model's input: decided once per frame size, then a few OpenCV calls.

The same code prepares photos for training, calibration, comparison and the device.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Batch, Frame
from edgecls_device.frames import to_frame
from edgecls_device.input_values import InputValues
from edgecls_device.opencv import cv2
from edgecls_device.spec import InputTensor, Preprocessing

__all__ = ["Plan", "Preprocessor", "plan", "resize"]

_UINT8 = np.dtype(np.uint8)
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
    _Resizer((frame.shape[0], frame.shape[1]), preprocessing, swaps_color=True)(frame, out)
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
        self._values = _values_for(self.input, preprocessing)
        self._batch: Batch = self._pixels
        if self._values is not None:
            self._batch = np.empty(self._values.shape, self._values.dtype)
        self._shape: tuple[int, ...] | None = None
        self._resize: _Resizer  # made for the first frame, and anew for another size

    def __call__(self, frame: Frame) -> Batch:
        """Return the model's input for a frame.

        Args:
            frame: BGR uint8 of any size (grey, alpha and 16-bit are converted).

        Returns:
            Batch 1 in the layout, colour order and dtype of ``input``. It is overwritten by the next call.

        Raises:
            FrameError: If it is not a picture.
        """
        self.write(frame, lambda: self._batch)
        return self._batch

    @property
    def dtype(self) -> str:
        """What it gives: ``uint8``, or ``float32`` for models that take floats, or are quantized later."""
        return str(self._batch.dtype.name)

    def write(self, frame: Frame, memory: Callable[[], Batch]) -> None:
        """Write the model's input where the runtime reads it: the last step needs no copy then.

        Args:
            frame: BGR uint8 of any size (grey, alpha and 16-bit are converted).
            memory: Gives an array for batch 1 in the layout and colour order of ``input``, of :attr:`dtype`.
                It is called when nothing can be refused any more, and what it gives is not kept.

        Raises:
            FrameError: If it is not a picture.
        """
        if frame.shape != self._shape or frame.dtype is not _UINT8:
            frame = self._get_ready(frame)
        if self._values is None:
            self._resize(frame, memory()[0])
        else:
            self._resize(frame, self._pixels[0])
            self._values(self._pixels[0], memory())

    def _get_ready(self, frame: Frame) -> Frame:
        """Look at a frame that is not like the last one: return it as BGR, with a resizer for its size."""
        frame = to_frame(frame)
        if frame.shape != self._shape:
            swaps_color = self.input.color == "rgb"
            size = (frame.shape[0], frame.shape[1])
            self._resize = _Resizer(size, self.preprocessing, swaps_color=swaps_color)
            self._shape = frame.shape
        return frame


def _values_for(tensor: InputTensor, preprocessing: Preprocessing) -> InputValues | None:
    """Return what pixels become; None for our own artifacts, which take them as they are."""
    if tensor.dtype != "float32" and tensor.layout == "nhwc" and not tensor.mean:
        return None
    return InputValues(tensor, preprocessing.height, preprocessing.width)


class _Resizer:
    """The steps for frames of one size, with a buffer for each.

    The buffers are kept, since new ones come from the system each time and the page faults cost more than
    the resizing. The last step writes to where the runtime reads: right after an inference nothing of ours
    is in the cache, and fetching memory is most of the work.
    """

    def __init__(
        self, frame_size: tuple[int, int], preprocessing: Preprocessing, *, swaps_color: bool
    ) -> None:
        steps = plan(frame_size, preprocessing)
        (height, width), small = steps.box, steps.size
        self._box = _rectangle(steps.top, steps.left, steps.box)
        self._halves = [
            _resizing_into(_buffer(height >> i, width >> i), cv2.INTER_LINEAR_EXACT)
            for i in range(1, steps.halvings + 1)
        ]
        halved = (height >> steps.halvings, width >> steps.halvings)
        self._last = _last_step(halved, small, preprocessing, swaps_color=swaps_color)
        self._is_padded = small != (preprocessing.height, preprocessing.width)
        self._inside = _rectangle(steps.pad_top, steps.pad_left, small)

    def __call__(self, frame: Frame, out: NDArray[np.uint8]) -> None:
        """Write the resized frame to ``out``."""
        image = frame[self._box]
        for halve in self._halves:
            image = halve(image)
        if self._is_padded:
            out[:] = PAD_VALUE
            out = out[self._inside]
        self._last(image, out)


def _resizing_into(out: NDArray[np.uint8], interpolation: int) -> Callable[[Any], Any]:
    """Return what resizes a picture into a buffer and gives that: a call of OpenCV with nothing around it."""
    size = (out.shape[1], out.shape[0])
    return partial(cv2.resize, dsize=size, dst=out, interpolation=interpolation)


def _last_step(
    size: tuple[int, int],
    small: tuple[int, int],
    preprocessing: Preprocessing,
    *,
    swaps_color: bool,
) -> Callable[[NDArray[np.uint8], NDArray[np.uint8]], object]:
    """Return what brings a picture of one size to the last one, in the model's order of colours."""
    if size != small and preprocessing.interpolation == "bilinear":
        return _by_four_channels(size, small, swaps_color=swaps_color)
    if size != small:
        resize = _resizing_into(_buffer(*small), cv2.INTER_NEAREST)
        write = _color_step(swaps_color=swaps_color)
        return lambda image, out: write(resize(image), out)
    return _color_step(swaps_color=swaps_color)


def _color_step(*, swaps_color: bool) -> Callable[[NDArray[np.uint8], NDArray[np.uint8]], object]:
    if not swaps_color:
        return lambda image, out: np.copyto(out, image)
    return lambda image, out: cv2.cvtColor(image, cv2.COLOR_BGR2RGB, out)


def _by_four_channels(
    size: tuple[int, int], small: tuple[int, int], *, swaps_color: bool
) -> Callable[[NDArray[np.uint8], NDArray[np.uint8]], object]:
    """Return the last bilinear step: OpenCV is a third faster with four channels, with the same result."""
    wide = _buffer(*size, channels=4)
    resize = _resizing_into(_buffer(*small, channels=4), cv2.INTER_LINEAR_EXACT)
    widen = cv2.COLOR_BGR2RGBA if swaps_color else cv2.COLOR_BGR2BGRA

    def write(image: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        cv2.cvtColor(image, widen, wide)
        cv2.cvtColor(resize(wide), cv2.COLOR_BGRA2BGR, out)

    return write


def _rectangle(top: int, left: int, size: tuple[int, int]) -> tuple[slice, slice]:
    return slice(top, top + size[0]), slice(left, left + size[1])


def _buffer(height: int, width: int, *, channels: int = 3) -> NDArray[np.uint8]:
    return np.empty((height, width, channels), np.uint8)


def _at_least_one(value: float, most: int) -> int:
    return min(max(round(value), 1), most)
