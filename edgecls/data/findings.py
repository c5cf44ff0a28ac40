"""Findings about photos that were all looked at: copies, near duplicates, classes, sizes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls.data.check_record import Finding
from edgecls.data.gathered import NO_CLASS, Gathered
from edgecls.data.load import MIN_PHOTOS
from edgecls.data.similar import Pair, groups, similar_pairs
from edgecls.data.split import split_of

__all__ = [
    "IMBALANCE",
    "STRONG_IMBALANCE",
    "Copies",
    "about_alike",
    "about_classes",
    "about_labels",
    "about_tiny",
    "find_copies",
]

IMBALANCE = 3.0
"""The largest class has so many times the photos of the smallest: worth knowing; training weighs classes."""

STRONG_IMBALANCE = 10.0
"""Weights no longer make up for it: the smallest class has too little variety of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Copies:
    """Which photos are the same to the byte.

    Attributes:
        is_first: Whether a photo is the first of its content in its class, shape ``(photos,)``, bool.
        is_usable: Whether training would use it: the first of its content, with a label that no copy of it
            contradicts, shape ``(photos,)``, bool.
        findings: About them, in the order of the photos.
    """

    is_first: NDArray[np.bool_]
    is_usable: NDArray[np.bool_]
    findings: tuple[Finding, ...]


def find_copies(photos: Gathered) -> Copies:
    """Tell the first photo of each content from its copies, in its class and in others."""
    class_ids = np.array(photos.class_ids, np.intc)
    is_first = np.ones(len(class_ids), bool)
    is_usable = class_ids != NO_CLASS
    findings = []
    for same in _same_content(photos.hashes):
        classes = set(class_ids[same].tolist()) - {NO_CLASS}
        seen = (
            {NO_CLASS} if classes else set[int]()
        )  # a copy without a label adds nothing to one with
        for place in same:
            is_first[place] = class_ids[place] not in seen
            seen.add(int(class_ids[place]))
        paths = tuple(photos.paths[place] for place in same)
        if len(classes) > 1:
            is_usable[same] = False
            findings.append(Finding(kind="in two classes", severity="problem", paths=paths))
        else:
            findings.append(Finding(kind="duplicate", severity="note", paths=paths))
    return Copies(is_first=is_first, is_usable=is_usable & is_first, findings=tuple(findings))


def about_alike(photos: Gathered, copies: Copies) -> tuple[list[Finding], int]:
    """Return findings about near duplicates, and how many flatter the results on validation and test photos.

    There are none where there are too many photos to compare.
    """
    places = np.flatnonzero(copies.is_first)
    if photos.thumbnails is None or len(places) < 2:
        return [], 0
    thumbnails = photos.thumbnails
    if len(places) < len(thumbnails):
        thumbnails = thumbnails[places]
    findings: list[Finding] = []

    def same_class() -> Iterator[Pair]:
        for pair in similar_pairs(thumbnails):
            first, second = int(places[pair.first]), int(places[pair.second])
            if not _contradict(photos, first, second):
                yield pair
            elif pair.is_same_picture and photos.hash_of(first) != photos.hash_of(second):
                paths = (photos.paths[first], photos.paths[second])
                detail = f"likeness {pair.cosine:.2f}"
                findings.append(
                    Finding(
                        kind="similar in two classes",
                        severity="problem",
                        paths=paths,
                        detail=detail,
                    )
                )

    leaking = 0
    for group in groups(same_class()):
        same_scene = [int(places[i]) for i in group]
        splits = Counter(split_of(photos.hash_of(place)) for place in same_scene)
        leaking += splits["val"] + splits["test"] if splits["train"] else 0
        paths = tuple(photos.paths[place] for place in same_scene)
        findings.append(Finding(kind="similar", severity="note", paths=paths))
    return findings, leaking


def about_classes(counts: Mapping[str, int]) -> Iterator[Finding]:
    """Yield findings about the number of usable photos of each class."""
    if len(counts) < 2:
        detail = (
            f"got {', '.join(map(repr, counts)) or 'no label'}, at least two classes are needed"
        )
        yield Finding(kind="few classes", severity="problem", detail=detail)
        return
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


def about_tiny(photos: Gathered, copies: Copies) -> Iterator[Finding]:
    """Yield a finding for each photo that is tiny, copies aside."""
    for place, detail in photos.tiny.items():
        if copies.is_first[place]:
            paths = (photos.paths[place],)
            yield Finding(kind="tiny", severity="note", paths=paths, detail=detail)


def about_labels(labels: Sequence[str], unlabelled: Sequence[str]) -> Iterator[Finding]:
    """Yield findings about photos without a label, and about names that are nearly the same."""
    if unlabelled:
        n = len(unlabelled)
        detail = "1 photo" if n == 1 else f"{n} photos"
        yield Finding(kind="no label", severity="problem", paths=tuple(unlabelled), detail=detail)
    by_case: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        by_case[label.casefold()].append(label)
    for names in by_case.values():
        if len(names) > 1:
            detail = " and ".join(map(repr, names))
            yield Finding(kind="names differ in case only", severity="note", detail=detail)


def _same_content(hashes: NDArray[np.bytes_]) -> list[list[int]]:
    """Return the places of photos with the same content, each in order, where there are several."""
    order = np.argsort(hashes, kind="stable")
    is_same = hashes[order[1:]] == hashes[order[:-1]]
    found: dict[int, list[int]] = {}
    for i in np.flatnonzero(is_same):
        previous, place = int(order[i]), int(order[i + 1])
        found[place] = [*found.pop(previous, [previous]), place]
    return sorted(found.values())


def _contradict(photos: Gathered, first: int, second: int) -> bool:
    """Whether two photos stand in two classes; no label contradicts none."""
    one, other = photos.class_ids[first], photos.class_ids[second]
    return one != other and NO_CLASS not in {one, other}
