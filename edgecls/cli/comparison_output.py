"""What ``edgecls compare`` writes and prints in the end, and the error that a gate makes of it."""

from pathlib import Path

import click
from edgecls_bench.comparison import Comparison
from edgecls_device.files import write_atomically
from edgecls_device.records import to_json

from edgecls.cli.comparison_table import STYLES, print_comparison
from edgecls.cli.output import print_line, print_record
from edgecls.cli.verdicts import (
    error_of,
    photos_needed,
    reasons_of,
    words_of,
)
from edgecls.comparison_photos import missing_labels
from edgecls.progress import say
from edgecls.targets import Target

__all__ = ["finish_comparison"]


def finish_comparison(comparison: Comparison, target: Target, *, as_json: bool) -> None:
    """Write, print, and raise what the gate says.

    Raises:
        GateError: If a file fails.
        TooFewPhotosError: If there are too few photos to tell.
        StorageError: If the record cannot be written.
    """
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
    given = "PHOTOS" if comparison.split == "shards" else comparison.data
    if target.run is None:
        return f"edgecls compare --explain {path} --reference FLOAT32 --data {given}"
    photos = "" if comparison.split == "test" else f" --data {given}"
    ladder = f"edgecls export {target.run.path} --recipe auto"
    return (
        f"edgecls compare --explain {path} {target.run.path}{photos}; "
        f"or let a gate choose the recipe: {ladder}"
    )


def _more_photos_hint(comparison: Comparison, target: Target) -> str:
    needed = photos_needed(comparison)
    if comparison.cases[0].labels_without_photos:
        number = "" if needed is None else f"about {needed} "
        return (
            f"give {number}photos, some of each label; or ask for the agreement alone, on photos of any kind: "
            "--no-labels --min-agreement 99"
        )
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
            f"drop, agree, errors: accuracy, best label and scores against {comparison.reference} "
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
    if comparison.results:
        click.echo(f"what was said of each photo: {comparison.results}/part-*.parquet")
    if target.run is not None:
        click.echo(f"wrote {target.run.compare}; next: edgecls bench {target.run.path}")
    for reason in reasons_of(comparison):
        click.echo(reason)
    words = words_of(comparison)
    if words:
        verdict = (comparison.verdict or "").removesuffix(" photos")
        print_line(words, style=STYLES[verdict])
