"""One process of a case, as its parent sees it: a round of latencies, or a cold start."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from edgecls_device.records import decode

from edgecls_bench.children import Line, run_module
from edgecls_bench.latency import Ending, Measured
from edgecls_bench.probe import Probe

__all__ = ["ColdTimes", "run_cold_start", "run_round"]

_NS_PER_MS = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class ColdTimes:
    """One cold start in milliseconds, and the memory it took; see :class:`edgecls_bench.measurement.ColdStart`.

    Attributes:
        python_ms: To the first line of our code.
        import_ms: Importing.
        load_ms: Reading and opening the model.
        first_inference_ms: The first frame.
        peak_bytes: Largest resident memory, after some frames.
        resident_bytes: Resident memory after some frames.
    """

    python_ms: float
    import_ms: float
    load_ms: float
    first_inference_ms: float
    peak_bytes: int
    resident_bytes: int

    @property
    def total_ms(self) -> float:
        """From the start of the process to its first label, without reading the frame."""
        return self.python_ms + self.import_ms + self.load_ms + self.first_inference_ms


def run_round(
    probe: Probe,
    ending: Ending,
    *,
    cores: Sequence[int],
    silence_s: float,
    on_progress: Callable[[float], None],
) -> Measured:
    """Measure one round in a process of its own.

    Args:
        probe: What to run.
        ending: When it is over.
        cores: Cores it is held to.
        silence_s: After that long without a sign of life it counts as hanging.
        on_progress: Called with the share that is done, while the process is at work: 0 after its warm-up.

    Raises:
        BenchmarkError: If it crashes or hangs.
    """

    def on_line(line: Line) -> None:
        if not line.text.startswith("{"):
            on_progress(float(line.text))

    lines = run_module(
        "edgecls_bench.latency",
        [*probe.to_arguments(), json.dumps(asdict(ending))],
        silence_s=silence_s,
        on_line=on_line,
        cores=cores,
    )
    measured: Measured = decode(Measured, json.loads(lines[-1].text), "round")
    return measured


def run_cold_start(probe: Probe, *, cores: Sequence[int], silence_s: float) -> ColdTimes:
    """Start a process that classifies one frame, and some more.

    Args:
        probe: What to run.
        cores: Cores it is held to.
        silence_s: After that long without a sign of life it counts as hanging.

    Raises:
        BenchmarkError: If it crashes or hangs.
    """
    label, parts, memory = run_module(
        "edgecls_bench.first_label", probe.to_arguments(), silence_s=silence_s, cores=cores
    )[-3:]
    import_ms, frame_ms, load_ms, first_ms = (int(part) / _NS_PER_MS for part in parts.text.split())
    peak_bytes, resident_bytes = map(int, memory.text.split())
    return ColdTimes(
        python_ms=label.after_ms - import_ms - frame_ms - load_ms - first_ms,
        import_ms=import_ms,
        load_ms=load_ms,
        first_inference_ms=first_ms,
        peak_bytes=peak_bytes,
        resident_bytes=resident_bytes,
    )
