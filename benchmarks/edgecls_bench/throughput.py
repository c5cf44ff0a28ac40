"""All cores at work on frames that are all there at once, as MLPerf's offline scenario has them.

As many processes as fit are started, each with its threads on cores of its own. They load the model, classify a
few frames to warm up, and begin together, at a moment that is told to all of them when the last one is ready.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from edgecls_device.errors import BenchmarkError
from edgecls_device.files import write_atomically
from edgecls_device.records import decode

from edgecls_bench.children import Line, run_module
from edgecls_bench.machine import Machine
from edgecls_bench.measurement import Throughput
from edgecls_bench.pinning import disjoint_cores
from edgecls_bench.probe import Probe
from edgecls_bench.throughput_worker import GIVE_UP, READY, Share

__all__ = ["measure_throughput"]

SOON_S = 0.1
"""From the signal to the start: longer than a worker's pause between two looks for it."""


def measure_throughput(
    probe: Probe, machine: Machine, *, seconds: float, silence_s: float
) -> Throughput:
    """Classify with as many processes as the cores allow.

    Args:
        probe: What each of them runs, with how many threads.
        machine: This machine.
        seconds: For how long.
        silence_s: After that long without a sign of life a process counts as hanging.

    Raises:
        BenchmarkError: If one of the processes crashes or hangs.
    """
    workers = max(1, machine.cores // probe.threads)
    with tempfile.TemporaryDirectory(prefix="edgecls-bench-") as directory:
        start = _Start(Path(directory) / "start", workers)
        arguments = [*probe.to_arguments(), str(start.path), str(seconds)]

        def work(cores: Sequence[int]) -> Share:
            try:
                lines = run_module(
                    "edgecls_bench.throughput_worker",
                    arguments,
                    silence_s=silence_s,
                    on_line=start.on_line,
                    cores=cores,
                )
            except BenchmarkError:
                start.give_up()  # the others wait for it
                raise
            return decode(Share, json.loads(lines[-1].text), "share")  # type: ignore[no-any-return]

        with ThreadPoolExecutor(workers) as pool:
            try:
                shares = list(pool.map(work, disjoint_cores(machine, probe.threads, workers)))
            finally:
                start.give_up()
    frames, lasted_s = sum(one.frames for one in shares), max(one.seconds for one in shares)
    return Throughput(
        workers=workers,
        threads=probe.threads,
        frames=frames,
        seconds=lasted_s,
        frames_per_second=frames / lasted_s if lasted_s else 0.0,
    )


class _Start:
    """The file that tells the workers when to begin, written when the last one is ready."""

    def __init__(self, path: Path, workers: int) -> None:
        self.path = path
        self._awaited = workers
        self._lock = Lock()

    def on_line(self, line: Line) -> None:
        """Count the workers that are ready."""
        if line.text != READY:
            return
        with self._lock:
            self._awaited -= 1
            if not self._awaited:
                write_atomically(self.path, repr(time.monotonic() + SOON_S))

    def give_up(self) -> None:
        """Send workers home that wait for the others."""
        with self._lock:
            if self._awaited:
                write_atomically(self.path, GIVE_UP)
