"""What the processes of a training divide among themselves and give each other; alone, one does all."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from edgecls_device.arrays import Scores
from edgecls_device.records import Record, from_json, to_json
from numpy.typing import NDArray

from edgecls.data.load import Photo, PhotoSet
from edgecls.distributed.group import Group
from edgecls.progress import say
from edgecls.training.features import PhotoFeatures
from edgecls.training.keras_classifier import predict
from edgecls.training.pictures import Pictures

__all__ = [
    "say_once",
    "shared_features",
    "shared_scores",
    "shared_undecodable",
    "the_first_makes",
]

RecordT = TypeVar("RecordT", bound=Record)


def say_once(text: str, group: Group) -> None:
    """Print a line that all processes would print: process 0 does, for all."""
    if group.rank == 0:
        say(text)


def the_first_makes(kind: type[RecordT], make: Callable[[], RecordT], group: Group) -> RecordT:
    """Return in every process the record that process 0 makes, when it has made it.

    Args:
        kind: Of the record.
        make: Makes it; called in process 0 alone.
        group: The processes.

    Raises:
        DistributedError: If another process is lost.
    """
    text = to_json(make(), indent=None).encode() if group.rank == 0 else b""
    (data,) = group.broadcast([np.frombuffer(text, np.uint8)])
    return from_json(kind, data.tobytes(), name="what process 0 tells")


def shared_scores(
    model: Any, pictures: Pictures, paths: Sequence[Path], batch_size: int, group: Group
) -> Scores:
    """Return a classifier's probabilities for photos, of which each process looks at its part.

    Args:
        model: The classifier; the same in every process.
        pictures: Reads the photos.
        paths: The photos, at least one.
        batch_size: Photos at once in each process.
        group: The processes.

    Returns:
        Shape ``(photos, classes)``, float32, in the order of ``paths``.

    Raises:
        DistributedError: If another process is lost.
    """
    full = -(-len(paths) // group.size) * group.size
    own = [paths[i % len(paths)] for i in group.share(full)]
    parts = group.gather(predict(model, pictures.batches(own, batch_size)))
    return np.asarray(np.concatenate(parts)[: len(paths)], np.float32)


def shared_undecodable(
    photo_set: PhotoSet, check: Callable[[Sequence[Photo]], Mapping[Path, str]], group: Group
) -> dict[Path, str]:
    """Return what is wrong with those photos that do not decode, by path; each process checks its part.

    Args:
        photo_set: The photos; the same in every process, wherever they lie.
        check: Says what is wrong with some of them.
        group: The processes.

    Raises:
        DistributedError: If another process is lost.
    """
    return _gathered_faults(photo_set, check(_own(photo_set, group)), group)


def shared_features(
    photo_set: PhotoSet, compute: Callable[[Sequence[Photo]], PhotoFeatures], group: Group
) -> PhotoFeatures:
    """Return the features of all photos, of which each process computes its part.

    Args:
        photo_set: The photos; the same in every process, wherever they lie.
        compute: Gives the features of some of them.
        group: The processes.

    Raises:
        DistributedError: If another process is lost.
    """
    found = compute(_own(photo_set, group))
    if group.size == 1:
        return found  # all of them, which may be large, need not be copied
    flat = np.concatenate([np.zeros(0, np.float32), *found.vectors.values()])
    said = {"hashes": [*found.vectors], "cached": found.cached, "computed": found.computed}
    parts = [json.loads(text) for text in group.gather_text(json.dumps(said))]
    vectors: dict[str, NDArray[np.float32]] = {}
    for part, numbers in zip(parts, group.gather(flat), strict=True):
        if part["hashes"]:
            vectors.update(zip(part["hashes"], np.split(numbers, len(part["hashes"])), strict=True))
    return PhotoFeatures(
        vectors=vectors,
        undecodable=_gathered_faults(photo_set, found.undecodable, group),
        cached=sum(part["cached"] for part in parts),
        computed=sum(part["computed"] for part in parts),
    )


def _own(photo_set: PhotoSet, group: Group) -> Sequence[Photo]:
    return photo_set.photos[group.rank :: group.size]


def _gathered_faults(photo_set: PhotoSet, own: Mapping[Path, str], group: Group) -> dict[Path, str]:
    """Return what all processes found, with this one's paths."""
    said = json.dumps({photo_set.relative(path): fault for path, fault in own.items()})
    faults: dict[str, str] = {}
    for text in group.gather_text(said):
        faults.update(json.loads(text))
    names = ((photo_set.relative(photo.path), photo.path) for photo in photo_set.photos)
    return {path: faults[name] for name, path in names if name in faults}
