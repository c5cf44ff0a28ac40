"""Before several processes train together: that they have the same photos and the same backbone."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from edgecls_device.errors import DataError, DistributedError

from edgecls.data.load import PhotoSet
from edgecls.distributed.group import Group
from edgecls.training.extractor import weights_fingerprint

__all__ = ["agree_on_photos", "agree_on_weights"]

_SHOWN = 5
_HINT = "copy the photos of rank 0 to the other machines (rsync -a --delete), or share one folder"


def agree_on_photos(photo_set: PhotoSet, group: Group) -> None:
    """Compare the photos of all processes: paths below the root, content and classes.

    Raises:
        DataError: In every process, if they differ; the message says where.
        DistributedError: If another process is lost.
    """
    if group.size == 1:
        return
    photos = {
        photo_set.relative(photo.path): f"{photo_set.labels[photo.class_id]} {photo.content_hash}"
        for photo in photo_set.photos
    }
    own = json.dumps(photos, sort_keys=True)
    if len(set(group.gather_text(hashlib.sha256(own.encode()).hexdigest()))) == 1:
        return
    skipped = {photo.path: photo.reason for photo in photo_set.skipped}
    found = [json.loads(text) for text in group.gather_text(json.dumps([photos, skipped]))]
    differences = [
        difference
        for rank, (theirs, left_out) in enumerate(found[1:], start=1)
        for difference in _differences(rank, found[0], (theirs, left_out))
    ]
    shown = ", ".join(differences[:_SHOWN])
    more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    message = f"Expected the same photos in every process, got differences: {shown}{more}."
    raise DataError(message, hint=_HINT)


def agree_on_weights(network: Any, group: Group) -> None:
    """Compare the weights of the backbone that all processes begin with.

    Raises:
        DistributedError: In every process, if they differ, or if another process is lost.
    """
    if group.size == 1:
        return
    found = group.gather_text(weights_fingerprint(network))
    others = [rank for rank, text in enumerate(found) if text != found[0]]
    if others:
        ranks = ", ".join(map(str, others))
        message = (
            f"Expected the backbone of rank 0 in every process, got other weights on: {ranks}."
        )
        hint = "install the same versions of all packages, and the same weights in ~/.keras/models"
        raise DistributedError(message, hint=hint)


Found = tuple[Mapping[str, str], Mapping[str, str]]
"""Of one process: path -> class and content, and path -> why it was left out."""


def _differences(rank: int, first: Found, other: Found) -> Iterator[str]:
    for path in sorted(first[0].keys() | other[0].keys()):
        if path not in other[0]:
            yield f"rank {rank} lacks {path!r}{_reason(path, other)}"
        elif path not in first[0]:
            yield f"rank 0 lacks {path!r}{_reason(path, first)}"
        elif first[0][path] != other[0][path]:
            yield f"{path!r} is another photo on rank {rank}"


def _reason(path: str, found: Found) -> str:
    return f" ({found[1][path]})" if path in found[1] else ""
