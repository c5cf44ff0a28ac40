"""A child process that measures ``classify`` and the bare runtime in turn, on the same frame.

In turn, so that another program's noise, a warm CPU or a throttled one hits both alike.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.classifier import Classifier
from edgecls_device.preprocessing import Preprocessor
from edgecls_device.tensors import quantize
from numpy.typing import NDArray

from edgecls_bench.probe import Probe, open_classifier, run_probe, tell

__all__ = ["MIN_RUNS", "main", "measure"]

MIN_RUNS = 30
WARMUP_RUNS = 3
WARMUP_S = 0.3
PATIENCE = 10  # times the wanted duration, then fewer runs than MIN_RUNS are enough
BEAT_S = 1.0


def main(arguments: Sequence[str]) -> None:
    """Measure one case; the last line is JSON: ``warmup``, ``classify_ns`` and ``invoke_ns``.

    The arguments are those of :class:`Probe`, then the number of runs (0: as many as fit) and the seconds.
    """
    probe, runs, seconds = Probe.from_arguments(arguments), int(arguments[5]), float(arguments[6])

    def work() -> None:
        frame = np.load(probe.frame)
        with open_classifier(probe) as classifier:
            invoke = classifier.backend.bare_call(_prepared(classifier, frame))
            pair = (lambda: classifier.classify(frame), invoke)
            warmup = len(measure(pair, runs=0, seconds=WARMUP_S, least=WARMUP_RUNS)[0])
            classify_ns, invoke_ns = measure(pair, runs=runs, seconds=seconds, least=MIN_RUNS)
        tell(json.dumps({"warmup": warmup, "classify_ns": classify_ns, "invoke_ns": invoke_ns}))

    run_probe(work)


def measure(
    calls: Sequence[Callable[[], object]], *, runs: int, seconds: float, least: int
) -> tuple[list[int], ...]:
    """Call each in turn, again and again, and return the durations of each in nanoseconds.

    Args:
        calls: What to measure.
        runs: How often; 0 for as many as fit into ``seconds``.
        seconds: Wanted duration, where ``runs`` is 0.
        least: Runs to make even if that takes longer, up to 10 times ``seconds``.
    """
    durations: tuple[list[int], ...] = tuple([] for _ in calls)
    start = last_beat = time.perf_counter()
    while True:
        for call, times in zip(calls, durations, strict=True):
            before = time.perf_counter_ns()
            call()
            times.append(time.perf_counter_ns() - before)
        now, done = time.perf_counter(), len(durations[0])
        if now - last_beat > BEAT_S:  # a sign of life between two measurements
            last_beat = now
            tell(".")
        elapsed = now - start
        is_enough = elapsed >= seconds and (done >= least or elapsed >= PATIENCE * seconds)
        if done >= runs if runs else is_enough:
            return durations


def _prepared(classifier: Classifier, frame: Frame) -> NDArray[Any]:
    """Return the model's input for a frame, as ``classify`` would hand it to the runtime."""
    spec, info = classifier.spec, classifier.backend.input
    batch = Preprocessor(spec.preprocessing, spec.input)(frame)
    if batch.dtype == info.dtype:
        return batch
    return quantize(batch, info) if info.scale else batch.astype(info.dtype)
