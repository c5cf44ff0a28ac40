"""``edgecls data check``: what is broken, doubled, mislabelled or too small, before training on it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from edgecls_device.errors import DataError

from edgecls.cli.executor_options import Spread, executor_options, results_option
from edgecls.cli.kept_results import kept_results
from edgecls.cli.output import json_option, print_record, print_table
from edgecls.data.check import check_photos
from edgecls.data.check_record import DataCheck, Finding, FindingKind
from edgecls.data.folders import find_photos
from edgecls.data.gathered import MOST_COMPARED
from edgecls.data.load import printable
from edgecls.progress import progress
from edgecls.scale.check_task import CheckTask
from edgecls.scale.checking import check_results
from edgecls.scale.job import run_job
from edgecls.scale.piece import Piece
from edgecls.scale.sources import find_pieces, is_shards
from edgecls.scale.urls import place_of

__all__ = ["command"]

ADVICE: dict[FindingKind, str] = {
    "few classes": "label the photos, or add those of another class",
    "few photos": "add photos; training refuses such a class",
    "strong imbalance": "add photos to the small class",
    "in two classes": "one label is wrong: keep the right one; training leaves out both",
    "similar in two classes": "the same picture under two labels: likely a label error, keep the right one",
    "undecodable": "training leaves them out; remove them, or save them again from the originals",
    "unreadable": "training leaves them out; check permissions and names",
    "no label": "training needs one for each photo",
    "imbalance": "training weighs the classes",
    "duplicate": "the same file again: training uses one of each",
    "similar": "the same scene again: training uses all of them",
    "tiny": "short side under 64 pixels: little for a model to see",
    "not in a class folder": "ignored",
    "other file": "ignored: only JPEG, PNG, WebP and BMP are read",
    "names differ in case only": "two classes: rename one if they are meant to be the same",
}

EPILOG = """\b
Problems, with exit code 3:
  few photos, fewer than two classes, strong imbalance (10:1), the same or
  nearly the same picture in two classes, files that do not decode or cannot
  be read, photos without a label.
Notes, with exit code 0:
  imbalance (3:1), duplicates and near duplicates within a class, tiny
  photos (short side under 64 pixels), ignored files.

\b
Examples, after edgecls demo:
  edgecls data check runs/demo/photos
  edgecls data check runs/demo/photos --limit 100
  edgecls data check runs/demo/photos --json > check.json

\b
With your own:
  edgecls data check shards/ --results checked/
  edgecls data check s3://bucket/photos --executor ray --address 10.0.0.1:6379
"""


@click.command("check", epilog=EPILOG)
@click.argument("source")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Most findings of a kind to print; --json has all.",
)
@executor_options
@results_option
@json_option
def command(source: str, limit: int, results: Path | None, as_json: bool, **options: Any) -> None:
    """Look through the photos in SOURCE: a folder with one folder per class, or shards.

    Shards are *.tar (WebDataset) or *.parquet files: a folder of them, one of them, or a URL such as
    s3://bucket/photos. Near duplicates are looked for among up to 200,000 photos, exact copies always.
    """
    check = _check(source, Spread(**options), results)
    if as_json:
        print_record(check)
    else:
        _print(check, limit)
    if check.problems:
        sys.exit(DataError.exit_code)


def _check(source: str, spread: Spread, results: Path | None) -> DataCheck:
    in_shards = is_shards(source)
    found = None if in_shards else find_photos(source)
    if found and not (found.photos and (spread.is_asked or results)):
        with progress("Looking at photos", len(found.photos)) as advance:
            return check_photos(found.root, on_progress=advance)
    root = str(found.root) if found else place_of(source)
    pieces = find_pieces(source)
    with kept_results(results) as folder:
        _look(pieces, folder, spread)
        return check_results(pieces, folder, root=root, found=found)


def _look(pieces: Sequence[Piece], results: Path, spread: Spread) -> None:
    with (
        spread.open() as executor,
        progress("Looking at pieces of the photos", len(pieces)) as advance,
    ):
        run_job(pieces, CheckTask(), results=results, executor=executor, on_progress=advance)


def _print(check: DataCheck, limit: int) -> None:
    rows = [(label, str(n), str(check.usable[label])) for label, n in check.files.items()]
    if len(rows) > 1:
        rows.append(("all", str(sum(check.files.values())), str(sum(check.usable.values()))))
    click.echo(f"Photos in {printable(check.root)}\n")
    print_table("Classes", ("class", "files", "usable"), rows)
    if check.merged:
        click.echo(
            f"The classes in {', '.join(check.merged)} were put together; training splits anew.\n"
        )
    by_kind: dict[FindingKind, list[Finding]] = {}
    for finding in check.findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    for kind, findings in by_kind.items():
        _print_kind(kind, findings, limit)
    if check.leaking:
        click.echo(
            f"{check.leaking} validation and test photos resemble a training photo: "
            "expect the measured accuracy to be a little too good.\n"
        )
    if not check.is_compared:
        click.echo(
            f"Only exact copies were looked for: near duplicates are among up to {MOST_COMPARED:,} photos.\n"
        )
    notes = len(check.findings) - len(check.problems)
    click.echo(f"{_count(len(check.problems), 'problem')}, {_count(notes, 'note')}.")


def _print_kind(kind: FindingKind, findings: list[Finding], limit: int) -> None:
    severity = findings[0].severity
    click.secho(f"{severity}: {kind} ({len(findings)})", bold=True, nl=False)
    click.echo(f"   {ADVICE[kind]}")
    for finding in findings[:limit]:
        click.echo(f"  {_line(finding)}")
    if len(findings) > limit:
        click.echo(f"  and {len(findings) - limit} more; --limit {len(findings)} shows all")
    click.echo("")


def _line(finding: Finding) -> str:
    paths = " = ".join(printable(path) for path in finding.paths[:4])
    more = f" and {len(finding.paths) - 4} more" if len(finding.paths) > 4 else ""
    detail = printable(finding.detail)
    return f"{paths}{more}: {detail}" if paths and detail else f"{paths}{more}{detail}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
