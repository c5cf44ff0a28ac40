"""``edgecls compare``: the accuracy of each exported file on the same photos, and a gate on what it lost."""

from pathlib import Path
from typing import Any

import click
from edgecls_bench.cases import plan_cases
from edgecls_bench.compare import check_askable, compare
from edgecls_bench.comparison import Comparison
from edgecls_device.backends.table import BACKENDS
from edgecls_device.errors import OptionError

from edgecls.cli.compare_question import Question
from edgecls.cli.comparison_output import finish_comparison
from edgecls.cli.executor_options import Spread, executor_options, results_option
from edgecls.cli.lists import split_names
from edgecls.cli.output import json_option
from edgecls.cli.verdicts import gate_of
from edgecls.progress import progress, say
from edgecls.scale.sources import is_shards
from edgecls.targets import Target, find_target, warn_of_stale

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls compare runs/demo
  edgecls compare runs/demo --data runs/demo/photos --max-drop 2 --min-agreement 95
  edgecls compare runs/demo --backend litert --limit 50
  edgecls compare runs/demo --limit 50 --executor local
  edgecls compare runs/demo/exports/demo.int8.tflite --data runs/demo/photos --json
  edgecls compare --explain runs/demo/exports/demo.int8.tflite

\b
With your own:
  edgecls compare runs/pets --max-drop 0.5 --min-agreement 99
  edgecls compare runs/pets --data camera/ --no-labels --min-agreement 98
  edgecls compare runs/pets --out-of-set other-things/
  edgecls compare runs/pets --data shards/ --results compared/
  edgecls compare runs/pets --data s3://bucket/pets --executor ray --address 10.0.0.1:6379

\b
With a limit it exits with 0 if every file holds, 13 if one fails, 14 if there are too few photos to tell.
"""


@click.command("compare", epilog=EPILOG)
@click.argument("targets", nargs=-1, metavar="RUN | ARTIFACT...", type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="PHOTOS",
    help="A folder for each label, or shards: *.tar or *.parquet, a folder or URL of them; by default the "
    "test split of RUN.",
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
@executor_options
@results_option
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
    data: str | None,
    no_labels: bool,
    max_drop: float | None,
    min_agreement: float | None,
    out_of_set: Path | None,
    backends: list[str] | None,
    limit: int | None,
    threads: int | None,
    results: Path | None,
    explain: Path | None,
    reference: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare the accuracy of exported files on the same photos, and their agreement with float32.

    The photos are the test split of RUN, which nothing else has touched, or all of --data. Writes
    compare.json into RUN. With --max-drop or --min-agreement every file is judged against float32: it holds,
    it fails, each proven at 95 %, or there are too few photos to tell.

    Shards are looked at by worker processes; so are other photos with --executor, --workers or --results. What
    they find in each photo is kept as Parquet in --results, by default below RUN/compare.
    """
    spread = Spread(**options)
    if explain is not None:
        _refuse_beside_explain(max_drop, min_agreement, out_of_set, backends, results, spread)
        from edgecls.cli import explain as explaining

        asked = explaining.Question(
            artifact=explain,
            targets=targets,
            reference=reference,
            data=_folder_to_explain_on(data),
            has_classes=not no_labels,
            limit=limit,
            threads=threads,
        )
        explaining.explain(asked, as_json=as_json)
        return
    if not targets or reference is not None:
        message = "--reference needs --explain ARTIFACT" if targets else "Missing RUN or ARTIFACT."
        raise click.UsageError(message)
    gate = gate_of(max_drop, min_agreement)
    target = find_target(targets)
    warn_of_stale(target)
    question = Question(
        target=target,
        cases=plan_cases(target.artifacts, backends),
        data=data,
        has_classes=not no_labels,
        limit=limit,
        backends=backends,
        gate=gate,
        out_of_set=out_of_set,
        spread=spread,
        results=results,
    )
    _say_what_is_left_out(target, {case.artifact.path for case in question.cases})
    if gate is not None:
        check_askable(gate, question.cases, has_classes=not no_labels)
    comparison = (
        _compare_large(question, threads) if question.is_large else _compare(question, threads)
    )
    finish_comparison(comparison, target, as_json=as_json)


def _refuse_beside_explain(*options: object) -> None:
    """Refuse what a diagnosis does not heed; it runs on the first backend of the file's format."""
    names = (
        *("--max-drop", "--min-agreement", "--out-of-set", "--backend", "--results"),
        "--executor, --address or --workers",
    )
    given = [
        name
        for name, value in zip(names, options, strict=True)
        if (value.is_asked if isinstance(value, Spread) else value is not None)
    ]
    if given:
        message = f"Expected no {given[0]} with --explain, got one."
        raise OptionError(message, hint=f"leave out {', '.join(given)}")


def _folder_to_explain_on(data: str | None) -> Path | None:
    """Return the folder of photos for a diagnosis, which takes no shards."""
    if data is None:
        return None
    if is_shards(data):
        message = f"Expected a folder of photos with --explain, got shards in {data!r}."
        hint = (
            "a few hundred photos are enough: give them as files, --data PHOTOS with a folder for each label, "
            "or leave --data out for the test photos of RUN"
        )
        raise OptionError(message, hint=hint)
    return Path(data)


def _compare(question: Question, threads: int | None) -> Comparison:
    """Compare in this process."""
    photos, outside = question.photos(), question.outside()
    total = len(photos.photos) + len(outside)
    with progress(f"Comparing {len(question.cases)} cases, photos", total) as advance:
        return compare(
            question.target.artifacts,
            photos.photos,
            labels=question.labels,
            data=photos.data,
            split=photos.split,
            backends=question.backends,
            threads=threads,
            gate=question.gate,
            out_of_set=outside,
            out_of_set_folder=question.out_of_set or "",
            advance=advance,
        )


def _compare_large(question: Question, threads: int | None) -> Comparison:
    if threads is not None:
        message = f"Expected no --threads where processes look at the photos, got {threads}."
        raise OptionError(message, hint=f"for as many processes: --workers {threads}")
    from edgecls.cli.compare_large import compare_large

    return compare_large(question)


def _say_what_is_left_out(target: Target, used: set[Path]) -> None:
    for artifact in target.artifacts:
        if artifact.path not in used:
            fitting = [entry for entry in BACKENDS.values() if entry.format == artifact.format]
            hint = f"pip install 'edgecls[{fitting[0].extra}]'"
            say(f"left out {artifact.path.name}: none of the backends runs it ({hint})")
