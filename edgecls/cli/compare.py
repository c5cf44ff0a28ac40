"""``edgecls compare``: the accuracy of each exported file on the same photos, and a gate on what it lost."""

from pathlib import Path

import click
from edgecls_bench.cases import plan_cases, spec_of
from edgecls_bench.compare import check_askable, compare
from edgecls_bench.comparison import Comparison
from edgecls_device.backends.table import BACKENDS
from edgecls_device.errors import OptionError
from edgecls_device.files import write_atomically
from edgecls_device.records import to_json

from edgecls.cli.comparison_table import STYLES, print_comparison
from edgecls.cli.lists import split_names
from edgecls.cli.output import json_option, print_line, print_record
from edgecls.cli.verdicts import error_of, gate_of, photos_needed, reasons_of, words_of
from edgecls.comparison_photos import (
    ComparisonPhotos,
    missing_labels,
    photos_in_folder,
    photos_of_run,
    photos_without_classes,
)
from edgecls.data.folders import find_photos, photos_below
from edgecls.progress import progress, say
from edgecls.targets import Target, find_target, warn_of_stale

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls compare runs/demo
  edgecls compare runs/demo --data runs/demo/photos --max-drop 2 --min-agreement 95
  edgecls compare runs/demo --backend litert --limit 50
  edgecls compare runs/demo/exports/demo.int8.tflite --data runs/demo/photos --json
  edgecls compare --explain runs/demo/exports/demo.int8.tflite

\b
With your own:
  edgecls compare runs/pets --max-drop 0.5 --min-agreement 99
  edgecls compare runs/pets --data camera/ --no-labels --min-agreement 98
  edgecls compare runs/pets --out-of-set other-things/

\b
With a limit it exits with 0 if every file holds, 13 if one fails, 14 if there are too few photos to tell.
"""


@click.command("compare", epilog=EPILOG)
@click.argument("targets", nargs=-1, metavar="RUN | ARTIFACT...", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of photos, a folder for each label; by default the test split of RUN.",
)
@click.option(
    "--no-labels",
    is_flag=True,
    help="Photos without classes, in any folders: agreement and score errors only.",
)
@click.option(
    "--max-drop",
    type=float,
    metavar="POINTS",
    help="Gate: largest loss of accuracy against float32, in points.",
)
@click.option(
    "--min-agreement",
    type=float,
    metavar="PERCENT",
    help="Gate: least share of photos with the same best label as float32.",
)
@click.option(
    "--out-of-set",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Photos of none of the classes: how many are shown as unknown?",
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
@click.option(
    "--explain",
    metavar="ARTIFACT",
    type=click.Path(path_type=Path),
    help="Say what is wrong with this file, from its layers to its labels, and what to do.",
)
@click.option(
    "--reference",
    metavar="ARTIFACT",
    type=click.Path(path_type=Path),
    help="With --explain: the float32 file to hold it against; by default that of its run.",
)
@json_option
def command(
    targets: tuple[Path, ...],
    data: Path | None,
    no_labels: bool,
    max_drop: float | None,
    min_agreement: float | None,
    out_of_set: Path | None,
    backends: list[str] | None,
    limit: int | None,
    threads: int | None,
    explain: Path | None,
    reference: Path | None,
    as_json: bool,
) -> None:
    """Compare the accuracy of exported files on the same photos, and their agreement with float32.

    The photos are the test split of RUN, which nothing else has touched, or all of --data. Writes
    compare.json into RUN. With --max-drop or --min-agreement every file is judged against float32: it holds,
    it fails, each proven at 95 %, or there are too few photos to tell.
    """
    if explain is not None:
        _refuse_beside_explain(max_drop, min_agreement, out_of_set, backends)
        from edgecls.cli import explain as explaining

        question = explaining.Question(
            artifact=explain,
            targets=targets,
            reference=reference,
            data=data,
            has_classes=not no_labels,
            limit=limit,
            threads=threads,
        )
        explaining.explain(question, as_json=as_json)
        return
    if not targets or reference is not None:
        message = "--reference needs --explain ARTIFACT" if targets else "Missing RUN or ARTIFACT."
        raise click.UsageError(message)
    gate = gate_of(max_drop, min_agreement)
    target = find_target(targets)
    warn_of_stale(target)
    cases = plan_cases(target.artifacts, backends)
    _say_what_is_left_out(target, {case.artifact.path for case in cases})
    if gate is not None:
        check_askable(gate, cases, has_classes=not no_labels)
    photos = _photos(target, data, has_classes=not no_labels).limited(limit)
    outside = _outside(out_of_set)
    total = len(photos.photos) + len(outside)
    with progress(f"Comparing {len(cases)} cases, photos", total) as advance:
        comparison = compare(
            target.artifacts,
            photos.photos,
            labels=spec_of(target.artifacts[0]).output_labels,
            data=photos.data,
            split=photos.split,
            backends=backends,
            threads=threads,
            gate=gate,
            out_of_set=outside,
            out_of_set_folder=out_of_set or "",
            advance=advance,
        )
    _finish(comparison, target, as_json=as_json)


def _refuse_beside_explain(*options: object) -> None:
    """Refuse what a diagnosis does not heed; it runs on the first backend of the file's format."""
    names = ("--max-drop", "--min-agreement", "--out-of-set", "--backend")
    given = [name for name, value in zip(names, options, strict=True) if value is not None]
    if given:
        message = f"Expected no {given[0]} with --explain, got one."
        raise OptionError(message, hint=f"leave out {', '.join(given)}")


