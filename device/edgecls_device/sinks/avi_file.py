"""Motion JPEG in AVI that survives a crash: each frame is on its way to the disk at once, the index comes last.

A file that was cut off anywhere is made whole by ``recover``, which finds its frames again. Unlike OpenCV's
writer this one says when the disk is full. Its files stay below a gigabyte, where all players agree about AVI.

Source: AVI RIFF File Reference (Microsoft): AVIMAINHEADER, AVISTREAMHEADER, BITMAPINFOHEADER, AVIOLDINDEX.
"""

import errno
import os
import struct
from array import array
from pathlib import Path

__all__ = ["LONGEST_BYTES", "AviFile", "recover"]

LONGEST_BYTES = 1_000_000_000
_HEADER_BYTES = 224  # up to the first frame
_FRAMES_AT, _LENGTH_AT, _MOVI_AT = 48, 140, 216
_HAS_INDEX, _KEY_FRAME = 0x10, 0x10


class AviFile:
    """A file to which frames are appended. Errors of the disk are ``OSError``; the file stays whole."""

    def __init__(self, path: Path, *, height: int, width: int, rate: float) -> None:
        """Create the file, or empty the one that is there.

        Args:
            path: Where.
            height: Of each frame, pixels.
            width: Of each frame, pixels.
            rate: Frames a second.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o644)
        self._sizes = array("I")  # of the frames
        try:
            self._bytes = 0
            self._write(_header(height=height, width=width, rate=rate))
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self._sizes)

    @property
    def size_bytes(self) -> int:
        """How long it is, without its index."""
        return self._bytes

    def append(self, jpeg: bytes) -> None:
        """Append one frame, whole or not at all."""
        self._write(b"00dc" + struct.pack("<I", len(jpeg)) + jpeg + b"\0" * (len(jpeg) % 2))
        self._sizes.append(len(jpeg))

    def finish(self) -> None:
        """Write the index, bring all to the disk and close the file."""
        try:
            _complete(self._descriptor, self._sizes, self._bytes)
        finally:
            os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        try:
            _write_at(self._descriptor, data, self._bytes)
        except OSError:
            os.ftruncate(self._descriptor, self._bytes)
            raise
        self._bytes += len(data)


def recover(path: Path) -> int:
    """Make a file whole that ``AviFile`` did not finish; return how many frames it has, at worst none.

    Raises:
        FileExistsError: If the file is not one of ``AviFile``. It is left as it is.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        head = os.pread(descriptor, _HEADER_BYTES, 0)
        if len(head) < _HEADER_BYTES or not head.strip(b"\0"):
            return 0  # killed before the first frame, or a power loss
        if (head[:4], head[8:12], head[220:]) != (b"RIFF", b"AVI ", b"movi"):
            raise FileExistsError(errno.EEXIST, "another file has this name")
        sizes, end = _frames_of(descriptor)
        if sizes:
            os.ftruncate(descriptor, end)
            _complete(descriptor, sizes, end)
        return len(sizes)
    finally:
        os.close(descriptor)


def _frames_of(descriptor: int) -> "tuple[array[int], int]":
    """Return the sizes of the whole frames, and where the last one ends."""
    sizes, position = array("I"), _HEADER_BYTES
    length = os.fstat(descriptor).st_size
    while True:
        head = os.pread(descriptor, 10, position)
        if len(head) < 10 or head[:4] != b"00dc" or head[8:] != b"\xff\xd8":
            return sizes, position
        (size,) = struct.unpack_from("<I", head, 4)
        end = position + 8 + size + size % 2
        if end > length or os.pread(descriptor, 2, position + 8 + size - 2) != b"\xff\xd9":
            return sizes, position
        sizes.append(size)
        position = end


def _complete(descriptor: int, sizes: "array[int]", end: int) -> None:
    index, offset = bytearray(), 4  # from the word ``movi``
    for size in sizes:
        index += struct.pack("<4sIII", b"00dc", _KEY_FRAME, offset, size)
        offset += 8 + size + size % 2
    _write_at(descriptor, b"idx1" + struct.pack("<I", len(index)) + bytes(index), end)
    total = end + 8 + len(index)
    for position, value in (
        (_MOVI_AT, end - _MOVI_AT - 4),
        (_FRAMES_AT, len(sizes)),
        (_LENGTH_AT, len(sizes)),
        (4, total - 8),
    ):
        _write_at(descriptor, struct.pack("<I", value), position)
    os.fsync(descriptor)


def _write_at(descriptor: int, data: bytes, position: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, memoryview(data)[done:], position + done)


def _header(*, height: int, width: int, rate: float) -> bytes:
    """Return everything before the first frame; the counts in it are right once it is finished."""
    scale = 1000
    avih = struct.pack(
        "<14I", round(1e6 / rate), 0, 0, _HAS_INDEX, 0, 0, 1, 0, width, height, 0, 0, 0, 0
    )
    strh = struct.pack(
        "<4s4sIHHIIIIIIII4H", b"vids", b"MJPG", 0, 0, 0, 0, scale, round(rate * scale),
        0, 0, 0, 0xFFFFFFFF, 0, 0, 0, width, height,
    )  # fmt: skip
    strf = struct.pack(
        "<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0
    )
    streams = _list(b"strl", _chunk(b"strh", strh) + _chunk(b"strf", strf))
    headers = _list(b"hdrl", _chunk(b"avih", avih) + streams)
    return b"RIFF" + struct.pack("<I", 0) + b"AVI " + headers + _list(b"movi", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data


def _list(name: bytes, data: bytes) -> bytes:
    return _chunk(b"LIST", name + data)
