"""A gate on the command line: its options as shares, its verdict in words, and the error it ends with."""

from collections.abc import Sequence

from edgecls_bench.comparison import Comparison, ComparisonCase, Gate, GateVerdict
from edgecls_device.errors import EdgeclsError, GateError, OptionError, TooFewPhotosError

__all__ = [
    "error_of",
    "gate_of",
    "photos_needed",
    "reasons_of",
    "words_of",
]

_NAMED = 5  # artifacts in an error; the table has all


def gate_of(max_drop: float | None, min_agreement: float | None) -> Gate | None:
    """Return the gate that was asked for; None if none was.

    Args:
        max_drop: In points, 0..100.
        min_agreement: In per cent, 0..100.

    Raises:
        OptionError: If a limit is not in 0..100.
    """
    limits = {"--max-drop": max_drop, "--min-agreement": min_agreement}
    for name, limit in limits.items():
        if limit is not None and not 0 <= limit <= 100:
            message = f"Expected {name} in 0..100, got {limit:g}."
            raise OptionError(message, hint="for instance --max-drop 0.5 --min-agreement 99")
    if max_drop is None and min_agreement is None:
        return None
    return Gate(max_drop=_share(max_drop), min_agreement=_share(min_agreement))


def reasons_of(comparison: Comparison) -> list[str]:
    """Return the figures that decided: a line for all artifacts that they are the same for."""
    names: dict[str, list[str]] = {}
    for case in comparison.cases:
        if case.judgement is not None:
            names.setdefault(case.judgement.reason, []).append(_name(case))
    return [f"{', '.join(same)}: {reason.removeprefix('It ')}" for reason, same in names.items()]


def words_of(comparison: Comparison) -> str:
    """Return the verdict in words; empty without a gate."""
    if comparison.gate is None or comparison.verdict is None:
        return ""
    total = sum(case.judgement is not None for case in comparison.cases)
    failing, open_ = (_judged(comparison, name) for name in ("fails", "too few photos"))
    if failing:
        more = f" {len(open_)} more cannot be told from so few photos." if open_ else ""
        asked = " or ".join(_limits(comparison.gate, "lose more than", "agree on less than"))
        are = "is" if len(failing) == 1 else "are"
        return f"The gate fails: {len(failing)} of {total} artifacts {are} proven to {asked}.{more}"
    asked = " and ".join(_limits(comparison.gate, "lose at most", "agree on at least"))
    if open_:
        needed = photos_needed(comparison)
        more = "" if needed is None else f"; {needed} photos would decide if they go like these"
        unseen = comparison.cases[0].labels_without_photos
        if unseen:
            more += f"; there is no photo of {unseen} of {len(comparison.labels)} labels"
        return f"Too few photos to tell: {len(open_)} of {total} artifacts may or may not {asked}{more}."
    return f"The gate holds: all {total} artifacts {asked}."


def photos_needed(comparison: Comparison) -> int | None:
    """Return how many photos would decide all that is open; None if no number is known for one of them."""
    needed = [
        c.judgement.photos_needed for c in _judged(comparison, "too few photos") if c.judgement
    ]
    known = [number for number in needed if number is not None]
    return max(known) if known and len(known) == len(needed) else None


def error_of(
    comparison: Comparison, *, why_hint: str, more_photos_hint: str
) -> EdgeclsError | None:
    """Return what a command ends with if not every artifact holds; None if all do, or without a gate."""
    failing, open_ = (_judged(comparison, name) for name in ("fails", "too few photos"))
    if failing:
        message = f"Expected every artifact to hold the gate, got failures: {_names(failing)}."
        return GateError(message, hint=why_hint)
    if open_:
        photos = comparison.photo_count
        message = (
            f"Expected enough photos to judge every artifact, got {photos} for: {_names(open_)}."
        )
        return TooFewPhotosError(message, hint=more_photos_hint)
    return None


def _names(cases: Sequence[ComparisonCase]) -> str:
    more = f" and {len(cases) - _NAMED} more" if len(cases) > _NAMED else ""
    return ", ".join(map(_name, cases[:_NAMED])) + more


def _name(case: ComparisonCase) -> str:
    return f"{case.artifact} on {case.backend}"


def _judged(comparison: Comparison, verdict: GateVerdict) -> list[ComparisonCase]:
    return [c for c in comparison.cases if c.judgement and c.judgement.verdict == verdict]


def _limits(gate: Gate, lose: str, agree: str) -> list[str]:
    limits = []
    if gate.max_drop is not None:
        limits.append(f"{lose} {100 * gate.max_drop:g} points")
    if gate.min_agreement is not None:
        limits.append(f"{agree} {100 * gate.min_agreement:g} % of photos")
    return limits


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
