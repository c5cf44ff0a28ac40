"""Which photos of a run go into a bundle: some of each class, the same ones each time."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import DataError, ImageError, StorageError
from edgecls_device.files import read_bytes
from edgecls_device.images import MAX_IMAGE_BYTES
from edgecls_export.bundles.golden_scores import PhotoFile

from edgecls.bundling.photo_files import small_photo
from edgecls.data.folders import photos_below, relative_path
from edgecls.data.split import read_split
from edgecls.run_directory import RunDirectory

__all__ = ["DEFAULT_PHOTOS", "MOST_PHOTOS", "choose_photos"]

DEFAULT_PHOTOS = 16
MOST_PHOTOS = 999


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    """A photo that may be taken.

    Attributes:
        path: Where it is.
        label: Its class as people said.
        order: SHA-256 of its content, or of its name in a folder that was given: whose turn it is.
    """

    path: Path
    label: str
    order: str


def choose_photos(
    run: RunDirectory,
    data: Path | None,
    count: int,
    *,
    side_px: int,
    advance: Callable[[int], None] | None = None,
) -> tuple[PhotoFile, ...]:
    """Return photos of the run's test split, or of a folder, as many of each class as there are.

    They are taken in the order of a hash, one of each class before a second of any, so that it is the same
    choice each time. One that cannot be read is passed over.

    Args:
        run: The run.
        data: A folder of photos, in folders for each class; None for the run's test photos.
        count: How many at most.
        side_px: What the shorter side of a large photo is made.
        advance: Called with 1 for each photo.

    Raises:
        DataError: If there are none: no split, moved, or all damaged. The hint says what to give.
    """
    candidates = _of_run(run) if data is None else _of_folder(data)
    taken: list[PhotoFile] = []
    for candidate in _in_turn(candidates):
        if len(taken) == count:
            break
        try:
            content = read_bytes(candidate.path, max_bytes=MAX_IMAGE_BYTES)
            photo = small_photo(content, name=str(candidate.path), side_px=side_px)
        except (ImageError, StorageError):
            continue  # "edgecls data check" tells about it; here another of its class is as good
        taken.append(PhotoFile(label=candidate.label, data=photo))
        if advance is not None:
            advance(1)
    if not taken:
        where = data or read_split(run.split).root
        message = f"Expected photos that can be read in {str(where)!r}, got none."
        raise DataError(message, hint=_otherwise(run))
    return tuple(taken)


def _of_run(run: RunDirectory) -> list[_Candidate]:
    if not run.split.is_file():
        message = f"Expected the test photos of a training in {str(run.split)!r}, got no such file."
        raise DataError(message, hint=_otherwise(run))
    split = read_split(run.split)
    if not Path(split.root).is_dir():
        message = f"Expected the photos of the run in {split.root!r}, got no such folder."
        raise DataError(message, hint=f"put it back; or {_otherwise(run)}")
    return [
        _Candidate(
            path=split.path_of(photo),
            label=split.labels[photo.class_id],
            order=photo.content_hash,
        )
        for photo in split.subset("test")
    ]


def _of_folder(root: Path) -> list[_Candidate]:
    root = root.expanduser().resolve()
    found = photos_below(root)
    return [
        _Candidate(
            path=path,
            label=path.parent.name.encode("utf-8", "backslashreplace").decode(),
            order=hashlib.sha256(relative_path(root, path).encode()).hexdigest(),
        )
        for path in found
    ]


def _in_turn(candidates: Sequence[_Candidate]) -> Iterator[_Candidate]:
    """Yield the first of each class, then the second of each; classes in the order of their first."""
    by_label: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda one: (one.order, str(one.path))):
        by_label[candidate.label].append(candidate)
    for turn in range(max(map(len, by_label.values()), default=0)):
        yield from (of_class[turn] for of_class in by_label.values() if turn < len(of_class))


def _otherwise(run: RunDirectory) -> str:
    return f"edgecls bundle {run.path} --data PHOTOS, a folder for each class; or --no-photos"
