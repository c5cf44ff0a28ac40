"""A child process that measures ``classify`` and the bare runtime in turn, on the same frame.

In turn, so that another program's noise, a warm CPU or a throttled one hits both alike.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.classifier import Classifier, Prediction
from edgecls_device.preprocessing import Preprocessor
from edgecls_device.tensors import quantize
from numpy.typing import NDArray

from edgecls_bench.probe import Probe, open_classifier, run_probe, tell
from edgecls_bench.statistics import is_settled

__all__ = ["Ending", "Measured", "main", "measure"]

WARMUP_RUNS = 3
WARMUP_S = 0.3
BEAT_S = 1.0
LOOKS_AGAIN = (
    1.1  # times as many samples: whether a median is settled is asked seldom enough to cost nothing
)
_NS_PER_MS = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """When a round is over.

    Attributes:
        runs: After so many runs exactly; 0 for what the others say.
        least_runs: Not before so many runs,
        least_seconds: nor before so many seconds,
        precision: nor before the half width of the median's 95 % interval is this share of it.
        most_seconds: By then the median need not be settled.
        patience_seconds: By then there need not be enough runs either.
    """

    runs: int = 0
    least_runs: int = 1
    least_seconds: float = 0.0
    precision: float = 1.0
    most_seconds: float = 0.0
    patience_seconds: float = 0.0

    def progress(self, runs: int, seconds: float) -> float:
        """Return about which share of the round is done, below 1."""
        if self.runs:
            return min(0.99, runs / self.runs)
        parts = (
            runs / self.least_runs,
            seconds / self.least_seconds if self.least_seconds else 1.0,
        )
        return min(0.99, *parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a round gives: durations in nanoseconds, in the order of measurement.

    Attributes:
        warmup: Runs before the measured ones.
        classify_ns: Frame to label.
        preprocess_ns: Frame to model input.
        inference_ns: Input to raw scores, as ``classify`` calls the runtime.
        invoke_ns: The runtime's own call on a prepared input.
        is_settled: Whether the median became as narrow as wished.
    """

    warmup: int
    classify_ns: tuple[int, ...]
    preprocess_ns: tuple[int, ...]
    inference_ns: tuple[int, ...]
    invoke_ns: tuple[int, ...]
    is_settled: bool

    @property
    def postprocess_ns(self) -> tuple[int, ...]:
        """What is left of the whole: raw scores to labels."""
        parts = zip(self.classify_ns, self.preprocess_ns, self.inference_ns, strict=True)
        return tuple(max(0, whole - before - within) for whole, before, within in parts)


def main(arguments: Sequence[str]) -> None:
    """Measure one round; the arguments are those of :class:`Probe`, then :class:`Ending` as JSON.

    It prints the share that is done, as a number, when the warm-up is over and every second, and at the end
    :class:`Measured` as JSON.
    """
    probe, ending = Probe.from_arguments(arguments), Ending(**json.loads(arguments[5]))

    def work() -> None:
        frame = probe.read_frame()
        with open_classifier(probe) as classifier:
            invoke = classifier.backend.bare_call(_prepared(classifier, frame))
            measured = measure(lambda: classifier.classify(frame), invoke, ending)
        tell(json.dumps(asdict(measured)))

    run_probe(work)


def measure(
    classify: Callable[[], Prediction], invoke: Callable[[], object], ending: Ending
) -> Measured:
    """Call both in turn, again and again: first to warm up, then to measure.

    Args:
        classify: Frame to label.
        invoke: The bare runtime.
        ending: When it is over.
    """
    warming = _Round(classify, invoke)
    warming.run(Ending(least_runs=WARMUP_RUNS, least_seconds=WARMUP_S, patience_seconds=WARMUP_S))
    tell("0")
    measuring = _Round(classify, invoke)
    measuring.run(ending)
    return Measured(
        warmup=len(warming.classify_ns),
        classify_ns=tuple(measuring.classify_ns),
        preprocess_ns=tuple(measuring.preprocess_ns),
        inference_ns=tuple(measuring.inference_ns),
        invoke_ns=tuple(measuring.invoke_ns),
        is_settled=is_settled(measuring.classify_ns, precision=ending.precision),
    )


class _Round:
    """The two calls, and their durations so far."""

    def __init__(self, classify: Callable[[], Prediction], invoke: Callable[[], object]) -> None:
        self._classify = classify
        self._invoke = invoke
        self._next_look = 0.0
        self.classify_ns: list[int] = []
        self.preprocess_ns: list[int] = []
        self.inference_ns: list[int] = []
        self.invoke_ns: list[int] = []

    def run(self, ending: Ending) -> None:
        """Measure until it is over."""
        start = last_beat = time.perf_counter()
        while True:
            self._measure_once()
            now = time.perf_counter()
            if self._is_over(ending, now - start):
                return
            if now - last_beat > BEAT_S:  # a sign of life between two measurements
                last_beat = now
                tell(f"{ending.progress(len(self.classify_ns), now - start):.3f}")

    def _measure_once(self) -> None:
        before = time.perf_counter_ns()
        prediction = self._classify()
        between = time.perf_counter_ns()
        self._invoke()
        after = time.perf_counter_ns()
        self.classify_ns.append(between - before)
        self.invoke_ns.append(after - between)
        self.preprocess_ns.append(round(prediction.preprocess_ms * _NS_PER_MS))
        self.inference_ns.append(round(prediction.inference_ms * _NS_PER_MS))

    def _is_over(self, ending: Ending, seconds: float) -> bool:
        runs = len(self.classify_ns)
        if ending.runs:
            return runs >= ending.runs
        if seconds < ending.least_seconds:
            return False
        if runs < ending.least_runs:
            return seconds >= ending.patience_seconds
        return seconds >= ending.most_seconds or self._looks_settled(ending.precision)

    def _looks_settled(self, precision: float) -> bool:
        runs = len(self.classify_ns)
        if runs < self._next_look:
            return False
        self._next_look = LOOKS_AGAIN * runs
        return is_settled(self.classify_ns, precision=precision)


def _prepared(classifier: Classifier, frame: Frame) -> NDArray[Any]:
    """Return the model's input for a frame, as ``classify`` would hand it to the runtime."""
    spec, info = classifier.spec, classifier.backend.input
    batch = Preprocessor(spec.preprocessing, spec.input)(frame)
    if batch.dtype == info.dtype:
        return batch
    return quantize(batch, info) if info.scale else batch.astype(info.dtype)
