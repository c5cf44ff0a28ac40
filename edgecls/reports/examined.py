"""Which artifacts are held against float32 class by class and photo by photo."""

from collections.abc import Sequence

from edgecls_bench.comparison import Comparison, ComparisonCase

from edgecls.reports.measured import Measured

__all__ = ["MAX_EXAMINED", "examined", "reference_case"]

MAX_EXAMINED = 3


def reference_case(comparison: Comparison, case: ComparisonCase | None) -> ComparisonCase | None:
    """Return the case that ``case`` was measured against, on the same backend where it can be.

    None for the reference itself, and in a comparison without one.
    """
    if not comparison.reference or (case is not None and comparison.reference == case.artifact):
        return None
    found = [c for c in comparison.cases if c.artifact == comparison.reference]
    same = [c for c in found if case is not None and c.backend == case.backend]
    return next(iter((*same, *found)), None)


def examined(
    comparison: Comparison, measured: Sequence[Measured], chosen: Measured | None
) -> tuple[Measured, ...]:
    """Return the artifacts to look at closely: the recommended one, then int8 ones, at most three.

    Of those with the same answers the first is enough, and of one format the plain recipe comes first.
    """
    int8 = sorted(
        (entry for entry in measured if entry.recipe.startswith("int8")),
        key=lambda entry: entry.recipe != "int8",
    )
    found: dict[object, Measured] = {}
    for entry in (*([chosen] if chosen is not None else []), *int8, *measured):
        case = entry.accuracy
        if case is None or reference_case(comparison, case) is None or entry.recipe == "float32":
            continue
        if entry not in int8 and entry is not chosen and found:
            continue  # others only where there is no int8 one
        if any(entry.artifact == other.artifact for other in found.values()):
            continue  # the same file on another runtime
        found.setdefault(_answers(entry, case), entry)
    return tuple(found.values())[:MAX_EXAMINED]


def _answers(entry: Measured, case: ComparisonCase) -> object:
    """Return what is equal for the same answers; of many photos that are not listed, nobody knows more."""
    if case.predicted:
        return case.predicted
    return "the reference's" if case.agreement == 1 else entry.key
