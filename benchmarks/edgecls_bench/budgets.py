"""What may be asked of a case that is to be picked, and by how much it misses it."""

import math
from dataclasses import dataclass

from edgecls_device.errors import OptionError

from edgecls_bench.comparison import Comparison, ComparisonCase, Gate
from edgecls_bench.measurement import BenchCase

__all__ = ["Budget", "Miss", "accuracy_of", "misses", "why_unknown"]

_POINT = 10
"""A lost point of accuracy counts like so many per cent of time where it is asked what comes nearest."""

_ROUNDING = 1e-9  # 0.99 of 100 photos is not 99 of them to the last bit


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What is asked.

    Attributes:
        max_ms: Largest median from frame to label, in milliseconds; None where it does not matter.
        accuracy: Least accuracy against the reference; None where it was not said.
    """

    max_ms: float | None = None
    accuracy: Gate | None = None

    def __post_init__(self) -> None:
        if self.max_ms is not None and not (math.isfinite(self.max_ms) and self.max_ms > 0):
            message = f"Expected a largest time above 0 ms, got {self.max_ms:g}."
            raise OptionError(message, hint="for instance --max-ms 20")

    @property
    def words(self) -> str:
        """What is asked, as ``at most 20 ms, the reference's answer on at least 99 % of photos``."""
        parts = [] if self.max_ms is None else [f"at most {self.max_ms:g} ms"]
        gate = self.accuracy or Gate()
        if gate.max_drop is not None:
            points = 100 * gate.max_drop
            parts.append(
                f"an accuracy at most {points:g} {'point' if points == 1 else 'points'} lower"
            )
        if gate.min_agreement is not None:
            parts.append(
                f"the reference's answer on at least {100 * gate.min_agreement:g} % of photos"
            )
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Miss:
    """One limit that a case does not keep.

    Attributes:
        by: How far it is off, as a share of the time allowed; infinite where that is not known.
        reason: The same as a sentence without its full stop.
    """

    by: float
    reason: str


def accuracy_of(comparison: Comparison | None, case: BenchCase) -> ComparisonCase | None:
    """Return the accuracy of the very same file on the same backend; None if it was not measured."""
    found = _namesake(comparison, case)
    return found if found is not None and found.sha256 == case.sha256 else None


def why_unknown(comparison: Comparison | None, case: BenchCase) -> str:
    """Say why :func:`accuracy_of` a case is not known."""
    if comparison is None:
        return "its accuracy was not measured yet"
    if _namesake(comparison, case) is None:
        return f"it was not compared on {case.backend}"
    return "it was exported again after it was compared"


def misses(
    budget: Budget, case: BenchCase, accuracy: ComparisonCase | None, *, unknown: str
) -> tuple[Miss, ...]:
    """Return every limit that a case does not keep.

    Args:
        budget: The limits.
        case: Its times.
        accuracy: Its accuracy; None if that is not known.
        unknown: Why not.
    """
    found = []
    took_ms = case.classify.p50_ms
    if budget.max_ms is not None and took_ms > budget.max_ms:
        over = f"it takes {took_ms:.2f} ms, {took_ms - budget.max_ms:.2f} ms too long"
        found.append(Miss(by=took_ms / budget.max_ms - 1, reason=over))
    if budget.accuracy is None:
        return tuple(found)
    if accuracy is None:
        return (*found, Miss(by=math.inf, reason=unknown))
    return (*found, *_accuracy_misses(budget.accuracy, accuracy))


def _accuracy_misses(gate: Gate, accuracy: ComparisonCase) -> list[Miss]:
    found = []
    if gate.max_drop is not None:
        drop = _drop(accuracy)
        if drop is None:
            found.append(Miss(by=math.inf, reason="its accuracy was held against no reference"))
        elif drop > gate.max_drop + _ROUNDING:
            lost = f"it loses {100 * drop:.2f} points of accuracy"
            found.append(Miss(by=_POINT * (drop - gate.max_drop), reason=lost))
    if gate.min_agreement is not None:
        if accuracy.agreement is None:
            found.append(Miss(by=math.inf, reason="its answers were held against no reference"))
        elif accuracy.agreement < gate.min_agreement - _ROUNDING:
            share = f"it gives the reference's answer on {100 * accuracy.agreement:.2f} % of photos"
            found.append(Miss(by=_POINT * (gate.min_agreement - accuracy.agreement), reason=share))
    return found


def _drop(accuracy: ComparisonCase) -> float | None:
    """Return the accuracy lost; none by the reference itself; None where that is not known."""
    if accuracy.paired is not None:
        return accuracy.paired.drop
    is_reference = accuracy.agreement is not None and accuracy.agreement_interval is None
    return 0.0 if is_reference and accuracy.top1 is not None else None


def _namesake(comparison: Comparison | None, case: BenchCase) -> ComparisonCase | None:
    if comparison is None:
        return None
    return next(
        (
            one
            for one in comparison.cases
            if (one.artifact, one.backend) == (case.artifact, case.backend)
        ),
        None,
    )