def _photos(target: Target, data: Path | None, *, has_classes: bool) -> ComparisonPhotos:
    labels = spec_of(target.artifacts[0]).output_labels
    if data is None and target.run is not None:
        photos = photos_of_run(target.run, labels, with_classes=has_classes)
    elif data is None:
        message = "Expected photos to compare model files on, got no --data."
        raise OptionError(message, hint="add --data PHOTOS, a folder for each label; or give a run")
    elif has_classes:
        with progress("Reading photos", len(find_photos(data).photos)) as advance:
            photos = photos_in_folder(data, labels, run=target.run, on_progress=advance)
    else:
        with progress("Reading photos", len(photos_below(data))) as advance:
            photos = photos_without_classes(data, run=target.run, on_progress=advance)
    if photos.trained_on:
        say(f"{photos.trained_on} of these photos were trained on; their accuracy promises nothing")
    return photos


def _outside(folder: Path | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    found = photos_without_classes(folder, hint="give a folder of photos of none of the classes")
    return tuple(photo.path for photo in found.photos)


def _say_what_is_left_out(target: Target, used: set[Path]) -> None:
    for artifact in target.artifacts:
        if artifact.path not in used:
            fitting = [entry for entry in BACKENDS.values() if entry.format == artifact.format]
            hint = f"pip install 'edgecls[{fitting[0].extra}]'"
            say(f"left out {artifact.path.name}: none of the backends runs it ({hint})")


def _finish(comparison: Comparison, target: Target, *, as_json: bool) -> None:
    """Write, print, and raise what the gate says."""
    _say_what_is_missing(comparison)
    if target.run is not None:
        write_atomically(target.run.compare, to_json(comparison, indent=None))
    if as_json:
        print_record(comparison)
    else:
        _print(comparison, target)
    error = error_of(
        comparison,
        why_hint=_why_hint(comparison, target),
        more_photos_hint=_more_photos_hint(comparison, target),
    )
    if error is not None:
        raise error


def _why_hint(comparison: Comparison, target: Target) -> str:
    """Name the command that says why the first artifact fails, and the one that looks for another."""
    failing = {
        case.artifact
        for case in comparison.cases
        if case.judgement is not None and case.judgement.verdict == "fails"
    }
    path = next((a.path for a in target.artifacts if a.path.name in failing), Path("ARTIFACT"))
    if target.run is None:
        return f"edgecls compare --explain {path} --reference FLOAT32 --data {comparison.data}"
    photos = "" if comparison.split == "test" else f" --data {comparison.data}"
    ladder = f"edgecls export {target.run.path} --recipe auto"
    return (
        f"edgecls compare --explain {path} {target.run.path}{photos}; "
        f"or let a gate choose the recipe: {ladder}"
    )


def _more_photos_hint(comparison: Comparison, target: Target) -> str:
    needed = photos_needed(comparison)
    if needed is None:
        return "a limit that is what was seen itself takes no number of photos; choose another"
    of = "ARTIFACT..." if target.run is None else target.run.path
    return f"give about {needed} photos: edgecls compare {of} --data PHOTOS"


def _say_what_is_missing(comparison: Comparison) -> None:
    if comparison.skipped:
        see = f"; see: edgecls data check {comparison.data}" if comparison.has_classes else ""
        say(f"left out {comparison.skipped} photos that cannot be read{see}")
    if comparison.has_classes:
        missing = missing_labels(comparison.cases[0].per_class, comparison.labels)
        if missing:
            say(f"warning: {missing}")
    if comparison.out_of_set and not any(case.unknown_threshold for case in comparison.cases):
        say("no file has an unknown-threshold, so nothing is shown as unknown")


def _print(comparison: Comparison, target: Target) -> None:
    which = "test photos" if comparison.split == "test" else f"photos of {comparison.data}"
    without = "" if comparison.has_classes else ", without classes"
    print_comparison(f"{target.title}: {comparison.photo_count} {which}{without}", comparison)
    if comparison.reference:
        click.echo(
            f"drop, agree, worst error: accuracy, best label and scores against {comparison.reference} "
            "on the same photos"
        )
    else:
        click.echo("drop and agreement: none, since no float32 artifact is among them")
    if comparison.has_classes:
        click.echo(
            "ECE: expected calibration error, how far confidence is from accuracy on average"
        )
    if comparison.out_of_set:
        click.echo(
            f"unknown outside: {comparison.out_of_set_photos} photos of {comparison.out_of_set}, "
            "which show none of the classes"
        )
    if target.run is not None:
        click.echo(f"wrote {target.run.compare}; next: edgecls bench {target.run.path}")
    for reason in reasons_of(comparison):
        click.echo(reason)
    words = words_of(comparison)
    if words:
        verdict = (comparison.verdict or "").removesuffix(" photos")
        print_line(words, style=STYLES[verdict])
