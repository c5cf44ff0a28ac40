"""Features by worker processes: the task that a backbone becomes, and the cache of a training filled by it."""

import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from edgecls_device.backends.table import BACKENDS
from edgecls_device.errors import EdgeclsError, ExecutorError
from edgecls_device.images import read_image
from edgecls_device.lazy import load
from edgecls_device.spec import Preprocessing
from edgecls_device.stamps import installed_versions
from numpy.typing import NDArray

from edgecls.data.folders import relative_path
from edgecls.data.load import Photo
from edgecls.progress import Advance
from edgecls.scale.executors import Executor
from edgecls.scale.features_task import FeaturesTask
from edgecls.scale.piece import Piece
from edgecls.scale.work import PieceWork
from edgecls.training.extractor import portable_copy
from edgecls.training.feature_cache import FeatureCache
from edgecls.training.features import PhotoFeatures

__all__ = ["OpenExecutor", "features_over", "features_task"]

OpenExecutor: TypeAlias = Callable[[], AbstractContextManager[Executor]]
"""Opens worker processes; they end with the block. Called only if something must be computed."""

_PHOTOS_PER_PIECE = 64  # what a crash can lose on each worker


def features_task(
    backbone: Any, preprocessing: Preprocessing, *, extractor: str, copy: Path
) -> FeaturesTask:
    """Return the task that computes what a backbone gives.

    Args:
        backbone: The Keras backbone: ``(None, height, width, 3)`` float32 RGB 0..255 in, features out.
        preprocessing: How photos become its input.
        extractor: Hash of the three, see :func:`edgecls.training.extractor.extractor_fingerprint`.
        copy: Where its TFLite copy is kept, made if it is not there.

    Raises:
        ExportError: If the copy gives other features than Keras.
        MissingDependencyError: If there is no runtime for TFLite files.
        StorageError: If the copy cannot be written.
    """
    runtime, model = portable_copy(backbone, copy)
    versions = installed_versions([BACKENDS[runtime].package])
    versions["processor"] = platform.machine()
    return FeaturesTask(
        model=model,
        preprocessing=preprocessing,
        runtime=runtime,
        extractor=extractor,
        versions=tuple(f"{name} {version}" for name, version in versions.items()),
    )


def features_over(
    open_executor: OpenExecutor,
    photos: Sequence[Photo],
    root: Path,
    cache: FeatureCache,
    make_task: Callable[[], FeaturesTask],
    *,
    on_progress: Advance | None = None,
) -> PhotoFeatures:
    """Return the features of photos, letting workers compute those that are not in the cache.

    What a worker has finished is stored at once, so that a repeat goes on from there.

    Args:
        open_executor: Opens the workers.
        photos: The photos.
        root: The folder that they are below; workers read it by the same path.
        cache: Of the extractor.
        make_task: Makes the task; called only if something must be computed.
        on_progress: Called with the number of photos just done, cached ones included.

    Raises:
        ExecutorError: If a worker cannot read what can be read here, or the engine gave up.
        StorageError: If the cache cannot be written.
    """
    known = cache.read([photo.content_hash for photo in photos])
    missing = [photo for photo in photos if photo.content_hash not in known]
    advance = on_progress or _nowhere
    advance(len(photos) - len(missing))
    vectors: dict[str, NDArray[np.float32]] = {}
    errors: dict[Path, str] = {}
    if missing:
        work = PieceWork(task=make_task())
        read_vectors = load("edgecls.scale.parquet_vectors:read_vectors", extra="shards")
        with (
            open_executor() as executor,
            closing(executor.run(work, _pieces(missing, root))) as parts,
        ):
            for part in parts:
                _refuse(part.error)
                rows = list(read_vectors(part))
                fresh = {row.content_hash: row.vector for row in rows if not row.error}
                cache.write(fresh)
                vectors.update(fresh)
                errors.update((root / row.key, row.error) for row in rows if row.error)
                advance(part.photos)
    _require_unreadable_here(errors)
    return PhotoFeatures(
        vectors={**known, **vectors},
        undecodable={**errors, **_changed(missing, vectors, errors)},
        cached=len(photos) - len(missing),
        computed=len(vectors),
    )


def _pieces(photos: Sequence[Photo], root: Path) -> list[Piece]:
    starts = range(0, len(photos), _PHOTOS_PER_PIECE)
    return [
        Piece(
            index=index,
            kind="files",
            location=str(root),
            files=tuple(
                (relative_path(root, photo.path), "")
                for photo in photos[start : start + _PHOTOS_PER_PIECE]
            ),
        )
        for index, start in enumerate(starts)
    ]


def _require_unreadable_here(errors: dict[Path, str]) -> None:
    """Refuse to leave out photos only because a worker on another machine does not have them."""
    for path, error in errors.items():
        try:
            read_image(path)
        except EdgeclsError:
            continue
        _refuse(f"{path}: {error}")


def _refuse(error: str) -> None:
    if error:
        message = f"Expected every worker to read the photos, got: {error.rstrip('.')}."
        hint = "put them on a disk that all machines have under the same path"
        raise ExecutorError(message, hint=hint)


def _changed(
    photos: Sequence[Photo], vectors: dict[str, NDArray[np.float32]], errors: dict[Path, str]
) -> dict[Path, str]:
    """Return the photos that are other ones now than when they were listed."""
    return {
        photo.path: "it changed while it was read"
        for photo in photos
        if photo.content_hash not in vectors and photo.path not in errors
    }


def _nowhere(steps: int = 1) -> None:
    """Report nothing."""
