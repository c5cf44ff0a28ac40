"""Memory shared by a capture process and its parent: counters, and room for one frame.

There is no lock in it. The child writes the frame only after the parent has asked for one, and the parent reads
it only after the child has said so, each through a pipe; the system calls order the memory of both, on any
processor. The counters are numbers of their own, each written by the child alone; they outlive it.
"""

import mmap
import os
import tempfile
from dataclasses import dataclass

import numpy as np

from edgecls_device.arrays import Frame
from edgecls_device.errors import FrameError, StorageError

__all__ = ["MAX_FRAME_PIXELS", "CaptureCounters", "FrameSlot"]

MAX_FRAME_PIXELS = 64_000_000  # the largest camera modules for the Raspberry Pi have 64 megapixels
FRAME_OFFSET = mmap.PAGESIZE
CHANNELS = 3
_NAMES = ("captured", "superseded", "corrupt", "unusable")


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureCounters:
    """What became of the frames in one capture process; those given out or waiting are the rest.

    Attributes:
        captured: Frames that came.
        superseded: Frames for which a newer one came before they were asked for.
        corrupt: Frames that did not decode.
        unusable: Frames that are no pictures of a kind that can be classified.
    """

    captured: int = 0
    superseded: int = 0
    corrupt: int = 0
    unusable: int = 0


class FrameSlot:
    """One end of the shared memory. It grows when a larger frame comes and never shrinks."""

    def __init__(self, fd: int) -> None:
        """Map the memory behind a descriptor that :func:`create_slot` made; the descriptor is kept open."""
        self.fd = fd
        self._map = mmap.mmap(fd, os.fstat(fd).st_size)
        self._counts = memoryview(self._map)[: 8 * len(_NAMES)].cast("Q")

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        self._counts[_NAMES.index(name)] += number

    @property
    def counters(self) -> CaptureCounters:
        """The counters now."""
        return CaptureCounters(**dict(zip(_NAMES, self._counts, strict=True)))

    def write(self, image: Frame) -> None:
        """Copy a frame into the slot.

        Raises:
            FrameError: If it is larger than any camera's.
            StorageError: If there is no memory for it.
        """
        height, width = image.shape[:2]
        if height * width > MAX_FRAME_PIXELS:
            message = (
                f"Expected a frame of at most {MAX_FRAME_PIXELS} pixels, got {width}x{height}."
            )
            raise FrameError(message, hint="ask the camera for smaller pictures")
        if FRAME_OFFSET + image.size > len(self._map):
            self._grow(FRAME_OFFSET + image.size)
        np.copyto(self._pixels(height, width), image)

    def read(self, height: int, width: int) -> Frame:
        """Return a copy of the frame in the slot, BGR uint8, shape ``(height, width, 3)``."""
        if FRAME_OFFSET + height * width * CHANNELS > len(self._map):
            self._remap()
        frame: Frame = self._pixels(height, width).copy()
        return frame

    def close(self) -> None:
        """Free this end."""
        self._counts.release()
        self._map.close()
        os.close(self.fd)

    def _pixels(self, height: int, width: int) -> Frame:
        size = height * width * CHANNELS
        pixels: Frame = np.frombuffer(self._map, np.uint8, count=size, offset=FRAME_OFFSET)
        frame: Frame = pixels.reshape(height, width, CHANNELS)
        return frame

    def _grow(self, size_bytes: int) -> None:
        """Reserve the memory too: writing where there is none would kill the process instead of failing."""
        try:
            _reserve(self.fd, size_bytes)
        except OSError as error:
            message = f"Expected {size_bytes} bytes of memory for a frame, got: {error.strerror}."
            raise StorageError(message, hint="ask the camera for smaller pictures") from error
        self._remap()

    def _remap(self) -> None:
        self._counts.release()
        self._map.close()
        self._map = mmap.mmap(self.fd, os.fstat(self.fd).st_size)
        self._counts = memoryview(self._map)[: 8 * len(_NAMES)].cast("Q")


def create_slot() -> FrameSlot:
    """Return a new slot, without room for a frame yet; its descriptor can be passed to a child."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("edgecls-frame")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    _reserve(fd, FRAME_OFFSET)
    return FrameSlot(fd)


def _reserve(fd: int, size_bytes: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size_bytes)
    else:
        os.ftruncate(fd, size_bytes)
