"""What the profile of one file is made of, before it becomes a record."""

from dataclasses import dataclass

__all__ = ["Measured", "Row"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One operation; see :class:`edgecls_bench.profiling.record.Operation`."""

    name: str
    tensor: str
    op: str
    shape: tuple[int, ...]
    precision: str
    us: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One file; see :class:`edgecls_bench.profiling.record.ModelProfile`."""

    method: str
    whole_us: float
    rows: tuple[Row, ...]
    partitions: int = 0
