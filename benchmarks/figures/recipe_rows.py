"""What every recipe costs on one run: converted, compared and timed, each in a process of its own.

Shared by ``recipes.py`` and ``backbones.py``. Rows are named ``format recipe backend: measure``.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecls_device.errors import BenchmarkError, ExportError
from edgecls_export import EXPORTERS
from figure import Row, edgecls, run

PARTLY = (0, ExportError.exit_code)  # some files were not made; the answer says which
SLOW = 2.5  # times as slow as float32: such files see fewer photos
NOT_MADE, NOT_RUN = "does not convert", "does not run"
COMMONEST = "commonest answer"  # agreement says nothing of a model that gives everything one label
FLOAT32 = "float32"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How to measure.

    Attributes:
        data: Options of ``edgecls compare`` that name the photos.
        limit: Photos at most.
        slow_limit: Photos at most for files that are much slower than float32.
        recipes: Only these; by default all.
        seconds: How long two files are timed in turn.
        exporting: More options of ``edgecls export``.
        has_cold_start: Whether to measure cold start and memory too.
        pythons: Interpreters of other environments, whose TFLite runtime is another; ``.tflite`` files are
            timed and compared there too.
    """

    data: tuple[str | Path, ...]
    limit: int
    slow_limit: int
    recipes: tuple[str, ...] = ()
    seconds: float = 4.0
    exporting: tuple[str | Path, ...] = ()
    has_cold_start: bool = True
    pythons: tuple[Path, ...] = ()


def measure(directory: Path, options: Options) -> Iterator[Row]:
    """Export a run in every recipe, and yield what each costs."""
    every = dict.fromkeys(recipe for _, recipe in EXPORTERS)
    recipes = ",".join(dict.fromkeys([FLOAT32, *options.recipes]) if options.recipes else every)
    command = ("export", directory, "--recipe", recipes, "--no-stability", "--json")
    exported = json.loads(run(edgecls(*command, *options.exporting), accepts=PARTLY).output)
    yield from _failures(exported["failures"])
    files = [Path(artifact["path"]) for artifact in exported["artifacts"]]
    yield from _on(Path(sys.executable), files, options)
    for python in options.pythons:
        yield from _on(python, [path for path in files if path.suffix == ".tflite"], options)
    if options.has_cold_start:
        yield from _cold_starts(directory)


def in_turn(
    path: Path, reference: Path, *, seconds: float, python: Path = Path(sys.executable)
) -> Mapping[str, Any]:
    """Time two files in turn, with one thread; see ``in_turn.py``.

    Raises:
        BenchmarkError: If one does not run.
    """
    script = Path(__file__).with_name("in_turn.py")
    timed: Mapping[str, Any] = json.loads(
        run([python, script, path, reference, str(seconds)]).output
    )
    return timed


def cells(
    name: str,
    rows: Mapping[str, Row],
    formats: Mapping[str, str],
    *,
    columns: int,
    with_backend: bool,
) -> list[str]:
    """Return one file's line of a table: its name, then its figures or why there are none.

    Args:
        name: Format, recipe and backend.
        rows: Its figures, by name.
        formats: Which figures to show, and how.
        columns: Length of the line.
        with_backend: Whether the second column is the backend.
    """
    file_format, recipe, *backend = name.split(" ", 2)
    file = f"{recipe}.{file_format}"
    for failed in (NOT_MADE, NOT_RUN):
        if failed in rows:
            return [file, f"{failed}: {rows[failed].note}", *[""] * (columns - 2)]
    figures = (f"{rows[key].value:{form}}" if key in rows else "" for key, form in formats.items())
    return [file, *(backend if with_backend else ()), *figures]


def _failures(failures: Sequence[str]) -> Iterator[Row]:
    for failure in failures:
        name, _, reason = failure.partition(": ")
        _, recipe, file_format = name.rsplit(".", 2)
        yield Row(what=f"{file_format} {recipe}: {NOT_MADE}", value=0, unit="", note=reason)


def _on(python: Path, files: Sequence[Path], options: Options) -> Iterator[Row]:
    """Yield the figures of files on the runtimes of one environment."""
    fast, slow = [], []
    for path in files:
        _, recipe, file_format = path.name.rsplit(".", 2)
        reference = path.with_name(path.name.replace(f".{recipe}.", f".{FLOAT32}."))
        try:
            timed = in_turn(path, reference, seconds=options.seconds, python=python)
        except BenchmarkError as error:
            what = f"{file_format} {recipe} in {python.parents[1].name}: {NOT_RUN}"
            yield Row(what=what, value=0, unit="", note=error.message)
            continue
        name = f"{file_format} {recipe} {timed['backend']}"
        (slow if timed["ratio"] > SLOW else fast).append(path)
        size, whole = path.stat().st_size, reference.stat().st_size
        yield Row(what=f"{name}: size", value=size / 1e6, unit="MB")
        yield Row(what=f"{name}: size of float32's", value=100 * size / whole, unit="%")
        yield Row(what=f"{name}: p50", value=timed["p50_ms"], unit="ms")
        yield Row(what=f"{name}: time of float32's", value=100 * timed["ratio"], unit="%")
    for group, limit in ((fast, options.limit), (slow, options.slow_limit)):
        if group:
            yield from _agreement(python, group, options.data, limit)


def _agreement(
    python: Path, files: Sequence[Path], data: Sequence[str | Path], limit: int
) -> Iterator[Row]:
    """Yield how far files are from float32 TFLite, which stands in the same folder."""
    reference = next(files[0].parent.glob(f"*.{FLOAT32}.tflite"))
    paths = dict.fromkeys([reference, *files])
    command = [python.with_name("edgecls"), "compare", *paths, *data]
    comparison = json.loads(run([*command, "--limit", str(limit), "--json"]).output)
    wanted = {path.name for path in files}
    for case in comparison["cases"]:
        if case["artifact"] in wanted:
            yield from _case_rows(case, len(comparison["photos"]))


def _case_rows(case: Mapping[str, Any], photos: int) -> Iterator[Row]:
    name = f"{case['format']} {case['recipe']} {case['backend']}"
    low, high = case["agreement_interval"] or (1, 1)  # of the reference there is none
    yield Row(
        what=f"{name}: agreement",
        value=100 * case["agreement"],
        unit="%",
        note=f"{photos} photos, 95 % interval {100 * low:.1f} to {100 * high:.1f}",
    )
    yield Row(what=f"{name}: mean score error", value=case["mean_score_error"], unit="")
    yield Row(what=f"{name}: worst score error", value=case["worst_score_error"], unit="")
    commonest = max(case["predicted"].count(c) for c in set(case["predicted"]))
    yield Row(what=f"{name}: {COMMONEST}", value=100 * commonest / photos, unit="%")
    if case["top1"] is not None:
        yield Row(what=f"{name}: top-1", value=100 * case["top1"], unit="%")


def _cold_starts(directory: Path) -> Iterator[Row]:
    done = run(edgecls("bench", directory, "--threads", "1", "--json"))
    for case in json.loads(done.output)["cases"]:
        name = f"{case['format']} {case['recipe']} {case['backend']}"
        if case["error"]:
            yield Row(what=f"{name}: {NOT_RUN}", value=0, unit="", note=case["error"])
            continue
        yield Row(what=f"{name}: cold start", value=case["cold_start_ms"], unit="ms")
        yield Row(what=f"{name}: peak memory", value=case["peak_memory_bytes"] / 1e6, unit="MB")
