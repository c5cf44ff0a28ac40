"""A child process that classifies a frame again and again, and tells its times every few seconds."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from edgecls_bench.probe import Probe, open_classifier, run_probe, tell

__all__ = ["Stretch", "main", "stretches"]

WARMUP_RUNS = 3
_MS = 1e-6  # of nanoseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Some seconds of the load.

    Attributes:
        seconds: How long it was.
        frames: Classified in it; 0 before the first stretch, when everything is ready.
        p50_ms: Median of their times.
        p99_ms: 99th percentile of them.
        cpu_s: CPU time of the process since its start, at the end of the stretch.
    """

    seconds: float
    frames: int
    p50_ms: float
    p99_ms: float
    cpu_s: float


def main(arguments: Sequence[str]) -> None:
    """Print one line of JSON, a :class:`Stretch`, when everything is ready and after each stretch.

    The arguments are those of :class:`Probe`, then the seconds in all, and those of a stretch.
    """
    probe, (seconds, every_s) = Probe.from_arguments(arguments), map(float, arguments[-2:])

    def work() -> None:
        frame = np.load(probe.frame)
        with open_classifier(probe) as classifier:
            for _ in range(WARMUP_RUNS):
                classifier.classify(frame)
            _tell(Stretch(seconds=0.0, frames=0, p50_ms=0.0, p99_ms=0.0, cpu_s=time.process_time()))
            for stretch in stretches(
                lambda: classifier.classify(frame), seconds=seconds, every_s=every_s
            ):
                _tell(stretch)

    run_probe(work)


def stretches(call: Callable[[], object], *, seconds: float, every_s: float) -> Iterator[Stretch]:
    """Call something without a pause and yield what its last seconds were like.

    Args:
        call: What to do.
        seconds: For how long.
        every_s: Length of a stretch; the last one may be shorter, but not less than half of it.
    """
    end = time.perf_counter() + seconds
    while (left_s := end - time.perf_counter()) > every_s / 2:
        yield _stretch(call, min(left_s, every_s))


def _stretch(call: Callable[[], object], seconds: float) -> Stretch:
    times: list[int] = []
    start = before = time.perf_counter_ns()
    end = start + seconds * 1e9
    while before < end:
        call()
        after = time.perf_counter_ns()
        times.append(after - before)
        before = after
    p50, p99 = np.percentile(np.asarray(times) * _MS, [50, 99])
    return Stretch(
        seconds=(before - start) / 1e9,
        frames=len(times),
        p50_ms=round(float(p50), 4),
        p99_ms=round(float(p99), 4),
        cpu_s=time.process_time(),
    )


def _tell(stretch: Stretch) -> None:
    tell(json.dumps(asdict(stretch)))
