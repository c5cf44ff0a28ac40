"""A folder of photos as a :class:`PhotoSet`: which photos are used, which are left out, and why."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import category

from edgecls_device.errors import DataError
from edgecls_device.images import MAX_IMAGE_BYTES
from edgecls_device.labels import check_labels

from edgecls.data.folders import FoundPhotos, find_photos, relative_path
from edgecls.data.parallel import each
from edgecls.data.split_record import SkippedPhoto
from edgecls.progress import Advance

__all__ = ["MIN_PHOTOS", "Photo", "PhotoSet", "load_photos", "printable"]

MIN_PHOTOS = 5
"""Fewest photos of a class that can be split in three and still be learnt from."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLOCK_BYTES = 1 << 20
_HASHING_THREADS = 8  # mostly waiting for the disk; hashlib releases the interpreter lock


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """One photo.

    Attributes:
        path: Absolute.
        class_id: Place of its label among the labels.
        content_hash: SHA-256 of the file's bytes, as hex.
    """

    path: Path
    class_id: int
    content_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoSet:
    """The photos of a data set, each content once.

    Attributes:
        root: The folder with the class folders, absolute.
        labels: One label per class, sorted, in Unicode form NFC.
        photos: The photos in use, by class and then by path.
        skipped: The photos left out.
        merged: Folders such as ``train`` and ``validation`` whose classes were put together; else empty.
        is_for_training: Whether there have to be two classes, and enough photos of each to learn from.
    """

    root: Path
    labels: tuple[str, ...]
    photos: tuple[Photo, ...]
    skipped: tuple[SkippedPhoto, ...] = ()
    merged: tuple[str, ...] = ()
    is_for_training: bool = True

    def __post_init__(self) -> None:
        check_labels(self.labels)
        if not self.is_for_training:
            return
        if len(self.labels) < 2:
            message = f"Expected at least two classes, got {len(self.labels)}."
            raise DataError(message, hint=f"add another class folder to {self.root}")
        few = {label: n for label, n in self.counts.items() if n < MIN_PHOTOS}
        if few:
            raise self._too_few(few)

    @property
    def counts(self) -> dict[str, int]:
        """Label -> number of photos in use, in label order."""
        number = Counter(photo.class_id for photo in self.photos)
        return {label: number[class_id] for class_id, label in enumerate(self.labels)}

    @property
    def skipped_counts(self) -> dict[str, int]:
        """Reason -> number of photos left out."""
        return dict(sorted(Counter(photo.reason for photo in self.skipped).items()))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the sorted content hashes and labels: the same photos in the same classes, anywhere."""
        lines = sorted(
            f"{photo.content_hash} {self.labels[photo.class_id]}\n" for photo in self.photos
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def relative(self, path: Path) -> str:
        """Return a photo's path below the root, with ``/``."""
        return relative_path(self.root, path)

    def without(
        self, paths: Iterable[Path], reason: str, *, details: Mapping[Path, str] | None = None
    ) -> "PhotoSet":
        """Return the set with some photos left out.

        Args:
            paths: As in ``photos``.
            reason: Why, such as ``undecodable``; what they are counted under.
            details: What exactly was found, by path.

        Raises:
            DataError: If a class of a set for training has fewer than 5 photos then.
        """
        gone = set(paths)
        skipped = tuple(
            SkippedPhoto(
                path=self.relative(photo.path),
                reason=reason,
                detail=(details or {}).get(photo.path, ""),
            )
            for photo in self.photos
            if photo.path in gone
        )
        return replace(
            self,
            photos=tuple(photo for photo in self.photos if photo.path not in gone),
            skipped=self.skipped + skipped,
        )

    def _too_few(self, few: Mapping[str, int]) -> DataError:
        shown = ", ".join(f"{n} in {label!r}" for label, n in list(few.items())[:5])
        more = f" and {len(few) - 5} more classes" if len(few) > 5 else ""
        reasons = ", ".join(f"{n} {reason}" for reason, n in self.skipped_counts.items())
        left_out = f" (left out: {reasons})" if reasons else ""
        message = (
            f"Expected at least {MIN_PHOTOS} photos in each class, got {shown}{more}{left_out}."
        )
        action = f"add photos to {_class_folder(self, next(iter(few)))}, or remove that class"
        return DataError(message, hint=f"{action}; see: edgecls data check {self.root}")


