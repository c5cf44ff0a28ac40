"""What a curve of sustained load holds: the speed against temperature and clock."""

from dataclasses import dataclass

from edgecls_bench.readings import Reading

__all__ = ["Sustained", "SustainedPoint"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SustainedPoint:
    """Some seconds of the load.

    Attributes:
        at_s: Middle of them, in seconds since the load began.
        frames: Classified in them.
        p50_ms: Median from frame to label.
        p99_ms: 99th percentile of them.
        reading: The machine at their end.
        watts: Mean power in them; None without a sensor.
    """

    at_s: float
    frames: int
    p50_ms: float
    p99_ms: float
    reading: Reading
    watts: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sustained:
    """Minutes of one case without a pause.

    Attributes:
        artifact: File name.
        backend: The runtime.
        threads: Threads for one inference.
        points: In order.
        void: Why it should not be believed; a machine that gets hot and slow is a result and no reason.
    """

    artifact: str
    backend: str
    threads: int
    points: tuple[SustainedPoint, ...]
    void: str = ""

    @property
    def slowdown(self) -> float:
        """Median of the last quarter over the median of the first quarter; 1 for steady speed."""
        quarter = max(1, len(self.points) // 4)
        times = [point.p50_ms for point in self.points]
        return _median(times[-quarter:]) / _median(times[:quarter])


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[~middle]) / 2
