"""Photos as batches of pixels: decoded side by side, kept in memory while there is room."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
from edgecls_device.errors import FrameError, ImageError, StorageError
from edgecls_device.spec import Preprocessing
from numpy.typing import NDArray

from edgecls.training.features import read_pixels

__all__ = ["MEMORY_BYTES", "Pictures"]

MEMORY_BYTES = 1_000_000_000
_BATCHES_AHEAD = 3

Pixels = NDArray[np.uint8]
Change: TypeAlias = Callable[[Pixels, int], Pixels]


class Pictures:
    """Photo files at the model's input size.

    Attributes:
        preprocessing: How a photo becomes that size.
    """

    def __init__(
        self, preprocessing: Preprocessing, *, threads: int, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        self.preprocessing = preprocessing
        self._threads = threads
        self._room = memory_bytes // (preprocessing.height * preprocessing.width * 3)
        self._kept: dict[Path, Pixels] = {}

    def read(self, path: Path) -> Pixels:
        """Return a photo, ``(height, width, 3)``, uint8, RGB; not to be changed.

        Raises:
            ImageError: If it does not decode.
            StorageError: If it cannot be read.
        """
        pixels = self._kept.get(path)
        if pixels is None:
            pixels = read_pixels(path, self.preprocessing)
            if len(self._kept) < self._room:
                self._kept[path] = pixels
        return pixels

    def check(self, paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
        """Read every photo, and yield its path and what is wrong with it, empty if nothing is."""

        def fault(path: Path) -> str:
            try:
                self.read(path)
            except (ImageError, FrameError, StorageError) as error:
                return error.message
            return ""

        with ThreadPoolExecutor(self._threads) as pool:
            try:
                yield from zip(paths, pool.map(fault, paths), strict=True)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def batches(
        self, paths: Sequence[Path], batch_size: int, *, change: Change | None = None
    ) -> Iterator[Pixels]:
        """Yield the photos in order, ``(batch, height, width, 3)``, uint8, a few batches prepared ahead.

        Args:
            paths: The photos.
            batch_size: Photos per batch; the last batch may be smaller.
            change: What to do to each photo, given its place in ``paths``; it must return a new array.

        Raises:
            ImageError: If one does not decode.
            StorageError: If one cannot be read.
        """

        def prepare(index: int) -> Pixels:
            pixels = self.read(paths[index])
            return pixels if change is None else change(pixels, index)

        with ThreadPoolExecutor(self._threads) as pool:
            ahead: deque[list[Future[Pixels]]] = deque()
            try:
                for start in range(0, len(paths), batch_size):
                    numbers = range(start, min(start + batch_size, len(paths)))
                    ahead.append([pool.submit(prepare, number) for number in numbers])
                    if len(ahead) > _BATCHES_AHEAD:
                        yield np.stack([future.result() for future in ahead.popleft()])
                while ahead:
                    yield np.stack([future.result() for future in ahead.popleft()])
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
