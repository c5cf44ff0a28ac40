"""The features of many photos: from the cache where they are known, else computed on every core."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecls_device.errors import FrameError, ImageError, StorageError
from edgecls_device.images import read_image
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing
from numpy.typing import NDArray

from edgecls.data.load import Photo
from edgecls.progress import Advance
from edgecls.training.extractor import Extractor
from edgecls.training.feature_cache import FeatureCache

__all__ = ["PhotoFeatures", "compute_features", "read_pixels"]

_STORED_AT_ONCE = 64  # what Ctrl-C or a crash can lose
_SUBMITTED_AT_ONCE = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoFeatures:
    """What was found for a set of photos.

    Attributes:
        vectors: Content hash -> ``(features,)``, float32.
        undecodable: Path -> what is wrong with the photo.
        cached: How many vectors came from the cache.
        computed: How many were computed.
    """

    vectors: Mapping[str, NDArray[np.float32]]
    undecodable: Mapping[Path, str]
    cached: int
    computed: int


def read_pixels(path: Path, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return a photo as the model sees it, ``(height, width, 3)``, uint8, RGB.

    Raises:
        ImageError: If it does not decode.
        StorageError: If it cannot be read.
    """
    return resize(read_image(path), preprocessing)


def compute_features(
    photos: Sequence[Photo],
    cache: FeatureCache,
    preprocessing: Preprocessing,
    open_extractor: Callable[[], Extractor],
    *,
    threads: int,
    on_progress: Advance | None = None,
) -> PhotoFeatures:
    """Return the features of photos, computing and storing those that are not in the cache.

    Decoding, resizing and the network run side by side in ``threads`` threads: OpenCV and the runtimes let
    go of the interpreter lock. When it is stopped, what was computed is stored.

    Args:
        photos: The photos.
        cache: Of the extractor.
        preprocessing: How photos become its input.
        open_extractor: Opens the extractor; called only if something must be computed.
        threads: How many photos at once.
        on_progress: Called with the number of photos just done, cached ones included.

    Raises:
        StorageError: If the cache cannot be written.
    """
    known = cache.read([photo.content_hash for photo in photos])
    missing = [photo for photo in photos if photo.content_hash not in known]
    if on_progress is not None and known:
        on_progress(len(photos) - len(missing))
    fresh = _Fresh(cache)
    if missing:
        extract = open_extractor()

        def work(photo: Photo) -> NDArray[np.float32]:
            return extract(read_pixels(photo.path, preprocessing))

        for start in range(0, len(missing), _SUBMITTED_AT_ONCE):
            some = missing[start : start + _SUBMITTED_AT_ONCE]
            _compute(work, some, threads, fresh, on_progress)
    return PhotoFeatures(
        vectors={**known, **fresh.vectors},
        undecodable=fresh.undecodable,
        cached=len(photos) - len(missing),
        computed=len(fresh.vectors),
    )


class _Fresh:
    """What was computed, stored batch by batch."""

    def __init__(self, cache: FeatureCache) -> None:
        self.vectors: dict[str, NDArray[np.float32]] = {}
        self.undecodable: dict[Path, str] = {}
        self._cache = cache
        self._unstored: dict[str, NDArray[np.float32]] = {}

    def add(self, photo: Photo, result: Future[NDArray[np.float32]]) -> None:
        try:
            self._unstored[photo.content_hash] = result.result()
        except (ImageError, FrameError, StorageError) as error:
            self.undecodable[photo.path] = error.message
        if len(self._unstored) >= _STORED_AT_ONCE:
            self.store()

    def store(self) -> None:
        self._cache.write(self._unstored)
        self.vectors.update(self._unstored)
        self._unstored = {}


def _compute(
    work: Callable[[Photo], NDArray[np.float32]],
    photos: Sequence[Photo],
    threads: int,
    fresh: _Fresh,
    on_progress: Advance | None,
) -> None:
    with ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(work, photo): photo for photo in photos}
        try:
            for future in as_completed(futures):
                fresh.add(futures[future], future)
                if on_progress is not None:
                    on_progress(1)
        finally:  # Ctrl-C: don't compute the rest first
            pool.shutdown(wait=False, cancel_futures=True)
            fresh.store()
