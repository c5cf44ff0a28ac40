"""The plots of one machine's benchmark: how times spread, where they go, threads, start, memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from edgecls_bench.measurement import BenchCase, ColdStart

from edgecls.reports.bar_plot import BarPlot, BarValue, bar_plot
from edgecls.reports.measured import Key
from edgecls.reports.number_text import count_text, megabytes_text, milliseconds_text, rate_text
from edgecls.reports.spread_plot import SpreadPlot, SpreadValue, spread_plot
from edgecls.reports.stacked_plot import Part, StackedPlot, StackedValue, stacked_plot

__all__ = ["MAX_ROWS", "SpeedPlots", "few", "speed_plots"]

MAX_ROWS = 12

FRAME_PARTS = (
    Part(name="inference", style="solid"),  # first, so that it begins where the bare runtime does
    Part(name="preprocess", style="hatched"),
    Part(name="postprocess", style="dotted"),
    Part(name="the rest", style="grey"),
)
START_PARTS = (
    Part(name="start of Python", style="grey"),
    Part(name="imports", style="hatched"),
    Part(name="load the model", style="dotted"),
    Part(name="first inference", style="solid"),
    Part(name="the rest", style="empty"),
)
MEMORY_PARTS = (Part(name="largest", style="plain"),)


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedPlots:
    """What can be drawn of one machine's cases; None where it was not measured.

    Attributes:
        spread: Distribution of each case's times.
        frame: One frame in parts, with the bare runtime as a mark.
        threads: Frames a second of each backend and number of threads, by file.
        start: The cold start in parts.
        memory: Largest memory, with that after the start as a mark.
        left_out: How many cases the plots of cases leave out.
    """

    spread: SpreadPlot | None
    frame: StackedPlot | None
    threads: BarPlot | None
    start: StackedPlot | None
    memory: StackedPlot | None
    left_out: int

    @property
    def is_left_shorter(self) -> bool:
        """Whether spread and frame take less height than threads and start, so that memory goes below them."""
        left = sum(plot.height for plot in (self.spread, self.frame) if plot is not None)
        return left < sum(plot.height for plot in (self.threads, self.start) if plot is not None)


def speed_plots(
    cases: Sequence[BenchCase], names: Mapping[Key, str], chosen: BenchCase | None
) -> SpeedPlots:
    """Lay out all plots of the finished cases.

    Args:
        cases: In the order of the record.
        names: Short name of each artifact on its backend.
        chosen: The recommended case.
    """
    finished = [case for case in cases if not case.error]
    shown = few(finished)
    once = _fastest_of_each(finished)[:MAX_ROWS]
    return SpeedPlots(
        spread=spread_plot([_spread(case, names) for case in shown]),
        frame=stacked_plot(
            [_frame(case, names) for case in shown if case.inference.p50_ms > 0],
            FRAME_PARTS,
            x_title="share of the frame's time, %",
            mark_name="the bare runtime alone",
        ),
        threads=_threads(finished, names, chosen),
        start=stacked_plot(
            [_start(case, case.cold, names) for case in once if case.cold is not None],
            START_PARTS,
            x_title="ms, medians",
        ),
        memory=stacked_plot(
            [_memory(case, names) for case in once],
            MEMORY_PARTS,
            x_title="MB",
            mark_name="after its frames",
        ),
        left_out=len(finished) - len(shown),
    )


def few(cases: Sequence[BenchCase]) -> list[BenchCase]:
    """Return all cases if a plot has room for them, else the fastest of each file and backend."""
    if len(cases) <= MAX_ROWS:
        return list(cases)
    return sorted(_fastest_of_each(cases), key=lambda case: case.classify.p50_ms)[:MAX_ROWS]


def _fastest_of_each(cases: Sequence[BenchCase]) -> list[BenchCase]:
    best: dict[Key, BenchCase] = {}
    for case in cases:
        key = (case.artifact, case.backend)
        if key not in best or _worth(case) < _worth(best[key]):
            best[key] = case
    return list(best.values())


def _worth(case: BenchCase) -> tuple[bool, float]:
    return bool(case.void), case.classify.p50_ms


def _name(case: BenchCase, names: Mapping[Key, str], *, has_threads: bool = True) -> str:
    words = [names[case.artifact, case.backend]]
    if has_threads:
        words.append(count_text(case.threads, "thread"))
    if case.void:
        words.append("void")
    return ", ".join(words)


def _spread(case: BenchCase, names: Mapping[Key, str]) -> SpreadValue:
    return SpreadValue(
        name=_name(case, names),
        latency=case.classify,
        samples_ns=case.samples.classify_ns,
        series=case.format,
        is_void=bool(case.void),
    )


def _frame(case: BenchCase, names: Mapping[Key, str]) -> StackedValue:
    values = [case.inference.p50_ms, case.preprocess.p50_ms, case.postprocess.p50_ms]
    values.append(max(0.0, case.classify.p50_ms - sum(values)))
    name = _name(case, names)
    told = [
        f"{part.name} {milliseconds_text(value)}"
        for part, value in zip(FRAME_PARTS, values, strict=True)
    ]
    whole = max(case.classify.p50_ms, sum(values))
    bare = case.invoke.p50_ms
    over = case.classify.p50_ms / bare - 1 if bare > 0 else 0.0
    return StackedValue(
        name=name,
        note=f"{milliseconds_text(case.classify.p50_ms)}, {100 * over:+.1f}\N{NO-BREAK SPACE}%",
        values=tuple(100 * value / whole for value in values),
        mark=100 * bare / whole if bare > 0 else None,
        tooltip=f"{name}: {', '.join(told)}; the bare runtime {milliseconds_text(bare)}",
        is_void=bool(case.void),
    )


def _start(case: BenchCase, cold: ColdStart, names: Mapping[Key, str]) -> StackedValue:
    values = [cold.python_ms, cold.import_ms, cold.load_ms, cold.first_inference_ms]
    values.append(max(0.0, cold.total_ms - sum(values)))
    name = _name(case, names, has_threads=False)
    told = [
        f"{part.name} {milliseconds_text(value)}"
        for part, value in zip(START_PARTS, values, strict=True)
    ]
    return StackedValue(
        name=name,
        note=milliseconds_text(cold.total_ms),
        values=tuple(values),
        tooltip=f"{name}: {', '.join(told)}",
        is_void=bool(case.void),
    )


def _memory(case: BenchCase, names: Mapping[Key, str]) -> StackedValue:
    name = _name(case, names, has_threads=False)
    steady = case.steady_memory_bytes
    after = f", after its frames {megabytes_text(steady)}" if steady else ""
    return StackedValue(
        name=name,
        note=megabytes_text(case.peak_memory_bytes),
        values=(case.peak_memory_bytes / 1e6,),
        mark=steady / 1e6 if steady else None,
        tooltip=f"{name}: at most {megabytes_text(case.peak_memory_bytes)}{after}",
        is_void=bool(case.void),
    )


def _threads(
    cases: Sequence[BenchCase], names: Mapping[Key, str], chosen: BenchCase | None
) -> BarPlot | None:
    by_file = [
        (name, list(group)) for name, group in groupby(cases, key=lambda case: case.artifact)
    ]
    keep = {case.artifact for case in few(cases)} if len(cases) > 2 * MAX_ROWS else None
    groups = []
    for artifact, group in by_file:
        if keep is not None and artifact not in keep:
            continue
        backends = {case.backend for case in group}
        name = names[artifact, group[0].backend].removesuffix(f" on {group[0].backend}")
        title = name if len(backends) > 1 else f"{name} on {group[0].backend}"
        bars = [_bar(case, chosen, names_backend=len(backends) > 1) for case in group]
        groups.append((title, bars))
    return bar_plot(groups, x_title="frames a second, one after the other")


def _bar(case: BenchCase, chosen: BenchCase | None, *, names_backend: bool) -> BarValue:
    own = case.classify
    rate = 1000 / own.p50_ms if own.p50_ms > 0 else 0.0
    ends = [1000 / ms for ms in own.p50_interval_ms if ms > 0] or [rate]
    words = [case.backend] if names_backend else []
    words.append(count_text(case.threads, "thread"))
    all_cores = case.throughput
    parts = [f"{case.artifact} on {case.backend} with {count_text(case.threads, 'thread')}"]
    parts.append(f"{rate_text(rate)} frames a second, one after the other")
    if all_cores is not None:
        processes = count_text(all_cores.workers, "process")
        parts.append(f"{rate_text(all_cores.frames_per_second)} with {processes} at once")
    if case.void:
        parts.append("void")
    return BarValue(
        name=", ".join(words),
        note=f"{rate_text(rate)}{' void' if case.void else ''}",
        value=rate,
        low=min(ends),
        high=max(ends),
        mark=all_cores.frames_per_second if all_cores is not None else None,
        series=case.format,
        tooltip=", ".join(parts),
        is_chosen=case is chosen,
        is_void=bool(case.void),
    )
