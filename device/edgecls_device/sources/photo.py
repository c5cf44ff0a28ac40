"""One photo."""

from collections.abc import Mapping
from pathlib import Path

from edgecls_device.arrays import Frame
from edgecls_device.images import read_image
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.protocol import (
    DELIVERING,
    ENDED,
    CapturedFrame,
    SourceStatus,
    captured_now,
)
from edgecls_device.stop import Stop

__all__ = ["PhotoSource", "open_photo"]


def open_photo(
    path: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> "PhotoSource":
    """Open a photo, which has no options.

    Raises:
        ImageError: If it cannot be decoded.
        StorageError: If it cannot be read.
    """
    del options, stop
    return PhotoSource(path)


class PhotoSource:
    """A photo file, read when it is opened. See ``Source`` for the contract."""

    is_live = False
    frame_rate = 0.0

    def __init__(self, path: Path | str, *, image: Frame | None = None) -> None:
        """Read a photo; ``image`` is its content if it was already decoded.

        Raises:
            ImageError: If it cannot be decoded.
            StorageError: If it cannot be read.
        """
        self.name = str(path)
        self._image: Frame | None = read_image(path) if image is None else image
        height, width = self._image.shape[:2]
        self.description = f"{width}x{height}"
        self.captured = 0
        self.dropped: Mapping[str, int] = {}
        self.problems: tuple[str, ...] = ()
        self.status: SourceStatus = DELIVERING

    def read(self, stop: Stop) -> CapturedFrame | None:
        """Return the photo, then None."""
        image, self._image = self._image, None
        if image is None or stop.is_requested:
            self.status = ENDED
            return None
        self.captured = 1
        return captured_now(image, index=0, source=self.name)

    def close(self) -> None:
        """Free the photo."""
        self._image = None
