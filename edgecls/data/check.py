"""Look through photos before training on them: what is broken, doubled, mislabelled or too small."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from edgecls_device.labels import check_labels

from edgecls.data.check_record import DataCheck, Finding
from edgecls.data.findings import (
    Copies,
    about_alike,
    about_classes,
    about_labels,
    about_tiny,
    find_copies,
)
from edgecls.data.folders import FoundPhotos, find_photos, relative_path
from edgecls.data.gathered import NO_CLASS, Gathered, gather
from edgecls.data.looks import LookedPhoto, look_at_file
from edgecls.data.parallel import cores, each
from edgecls.progress import Advance

__all__ = ["check_looks", "check_photos"]


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
    return check_looks(_looks(found, on_progress), root=str(found.root), found=found)


def check_looks(
    looks: Iterable[LookedPhoto], *, root: str, found: FoundPhotos | None = None
) -> DataCheck:
    """Compare photos that were looked at.

    Near duplicates are looked for among at most 200,000 photos, by comparing all of them with each other.

    Args:
        looks: Of every photo, in an order that is the same every time.
        root: Where they are: a folder, or the place of shards.
        found: What lies in the folder, if they are files below one.

    Raises:
        DataError: If the name of a class cannot be a label.
    """
    photos = gather(looks, found.labels if found else ())
    labels = check_labels(_in_order(photos.labels)) if photos.labels else ()
    copies = find_copies(photos)
    alike, leaking = about_alike(photos, copies)
    usable = _usable(photos, copies)
    findings = [
        *about_classes({label: usable[label] for label in labels}),
        *photos.broken,
        *copies.findings,
        *alike,
        *about_tiny(photos, copies),
        *(_ignored(found) if found else ()),
        *about_labels(labels, photos.unlabelled),
    ]
    return DataCheck(
        root=root,
        merged=found.merged if found else (),
        files={label: photos.files[label] for label in labels},
        usable={label: usable[label] for label in labels},
        others=dict(Counter(file.path.suffix.lower() for file in found.others).most_common())
        if found
        else {},
        leaking=leaking,
        is_compared=photos.thumbnails is not None,
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != "problem")),
    )


def _looks(found: FoundPhotos, on_progress: Advance | None) -> Iterator[LookedPhoto]:
    for file, look in each(
        lambda file: look_at_file(file.path),
        found.photos,
        threads=cores(),
        on_progress=on_progress,
    ):
        path = relative_path(found.root, file.path)
        yield LookedPhoto(path=path, label=found.labels[file.class_id], look=look)


def _usable(photos: Gathered, copies: Copies) -> Counter[str]:
    class_ids = np.array(photos.class_ids, np.intc)[copies.is_usable]
    counts = np.bincount(class_ids[class_ids != NO_CLASS], minlength=len(photos.labels))
    return Counter(dict(zip(photos.labels, counts.tolist(), strict=True)))


def _in_order(labels: Sequence[str]) -> list[str]:
    """Return labels as training would order them; numbers by their value."""
    are_numbers = all(label.isascii() and label.isdecimal() for label in labels)
    return sorted(labels, key=lambda label: (len(label) if are_numbers else 0, label))


def _ignored(found: FoundPhotos) -> Iterator[Finding]:
    for path in found.stray:
        paths = (relative_path(found.root, path),)
        yield Finding(kind="not in a class folder", severity="note", paths=paths)
    for file in found.others:
        paths = (relative_path(found.root, file.path),)
        yield Finding(kind="other file", severity="note", paths=paths)
