"""The table of one machine's benchmark cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgecls_bench.measurement import BenchCase

from edgecls.reports.measured import Key, Measured

__all__ = ["SpeedRow", "SpeedTable", "speed_table"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedRow:
    """One benchmark case.

    Attributes:
        case: What was measured.
        share: Its p50 against the slowest case's, 0..1, the length of its bar.
        over: What frame to label takes beyond the bare runtime, as a share of that; None where it is not known.
        is_chosen: Whether it is the recommended one.
        is_first: Whether it is the first of its artifact and backend.
        float_ratio: Its time against the float32 file's where that is faster; None elsewhere.
    """

    case: BenchCase
    share: float
    over: float | None
    is_chosen: bool
    is_first: bool
    float_ratio: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedTable:
    """All cases.

    Attributes:
        rows: One per case: of each artifact and backend the good ones, the void ones, those that failed.
        has_throughput: Whether all cores were put to work.
        has_energy: Whether a sensor counted energy.
        columns: How many columns of figures there are beside the number of threads.
    """

    rows: tuple[SpeedRow, ...]
    has_throughput: bool
    has_energy: bool
    columns: int


def speed_table(
    measured: Sequence[Measured], chosen: BenchCase | None, slower: Mapping[Key, float]
) -> SpeedTable:
    """Lay out every case.

    Args:
        measured: From ``join_records``.
        chosen: The recommended case.
        slower: From ``slower_than_float``.
    """
    finished = [case for entry in measured for case in (*entry.speeds, *entry.voids)]
    slowest = max((case.classify.p50_ms for case in finished), default=0.0)
    has_throughput = any(case.throughput is not None for case in finished)
    has_energy = any(case.energy is not None for case in finished)
    return SpeedTable(
        rows=tuple(
            SpeedRow(
                case=case,
                share=case.classify.p50_ms / slowest if slowest > 0 else 0.0,
                over=_over(case),
                is_chosen=case is chosen,
                is_first=i == 0,
                float_ratio=slower.get(entry.key),
            )
            for entry in measured
            for i, case in enumerate((*entry.speeds, *entry.voids, *entry.failures))
        ),
        has_throughput=has_throughput,
        has_energy=has_energy,
        columns=6 + has_throughput + has_energy,
    )


def _over(case: BenchCase) -> float | None:
    bare = case.invoke.p50_ms
    return case.classify.p50_ms / bare - 1 if bare > 0 else None
