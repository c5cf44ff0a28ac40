"""Look through a folder of photos before training on it: what is broken, doubled, mislabelled or too small."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecls_device.errors import EdgeclsError, StorageError
from edgecls_device.files import read_bytes
from edgecls_device.images import MAX_IMAGE_BYTES, decode_image
from edgecls_device.likeness import thumbnail
from numpy.typing import NDArray

from edgecls.data.check_record import DataCheck, Finding
from edgecls.data.folders import FoundFile, FoundPhotos, find_photos, relative_path
from edgecls.data.load import MIN_PHOTOS
from edgecls.data.parallel import cores, each
from edgecls.data.similar import groups, similar_pairs
from edgecls.data.split import split_of
from edgecls.progress import Advance

__all__ = ["IMBALANCE", "STRONG_IMBALANCE", "TINY_PX", "check_photos"]

TINY_PX = 64
"""A short side below it holds under a tenth of the pixels of a 224x224 input; the rest is made up."""

IMBALANCE = 3.0
"""The largest class has so many times the photos of the smallest: worth knowing; training weighs classes."""

STRONG_IMBALANCE = 10.0
"""Weights no longer make up for it: the smallest class has too little variety of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What one file turned out to be.

    Attributes:
        content_hash: SHA-256, empty if it cannot be read.
        size: (height, width) in pixels; None if it does not decode.
        thumbnail: See :func:`edgecls_device.likeness.thumbnail`.
        reason: Why it cannot be used: ``undecodable`` or ``unreadable``; empty if it can.
        detail: What exactly was found.
    """

    content_hash: str = ""
    size: tuple[int, int] | None = None
    thumbnail: NDArray[np.uint8] | None = None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Looked:
    """A decodable photo with a content that no earlier photo of its class has."""

    path: str
    class_id: int
    look: _Look


def check_photos(root: Path | str, *, on_progress: Advance | None = None) -> DataCheck:
    """Decode and compare every photo below a folder of class folders.

    Args:
        root: The folder.
        on_progress: Called with the number of files just decoded, of ``len(find_photos(root).photos)``.

    Raises:
        DataError: If there is no such folder, it has fewer than two class folders, or the name of one cannot
            be a label. Everything else is a finding.
        StorageError: If a folder may not be read.
    """
    found = find_photos(root)
    looks = list(each(_look, found.photos, threads=cores(), on_progress=on_progress))
    broken = list(_broken(found, looks))
    unique, conflicting, same = _by_content(found, looks)
    alike, leaking = _alike(found, unique)
    usable = Counter(photo.class_id for photo in unique if photo.path not in conflicting)
    counts = {label: usable[class_id] for class_id, label in enumerate(found.labels)}
    findings = [
        *_sizes_of_classes(counts),
        *broken,
        *same,
        *alike,
        *(_tiny(photo) for photo in unique if min(photo.look.size or (TINY_PX,)) < TINY_PX),
        *_ignored(found),
    ]
    files = Counter(file.class_id for file in found.photos)
    return DataCheck(
        root=str(found.root),
        merged=found.merged,
        files={label: files[class_id] for class_id, label in enumerate(found.labels)},
        usable=counts,
        others=dict(Counter(file.path.suffix.lower() for file in found.others).most_common()),
        leaking=leaking,
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != "problem")),
    )


def _look(file: FoundFile) -> _Look:
    if not file.path.is_file():  # a pipe would block for ever
        return _Look(reason="unreadable", detail="not a file, or a link to nothing")
    try:
        data = read_bytes(file.path, max_bytes=MAX_IMAGE_BYTES)
        frame = decode_image(data, name=file.path.name)
    except StorageError as error:
        return _Look(reason="unreadable", detail=error.message)
    except EdgeclsError as error:
        detail = error.message.partition(", got ")[2] or error.message
        return _Look(reason="undecodable", detail=detail.removeprefix(": "))
    return _Look(
        content_hash=hashlib.sha256(data).hexdigest(),
        size=(frame.shape[0], frame.shape[1]),
        thumbnail=thumbnail(frame),
    )


def _broken(found: FoundPhotos, looks: list[tuple[FoundFile, _Look]]) -> Iterator[Finding]:
    for file, look in looks:
        paths = (relative_path(found.root, file.path),)
        if look.reason == "unreadable":
            yield Finding(kind="unreadable", severity="problem", paths=paths, detail=look.detail)
        elif look.reason:
            yield Finding(kind="undecodable", severity="problem", paths=paths, detail=look.detail)


def _by_content(
    found: FoundPhotos, looks: list[tuple[FoundFile, _Look]]
) -> tuple[list[_Looked], set[str], list[Finding]]:
    """Return each content once per class, the paths of those in two classes, and findings."""
    by_content: dict[str, list[_Looked]] = defaultdict(list)
    for file, look in looks:
        if not look.reason:
            path = relative_path(found.root, file.path)
            photo = _Looked(path=path, class_id=file.class_id, look=look)
            by_content[look.content_hash].append(photo)
    unique: list[_Looked] = []
    conflicting: set[str] = set()
    findings: list[Finding] = []
    for same in by_content.values():
        firsts = {photo.class_id: photo for photo in reversed(same)}
        unique.extend(photo for photo in same if photo is firsts[photo.class_id])
        paths = tuple(photo.path for photo in same)
        if len(firsts) > 1:
            conflicting.update(paths)
            findings.append(Finding(kind="in two classes", severity="problem", paths=paths))
        elif len(same) > 1:
            findings.append(Finding(kind="duplicate", severity="note", paths=paths))
    return unique, conflicting, findings


def _alike(found: FoundPhotos, photos: list[_Looked]) -> tuple[list[Finding], int]:
    """Return findings about near duplicates, and how many flatter the results on validation and test photos."""
    thumbnails = [photo.look.thumbnail for photo in photos if photo.look.thumbnail is not None]
    if not thumbnails:
        return [], 0
    same_class, findings = [], []
    for pair in similar_pairs(np.stack(thumbnails)):
        first, second = photos[pair.first], photos[pair.second]
        if first.class_id == second.class_id:
            same_class.append(pair)
        elif pair.is_same_picture and first.look.content_hash != second.look.content_hash:
            detail = f"likeness {pair.cosine:.2f}"
            paths = (first.path, second.path)
            findings.append(
                Finding(
                    kind="similar in two classes", severity="problem", paths=paths, detail=detail
                )
            )
    leaking = 0
    for group in groups(same_class):
        splits = Counter(split_of(photos[i].look.content_hash) for i in group)
        leaking += splits["val"] + splits["test"] if splits["train"] else 0
        same_scene = tuple(photos[i].path for i in group)
        findings.append(Finding(kind="similar", severity="note", paths=same_scene))
    return findings, leaking


def _sizes_of_classes(counts: dict[str, int]) -> Iterator[Finding]:
    for label, n in counts.items():
        if n < MIN_PHOTOS:
            detail = f"{label!r} has {n} usable photos, at least {MIN_PHOTOS} are needed"
            yield Finding(kind="few photos", severity="problem", detail=detail)
    smallest, largest = min(counts, key=lambda k: counts[k]), max(counts, key=lambda k: counts[k])
    ratio = counts[largest] / max(counts[smallest], 1)
    detail = f"{largest!r} has {counts[largest]} usable photos, {smallest!r} {counts[smallest]}"
    if ratio >= STRONG_IMBALANCE:
        yield Finding(kind="strong imbalance", severity="problem", detail=detail)
    elif ratio >= IMBALANCE:
        yield Finding(kind="imbalance", severity="note", detail=detail)


def _tiny(photo: _Looked) -> Finding:
    height, width = photo.look.size or (0, 0)
    return Finding(
        kind="tiny", severity="note", paths=(photo.path,), detail=f"{width}x{height} pixels"
    )


def _ignored(found: FoundPhotos) -> Iterator[Finding]:
    for path in found.stray:
        paths = (relative_path(found.root, path),)
        yield Finding(kind="not in a class folder", severity="note", paths=paths)
    for file in found.others:
        paths = (relative_path(found.root, file.path),)
        yield Finding(kind="other file", severity="note", paths=paths)
    by_case: dict[str, list[str]] = defaultdict(list)
    for label in found.labels:
        by_case[label.casefold()].append(label)
    for names in by_case.values():
        if len(names) > 1:
            detail = " and ".join(map(repr, names))
            yield Finding(kind="names differ in case only", severity="note", detail=detail)