def load_photos(
    root: Path | str, *, is_for_training: bool = True, on_progress: Advance | None = None
) -> PhotoSet:
    """Read a folder of class folders; see :mod:`edgecls.data.folders` for what is a class and a photo.

    Every file is hashed. Of photos with the same content in one class the first is used; content that stands in
    two classes is left out in both, since one label is wrong. Whether a photo decodes is not known yet: whoever
    decodes calls :meth:`PhotoSet.without`.

    Args:
        root: The folder.
        is_for_training: Whether to refuse fewer than two classes, and a class with fewer than 5 usable photos.
            Where nothing is learnt, such as in a comparison, one photo of one class is something.
        on_progress: Called with the number of files just hashed, of ``len(find_photos(root).photos)``.

    Raises:
        DataError: If there is no such folder, too few classes or photos of one, only files of other kinds in a
            class folder, or a class name that cannot be a label.
        StorageError: If a folder may not be read.
    """
    found = find_photos(root, fewest_classes=2 if is_for_training else 1)
    _refuse_empty_classes(found, is_for_training=is_for_training)
    photos, skipped = _hash_all(found, on_progress)
    used, repeated = _each_content_once(found, photos)
    stray = [
        SkippedPhoto(path=relative_path(found.root, path), reason="not in a class folder")
        for path in found.stray
    ]
    return PhotoSet(
        root=found.root,
        labels=found.labels,
        photos=tuple(used),
        skipped=tuple(sorted(skipped + repeated + stray, key=lambda photo: photo.path)),
        merged=found.merged,
        is_for_training=is_for_training,
    )


def printable(text: str) -> str:
    """Return a file's name for a terminal: control, invisible and broken characters become escapes."""
    return "".join(
        c.encode("unicode_escape").decode() if category(c) in _UNSEEN else c for c in text
    )


def _refuse_empty_classes(found: FoundPhotos, *, is_for_training: bool) -> None:
    full = {file.class_id for file in found.photos}
    for class_id, label in enumerate(found.labels):
        if class_id in full:
            continue
        folder = _class_folder(found, label)
        others = [file.path for file in found.others if file.class_id == class_id]
        if not others and not is_for_training:
            continue
        got = f"none in {label!r}"
        hint = f"put photos into {folder}, or remove the folder"
        if others:
            files = "1 other file" if len(others) == 1 else f"{len(others)} other files"
            got += f", only {files} such as {printable(others[0].name)!r}"
            hint = f"convert them to JPEG, PNG, WebP or BMP, or remove {folder}"
        message = f"Expected photos in every class folder of {str(found.root)!r}, got {got}."
        raise DataError(message, hint=hint)


def _class_folder(photos: FoundPhotos | PhotoSet, label: str) -> Path:
    return photos.root.joinpath(*photos.merged[:1], label)


def _hash_all(
    found: FoundPhotos, on_progress: Advance | None
) -> tuple[list[Photo], list[SkippedPhoto]]:
    photos: list[Photo] = []
    skipped: list[SkippedPhoto] = []

    for file, (content_hash, reason, detail) in each(
        lambda file: _hash(file.path),
        found.photos,
        threads=_HASHING_THREADS,
        on_progress=on_progress,
    ):
        if reason:
            path = relative_path(found.root, file.path)
            skipped.append(SkippedPhoto(path=path, reason=reason, detail=detail))
        else:
            photos.append(Photo(path=file.path, class_id=file.class_id, content_hash=content_hash))
    return photos, skipped


def _hash(path: Path) -> tuple[str, str, str]:
    """Return (content hash, reason to leave it out, detail) of a file."""
    digest, size = hashlib.sha256(), 0
    try:
        str(path).encode()
        if not path.is_file():  # a pipe would block for ever
            return "", "unreadable", "not a file, or a link to nothing"
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                size += len(block)
                digest.update(block)
                if size > MAX_IMAGE_BYTES:
                    return "", "undecodable", f"larger than {MAX_IMAGE_BYTES // 1_000_000} MB"
    except UnicodeEncodeError:
        return "", "unreadable", "its name is not Unicode (UTF-8)"
    except OSError as error:
        return "", "unreadable", error.strerror or str(error)
    if size == 0:
        return "", "undecodable", "an empty file"
    return digest.hexdigest(), "", ""


def _each_content_once(
    found: FoundPhotos, photos: list[Photo]
) -> tuple[list[Photo], list[SkippedPhoto]]:
    by_content: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        by_content[photo.content_hash].append(photo)
    used: list[Photo] = []
    skipped: list[SkippedPhoto] = []
    for photo in photos:
        same = by_content[photo.content_hash]
        path = relative_path(found.root, photo.path)
        elsewhere = next((other for other in same if other.class_id != photo.class_id), None)
        if elsewhere is not None:
            detail = f"also {relative_path(found.root, elsewhere.path)}"
            skipped.append(SkippedPhoto(path=path, reason="in two classes", detail=detail))
        elif photo is not same[0]:
            detail = f"same as {relative_path(found.root, same[0].path)}"
            skipped.append(SkippedPhoto(path=path, reason="duplicate", detail=detail))
        else:
            used.append(photo)
    return used, skipped
