"""Whether classes stand in another order than in the reference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.diagnosis.evidence import Evidence
from edgecls_bench.diagnosis.preparations import RIGHT
from edgecls_bench.diagnosis.record import Finding
from edgecls_bench.diagnosis.significance import fits_clearly_better

__all__ = ["Order", "check_labels", "in_reference_order"]

Rows = NDArray[np.float32]

_LEAST_SCORE = 1e-6
CLEARLY = 0.9
"""Correlation of log scores over photos: a quantized class keeps more with itself, no other has as much."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """How the artifact's outputs are read.

    Attributes:
        columns: Column of the artifact for each class of the reference, by the names of its spec.
        best: The columns that fit the scores; the same where the names are right.
    """

    columns: tuple[int, ...]
    best: tuple[int, ...]

    @property
    def is_right(self) -> bool:
        """Whether the scores stand where the names say."""
        return self.columns == self.best


def in_reference_order(evidence: Evidence) -> Order:
    """Find the order of the artifact's classes, by name and by scores."""
    own, wanted = evidence.own[RIGHT], evidence.reference[RIGHT]
    place = {label: i for i, label in enumerate(evidence.spec.labels)}
    labels = evidence.reference_spec.labels
    is_same_set = set(labels) == set(place)
    columns = tuple(place[label] for label in labels) if is_same_set else tuple(range(len(labels)))
    named = _errors(own[:, columns], wanted)
    for other in (tuple(range(len(labels))), _by_scores(own, wanted, columns)):
        if other != columns and _is_better(own, wanted, columns, other, named):
            return Order(columns=columns, best=other)
    return Order(columns=columns, best=columns)


def check_labels(evidence: Evidence, order: Order) -> list[Finding]:
    """Return what is wrong with the order of the labels."""
    if order.is_right:
        return []
    own, wanted = evidence.own[RIGHT], evidence.reference[RIGHT]
    labels = evidence.reference_spec.labels
    before, after = (_agreement(own[:, c], wanted) for c in (order.columns, order.best))
    moved = [i for i, (a, b) in enumerate(zip(order.columns, order.best, strict=True)) if a != b]
    shown = ", ".join(
        f"{evidence.spec.labels[order.best[i]]!r} is {labels[i]!r}" for i in moved[:3]
    )
    more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
    sentence = (
        f"The labels stand in another order than the scores: what the file calls {shown}{more}; with these "
        f"exchanged, {100 * after:.1f} % of the photos get the reference's label, else {100 * before:.1f} %."
    )
    return [
        Finding(
            kind="labels",
            is_fault=True,
            weight=9 + after - before,
            sentence=sentence,
            remedy="write the labels in the order of the outputs; export again: edgecls export RUN",
            evidence={"moved": len(moved), "agreement": before, "agreement_exchanged": after},
        )
    ]


def _is_better(
    own: Rows,
    wanted: Rows,
    columns: tuple[int, ...],
    other: tuple[int, ...],
    named: Rows,
) -> bool:
    if fits_clearly_better(_errors(own[:, other], wanted), named):
        return True
    # Some exchanged classes of a thousand win on few photos; their low scores follow each other all the same.
    moved = [i for i, (a, b) in enumerate(zip(columns, other, strict=True)) if a != b]
    return (
        len(own) >= 30
        and bool(moved)
        and len(columns) > 2
        and _follow(own, wanted, other, moved, columns)
    )


def _follow(
    own: Rows,
    wanted: Rows,
    other: tuple[int, ...],
    moved: list[int],
    columns: tuple[int, ...],
) -> bool:
    mine, true = _standardized(own), _standardized(wanted)
    new = [float(np.mean(mine[:, other[i]] * true[:, i])) for i in moved]
    old = [float(np.mean(mine[:, columns[i]] * true[:, i])) for i in moved]
    return min(new) > CLEARLY and max(old) < CLEARLY - (1 - CLEARLY) * 3


def _by_scores(own: Rows, wanted: Rows, columns: tuple[int, ...]) -> tuple[int, ...]:
    """Return for each class the column whose scores rise and fall with it, where both are each other's best."""
    alike = _standardized(wanted).T @ _standardized(own) / len(own)
    forward, backward = alike.argmax(axis=1), alike.argmax(axis=0)
    found = {i: int(c) for i, c in enumerate(forward) if backward[c] == i}
    moved = {i for i, c in found.items() if c != columns[i]}
    # Only whole cycles can be exchanged: what moves away must be taken by another that moves.
    while True:
        taken = {found[i] for i in moved}
        left = {i for i in moved if columns[i] in taken}
        if left == moved:
            break
        moved = left
    return tuple(found[i] if i in moved else c for i, c in enumerate(columns))


def _standardized(scores: Rows) -> Rows:
    logs = np.log(np.maximum(scores, _LEAST_SCORE))
    logs = logs - logs.mean(axis=1, keepdims=True)
    logs = logs - logs.mean(axis=0)
    return np.asarray(logs / np.maximum(logs.std(axis=0), 1e-6), np.float32)


def _errors(own: Rows, wanted: Rows) -> Rows:
    return np.asarray(np.abs(own - wanted).max(axis=1), np.float32)


def _agreement(own: Rows, wanted: Rows) -> float:
    return float((own.argmax(axis=1) == wanted.argmax(axis=1)).mean())
