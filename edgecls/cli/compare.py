"""``edgecls compare``: the accuracy of each exported file on the same photos."""

from pathlib import Path

import click
from edgecls_bench.cases import plan_cases, spec_of
from edgecls_bench.compare import compare
from edgecls_bench.comparison import Comparison, ComparisonCase
from edgecls_bench.metrics import wilson_interval
from edgecls_device.backends.table import BACKENDS
from edgecls_device.errors import OptionError
from edgecls_device.files import write_atomically
from edgecls_device.records import to_json

from edgecls.cli.lists import split_names
from edgecls.cli.output import json_option, print_record, print_table
from edgecls.comparison_photos import ComparisonPhotos, photos_in_folder, photos_of_run
from edgecls.data.folders import find_photos
from edgecls.progress import progress, say
from edgecls.targets import Target, find_target, warn_of_stale

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls compare runs/demo
  edgecls compare runs/demo --backend litert --limit 50
  edgecls compare runs/demo/exports/demo.int8.tflite --data runs/demo/photos --json
"""


@click.command("compare", epilog=EPILOG)
@click.argument(
    "targets", nargs=-1, required=True, metavar="RUN | ARTIFACT...", type=click.Path(path_type=Path)
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of photos, a folder for each label; by default the test split of RUN.",
)
@click.option(
    "--backend",
    "backends",
    metavar="NAMES",
    callback=split_names,
    help="Backends, with commas between them; by default all that are installed.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Photos at most, evenly spread.")
@click.option(
    "--threads",
    type=click.IntRange(min=1, max=256),
    help="Photos looked at at once; by default one per core. The result does not depend on it.",
)
@json_option
def command(
    targets: tuple[Path, ...],
    data: Path | None,
    backends: list[str] | None,
    limit: int | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Compare the accuracy of exported files on the same photos, and their agreement with float32.

    The photos are the test split of RUN, which nothing else has touched, or all of --data. Writes
    compare.json into RUN.
    """
    target = find_target(targets)
    warn_of_stale(target)
    cases = plan_cases(target.artifacts, backends)
    _say_what_is_left_out(target, {case.artifact.path for case in cases})
    photos = _photos(target, data).limited(limit)
    with progress(f"Comparing {len(cases)} cases, photos", len(photos.photos)) as advance:
        comparison = compare(
            target.artifacts,
            photos.photos,
            labels=spec_of(target.artifacts[0]).output_labels,
            data=photos.data,
            split=photos.split,
            backends=backends,
            threads=threads,
            advance=advance,
        )
    if comparison.skipped:
        say(
            f"left out {comparison.skipped} photos that cannot be read; see: edgecls data check {photos.data}"
        )
    if target.run is not None:
        write_atomically(target.run.compare, to_json(comparison, indent=None))
    if as_json:
        print_record(comparison)
    else:
        _print(comparison, target)


def _photos(target: Target, data: Path | None) -> ComparisonPhotos:
    labels = spec_of(target.artifacts[0]).output_labels
    if data is None and target.run is not None:
        return photos_of_run(target.run, labels)
    if data is None:
        message = "Expected photos to compare model files on, got no --data."
        raise OptionError(message, hint="add --data PHOTOS, a folder for each label; or give a run")
    with progress("Reading photos", len(find_photos(data).photos)) as advance:
        photos = photos_in_folder(data, labels, run=target.run, on_progress=advance)
    if photos.trained_on:
        say(f"{photos.trained_on} of these photos were trained on; their accuracy promises nothing")
    return photos


def _say_what_is_left_out(target: Target, used: set[Path]) -> None:
    for artifact in target.artifacts:
        if artifact.path not in used:
            fitting = [entry for entry in BACKENDS.values() if entry.format == artifact.format]
            hint = f"pip install 'edgecls[{fitting[0].extra}]'"
            say(f"left out {artifact.path.name}: none of the backends runs it ({hint})")


def _print(comparison: Comparison, target: Target) -> None:
    has_top5 = any(case.top5 is not None for case in comparison.cases)
    columns = ["artifact", "backend", "MB", "top-1 %", "95 % interval"]
    columns += ["top-5 %"] if has_top5 else []
    columns += ["worst class", "agree %", "worst error"]
    rows = [
        _row(case, comparison.labels, len(comparison.photos), has_top5=has_top5)
        for case in comparison.cases
    ]
    which = "test photos" if comparison.split == "test" else f"photos of {comparison.data}"
    print_table(f"{target.title}: {len(comparison.photos)} {which}", columns, rows)
    if comparison.reference:
        click.echo(
            f"agree, worst error: best label and scores against {comparison.reference} on the same photos"
        )
    else:
        click.echo("agreement: none, since no float32 artifact is among them")
    if target.run is not None:
        click.echo(f"wrote {target.run.compare}; next: edgecls bench {target.run.path}")


def _row(
    case: ComparisonCase, labels: tuple[str, ...], photos: int, *, has_top5: bool
) -> tuple[str, ...]:
    low, high = wilson_interval(round((case.top1 or 0.0) * photos), photos)
    accuracies = [(share, i) for i, share in enumerate(case.per_class) if share is not None]
    worst, class_id = min(accuracies)
    top5 = ("" if case.top5 is None else _percent(case.top5),) if has_top5 else ()
    return (
        case.artifact,
        case.backend,
        f"{case.size_bytes / 1e6:.1f}",
        _percent(case.top1 or 0.0),
        f"{100 * low:.1f}-{100 * high:.1f}",
        *top5,
        f"{_short(labels[class_id])} {100 * worst:.1f}",
        "" if case.agreement is None else _percent(case.agreement),
        "" if case.worst_score_error is None else f"{case.worst_score_error:.3f}",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _short(label: str) -> str:
    return label if len(label) <= 20 else label[:19] + "…"
