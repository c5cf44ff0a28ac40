"""The whole chain on the demo's photos: each step is the function behind the command of its name."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecls_bench.bench import bench, count_progress
from edgecls_bench.cases import plan_cases, spec_of
from edgecls_bench.compare import compare
from edgecls_bench.comparison import Comparison
from edgecls_bench.measurement import BenchRun
from edgecls_bench.settings import QUICK
from edgecls_device.errors import ExportError
from edgecls_device.files import make_directory, write_atomically
from edgecls_device.records import to_json
from edgecls_device.results import RunSummary
from edgecls_device.stamps import now

from edgecls.bench_records import store_bench
from edgecls.comparison_photos import photos_of_run
from edgecls.data.check import check_photos
from edgecls.data.check_record import DataCheck
from edgecls.demo.clip import CLIP_FRAMES, write_clip
from edgecls.demo.labelled_clip import classify_clip
from edgecls.demo.photos import are_drawn, draw_photos
from edgecls.demo.preconditions import check_own, check_packages, check_photos_per_class, photos_of
from edgecls.demo.record import DemoArtifact, DemoRecord
from edgecls.demo.shapes import LABELS
from edgecls.exports.run import export_run
from edgecls.exports.session import destination
from edgecls.progress import progress, say
from edgecls.reports.report import write_report
from edgecls.run_directory import RunDirectory
from edgecls.targets import find_target
from edgecls.training.record import TrainingRecord
from edgecls.training.train import train

__all__ = ["PHOTOS_PER_CLASS", "STEPS", "run_demo"]

PHOTOS_PER_CLASS = 140
"""Enough for about 95 % right; drawing them takes most of the time before training."""

BENCH_THREADS = (1,)

STEPS = {
    "photos": "Draw photos of shapes on paper",
    "check": "Look through them (edgecls data check)",
    "train": "Train (edgecls train)",
    "export": "Export five files (edgecls export)",
    "compare": "Compare their accuracy (edgecls compare)",
    "bench": "Measure their latency (edgecls bench --quick)",
    "report": "Write the report (edgecls report)",
    "clip": "Render a clip",
    "run": "Classify the clip live (edgecls run)",
}


def run_demo(out: Path, *, seed: int = 0, photos_per_class: int = PHOTOS_PER_CLASS) -> DemoRecord:
    """Draw photos, then train, export, compare, bench and report on them, and classify a clip.

    Progress is told on standard error. Repeated in the same directory it keeps the photos if they are of the
    same seed and number, and replaces everything else file by file.

    Args:
        out: The run directory; it must be new, or the demo's own.
        seed: What photos, clip and training are drawn from.
        photos_per_class: How many photos of each shape.

    Raises:
        EdgeclsError: Whatever the commands raise; before any work an OptionError if ``out`` holds another
            run or an option cannot be honoured, and a MissingDependencyError if a package is missing.
    """
    run = RunDirectory(out)
    check_photos_per_class(photos_per_class)
    check_own(run)
    check_packages()
    make_directory(run.path)
    return _Chain(run, seed, photos_per_class).run_all()


class _Chain:
    """One demo on its way: where it is, what it was asked, how long each step took."""

    def __init__(self, run: RunDirectory, seed: int, per_class: int) -> None:
        self._run = run
        self._seed = seed
        self._per_class = per_class
        self._photos = photos_of(run)
        self._clip = run.path / "clip.avi"
        self._annotated = run.path / "clip-labelled.avi"
        self._best = destination(run, ("tflite", "int8"))
        self._seconds: dict[str, float] = {}

    def run_all(self) -> DemoRecord:
        """Do every step in order."""
        summary_file = self._run.path / "demo.json"  # it is there only if all steps are done
        summary_file.unlink(missing_ok=True)
        with self._step("photos"):
            self._draw()
        with self._step("check"):
            self._check()
        with self._step("train"):
            training = train(
                self._photos, out=self._run.path, seed=self._seed, cache=self._run.path / "features"
            )
        with self._step("export"):
            self._export()
        with self._step("compare"):
            comparison = self._compare()
        with self._step("bench"):
            measured = self._bench()
        with self._step("report"):
            report = write_report(self._run)
        with self._step("clip"), progress("Rendering frames", CLIP_FRAMES) as advance:
            write_clip(self._clip, seed=self._seed, on_progress=advance)
        with self._step("run"):
            summary = classify_clip(self._best, self._clip, self._annotated)
        record = self._record(training, comparison, measured, report, summary)
        write_atomically(summary_file, to_json(record))
        return record

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        number = list(STEPS).index(name) + 1
        say(f"\n[{number}/{len(STEPS)}] {STEPS[name]}")
        start = time.monotonic()
        yield
        self._seconds[name] = round(time.monotonic() - start, 2)
        say(f"      done in {self._seconds[name]:.1f} s")

    def _draw(self) -> None:
        total = self._per_class * len(LABELS)
        if are_drawn(self._photos, seed=self._seed, per_class=self._per_class):
            say(f"{total} photos are there already: {self._photos}")
            return
        with progress("Drawing photos", total) as advance:
            draw_photos(
                self._photos, seed=self._seed, per_class=self._per_class, on_progress=advance
            )

    def _check(self) -> None:
        with progress("Looking at photos", self._per_class * len(LABELS)) as advance:
            check = check_photos(self._photos, on_progress=advance)
        say(_findings(check))

    def _export(self) -> None:
        exported = export_run(self._run, stability=False)  # a first look need not take longer
        if exported.failures:
            message = (
                f"Expected every file to score as Keras does, got: {'; '.join(exported.failures)}"
            )
            raise ExportError(message, hint=f"the converters' output is in {self._run.logs}")

    def _compare(self) -> Comparison:
        target = find_target([self._run.path])
        labels = spec_of(target.artifacts[0]).output_labels
        photos = photos_of_run(self._run, labels)
        cases = plan_cases(target.artifacts)
        with progress(f"Comparing {len(cases)} cases, photos", len(photos.photos)) as advance:
            comparison = compare(
                target.artifacts,
                photos.photos,
                labels=labels,
                data=photos.data,
                split=photos.split,
                advance=advance,
            )
        write_atomically(self._run.compare, to_json(comparison, indent=None))
        return comparison

    def _bench(self) -> BenchRun:
        artifacts = find_target([self._run.path]).artifacts
        total = count_progress(artifacts, threads=BENCH_THREADS, settings=QUICK)
        with progress("Benchmarking, steps", total) as advance:
            measured = bench(artifacts, threads=BENCH_THREADS, settings=QUICK, advance=advance)
        store_bench(self._run, measured)
        return measured

    def _record(
        self,
        training: TrainingRecord,
        comparison: Comparison,
        measured: BenchRun,
        report: Path,
        summary: RunSummary,
    ) -> DemoRecord:
        return DemoRecord(
            created=now(),
            out=str(self._run.path),
            seed=self._seed,
            photos=self._per_class * len(LABELS),
            test_photos=training.test.photos,
            accuracy=training.test.accuracy,
            artifacts=_artifacts(self._run, comparison, measured),
            report=str(report),
            clip=str(self._clip),
            annotated=str(self._annotated),
            clip_frames=summary.results,
            seconds=self._seconds,
        )


def _findings(check: DataCheck) -> str:
    """Say in a line what was found; the command lists it."""
    problems = len(check.problems)
    notes = len(check.findings) - problems
    usable = sum(check.usable.values())
    return f"{usable} photos of {len(check.usable)} classes can be used; problems: {problems}, notes: {notes}"


def _artifacts(
    run: RunDirectory, comparison: Comparison, measured: BenchRun
) -> tuple[DemoArtifact, ...]:
    p50_ms = {(c.artifact, c.backend): c.classify.p50_ms for c in measured.cases if not c.error}
    return tuple(
        DemoArtifact(
            path=str(run.exports / case.artifact),
            format=case.format,
            recipe=case.recipe,
            backend=case.backend,
            size_bytes=case.size_bytes,
            accuracy=0.0 if case.top1 is None else case.top1,  # the demo's photos have classes
            agreement=case.agreement,
            p50_ms=p50_ms.get((case.artifact, case.backend)),
        )
        for case in comparison.cases
    )
