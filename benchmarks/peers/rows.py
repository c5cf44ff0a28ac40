"""From samples to rows: what each way takes, and the ratios that the project wants to reach.

A ratio is taken within each round and its median over the rounds is told, with the smallest and the largest: a
minute in which the whole machine was slow makes both sides slow.
"""

from collections.abc import Iterator, Mapping
from statistics import median, quantiles

from figure import Row
from measuring import Measured
from plan import FLOAT_ONNX, INT8_ONNX, SIZES, TFLITE, Case

__all__ = ["MIN_FOR_P99", "disturbed_row", "latency_rows", "ratio_rows"]

MIN_FOR_P99 = 662
"""Samples below which a 99th percentile is not told.

Source: MLPerf Inference rules, early stopping: the fewest samples that bound a 99th percentile.
"""

DISTURBED = "disturbed by other programs, heat or a lower clock"
MEMORY, FIRST_LABEL, P50, FPS = "peak memory", "first label", "p50", "frames a second"


def latency_rows(found: Mapping[Case, Measured]) -> Iterator[Row]:
    """Yield what each case takes, called ``case: measure``."""
    for case, measured in found.items():
        if case.size is None:
            first, peak = median(measured.first_label_s), max(measured.peak_bytes) / 1e6
            note = f"{len(measured.first_label_s)} starts, says {measured.label}"
            yield Row(what=f"{case.name}: {FIRST_LABEL}", value=first, unit="s", note=note)
            yield Row(what=f"{case.name}: {MEMORY}", value=peak, unit="MB")
            continue
        samples = [ns / 1e6 for round_ns in measured.samples_ns for ns in round_ns]
        middle = median(median(round_ns) for round_ns in measured.samples_ns) / 1e6
        note = f"{len(samples)} samples, says {measured.label}"
        yield Row(what=f"{case.name}: {P50}", value=middle, unit="ms", note=note)
        if len(samples) >= MIN_FOR_P99:
            last = quantiles(samples, n=100, method="inclusive")[98]
            yield Row(what=f"{case.name}: p99", value=last, unit="ms")
        rate = median(len(round_ns) * 1e9 / sum(round_ns) for round_ns in measured.samples_ns)
        yield Row(what=f"{case.name}: {FPS}", value=rate, unit="frames/s")
        busy = median(measured.busy_cores)
        yield Row(what=f"{case.name}: cores it kept busy", value=busy, unit="cores")


def disturbed_row(found: Mapping[Case, Measured]) -> Row:
    """Return how many processes should not be believed, with the reason of most."""
    reasons = [reason for measured in found.values() for reason in measured.disturbed]
    processes = sum(len(m.samples_ns) + len(m.first_label_s) for m in found.values())
    note = f"of {processes}"
    if reasons:
        note += f"; such as: {max(reasons, key=reasons.count)}"
    return Row(what=DISTURBED, value=len(reasons), unit="processes", at_most=0, note=note)


def ratio_rows(found: Mapping[Case, Measured]) -> list[Row]:
    """Return the ratios that have a target, of the cases that were measured."""
    return [*_over_bare(found), *_beside_tflite(found), *_beside_onnx(found), *_starts(found)]


def _over_bare(found: Mapping[Case, Measured]) -> Iterator[Row]:
    """Ours over the runtime alone: what edgecls adds to a frame."""
    for case in _loops(found, "edgecls", TFLITE):
        if (bare := _like(found, case, "invoke")) is not None:
            most = 1.05 if case.size == SIZES[0] else 1.25
            yield _ratio(
                "frame to label, edgecls / invoke", case, _medians(found, case, bare), at_most=most
            )
        if (script := _like(found, case, "bare script")) is not None:
            name = "frame to label, edgecls / bare script"
            yield _ratio(name, case, _medians(found, case, script))


def _beside_tflite(found: Mapping[Case, Measured]) -> Iterator[Row]:
    for case in _loops(found, "edgecls", TFLITE):
        # MediaPipe takes one core and cannot be told otherwise, so its target is for two: as both come.
        is_target = case.size == SIZES[0] and case.threads > 1
        limits = {"MediaPipe Tasks": 2.2 if is_target else None, "label_image": None}
        for way, least in limits.items():
            if (other := _like(found, case, way)) is not None:
                name, rates = f"frames a second, edgecls / {way}", _rates(found, case, other)
                yield _ratio(name, case, rates, at_least=least)


def _beside_onnx(found: Mapping[Case, Measured]) -> Iterator[Row]:
    for file in (INT8_ONNX, FLOAT_ONNX):
        for case in _loops(found, "edgecls", file):
            for way, least in (("Ultralytics", 2.0), ("OpenCV DNN", None)):
                if (other := _like(found, case, way)) is not None:
                    name, rates = f"frames a second, edgecls / {way}", _rates(found, case, other)
                    yield _ratio(name, case, rates, at_least=least)


def _starts(found: Mapping[Case, Measured]) -> Iterator[Row]:
    """Cold starts and memory: edgecls from Python, and the command ``edgecls run``, beside scripts."""
    limits = {
        ("bare script", TFLITE): (1.15, 1.1),
        ("MediaPipe Tasks", TFLITE): (0.333, 0.5),
        ("label_image", TFLITE): (None, None),
        ("Ultralytics", INT8_ONNX): (None, None),
    }
    starts = {(case.way.name, case.file): case for case in found if case.size is None}
    for (way, file), (time_limit, memory_limit) in limits.items():
        for name in ("edgecls", "edgecls run"):
            ours, theirs = starts.get((name, file)), starts.get((way, file))
            if ours is None or theirs is None:
                continue
            our, their = found[ours], found[theirs]
            firsts = _by_round(our.first_label_s, their.first_label_s)
            yield _ratio(f"first label, {name} / {way}", ours, firsts, at_most=time_limit)
            peaks = [max(our.peak_bytes) / max(their.peak_bytes)]
            yield _ratio(f"peak memory, {name} / {way}", ours, peaks, at_most=memory_limit)


def _loops(found: Mapping[Case, Measured], way: str, file: str) -> list[Case]:
    return [c for c in found if c.way.name == way and c.file == file and c.size is not None]


def _like(found: Mapping[Case, Measured], case: Case, way: str) -> Case | None:
    """Return the same case of another way; the runtime alone has no frame and is the same for all sizes."""
    for other in found:
        is_same = (other.file, other.threads) == (
            case.file,
            case.threads,
        ) and other.size is not None
        is_comparable = other.size == case.size or not other.way.sees_frames
        if other.way.name == way and is_same and is_comparable:
            return other
    return None


def _medians(found: Mapping[Case, Measured], case: Case, other: Case) -> list[float]:
    pairs = zip(found[case].samples_ns, found[other].samples_ns, strict=True)
    return [median(our) / median(their) for our, their in pairs]


def _rates(found: Mapping[Case, Measured], case: Case, other: Case) -> list[float]:
    pairs = zip(found[case].samples_ns, found[other].samples_ns, strict=True)
    return [(len(our) / sum(our)) / (len(their) / sum(their)) for our, their in pairs]


def _by_round(our: list[float], their: list[float]) -> list[float]:
    return [one / other for one, other in zip(our, their, strict=True)]


def _ratio(
    name: str,
    case: Case,
    ratios: list[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Row:
    _, _, where = case.name.partition(", ")
    note = "" if len(ratios) == 1 else f"{min(ratios):.3g} to {max(ratios):.3g}"
    return Row(
        what=f"{name}, {where}",
        value=median(ratios),
        unit="times",
        at_most=at_most,
        at_least=at_least,
        note=note,
    )
