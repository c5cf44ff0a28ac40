"""``edgecls data features``: what a pretrained backbone says about each photo, as Parquet."""

import json
import shlex
import time
from pathlib import Path
from typing import Any

import click
from edgecls_device.errors import DataError, OptionError

from edgecls.cli.backbone_options import backbone_option, resize_option, size_option
from edgecls.cli.executor_options import Spread, executor_options
from edgecls.cli.output import json_option, print_record
from edgecls.progress import progress, say
from edgecls.scale.extracting import features_task
from edgecls.scale.features_record import FeaturesRecord
from edgecls.scale.job import run_job
from edgecls.scale.sources import find_pieces
from edgecls.training.backbones import BACKBONES, build
from edgecls.training.extractor import extractor_fingerprint
from edgecls.training.feature_cache import default_cache
from edgecls.training.settings import ResizeRule, TrainingSettings

__all__ = ["command"]

PRETRAINED = tuple(name for name, entry in BACKBONES.items() if entry.is_pretrained)

EPILOG = """\b
Examples, after edgecls demo:
  edgecls data features runs/demo/photos --out runs/features

\b
With your own:
  edgecls data features shards/ --out features/ --backbone mobilenet_v2 --json
  edgecls data features s3://bucket/photos --out features/ --executor ray
"""


@click.command("features", epilog=EPILOG)
@click.argument("source")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write; the same command goes on with what is there.",
)
@backbone_option(PRETRAINED)
@resize_option
@size_option
@executor_options
@json_option
def command(
    source: str,
    out: Path,
    backbone: str,
    resize: ResizeRule,
    size: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Compute the features of the photos in SOURCE: a folder with one folder per class, or shards.

    Shards are *.tar (WebDataset) or *.parquet files: a folder of them, one of them, or a URL such as
    s3://bucket/photos; they need no labels. Each photo becomes a row with key, label, content_hash, vector
    and, where it does not decode, error.
    """
    settings = TrainingSettings(backbone=backbone, resize=resize, size=size)
    if not settings.entry.is_pretrained:
        message = f"Expected a pretrained backbone, got {backbone}, which has learnt nothing yet."
        raise OptionError(message, hint=f"one of: {', '.join(PRETRAINED)}")
    record = _extract(source, out, settings, Spread(**options))
    if as_json:
        print_record(record)
    else:
        _print(record)


def _extract(source: str, out: Path, settings: TrainingSettings, spread: Spread) -> FeaturesRecord:
    pieces = find_pieces(source)
    say(f"Preparing {settings.backbone}")
    rule = settings.preprocessing
    network = build(settings.entry, size=rule.height)
    extractor = extractor_fingerprint(settings.backbone, network, rule)
    copy = default_cache() / f"{settings.backbone}-{extractor}.tflite"
    task = features_task(network, rule, extractor=extractor, copy=copy)
    try:
        with spread.open() as executor, progress("Pieces of the photos", len(pieces)) as advance:
            start = time.monotonic()
            results = run_job(pieces, task, results=out, executor=executor, on_progress=advance)
            seconds = time.monotonic() - start
    except OptionError as error:
        hint = error.hint.replace("--results", "--out")
        raise OptionError(error.message, hint=hint) from error
    if results.failed == results.photos:
        message = f"Expected photos that decode in {source!r}, got none of {results.photos}."
        raise DataError(message, hint=f"edgecls data check {shlex.quote(source)}")
    return FeaturesRecord(
        source=source,
        directory=str(out),
        backbone=settings.backbone,
        weights=settings.entry.weights,
        height=rule.height,
        width=rule.width,
        features=network.output_shape[-1],
        parts=len(pieces),
        photos=results.photos,
        failed=results.failed,
        computed=results.computed,
        seconds=round(seconds, 2),
    )


def _print(record: FeaturesRecord) -> None:
    pattern = json.dumps(f"{record.directory.rstrip('/')}/part-*.parquet")
    python = (
        f"import glob, pyarrow.parquet as pq; print(pq.read_table(sorted(glob.glob({pattern}))))"
    )
    click.echo(
        f"Written: {record.parts} parts with {record.photos} photos to {record.directory}, each a vector of "
        f"{record.features} features of {record.backbone}."
    )
    if record.failed:
        click.echo(f"{record.failed} photos could not be used; their column error says why.")
    if record.computed:
        rate = record.computed / max(record.seconds, 0.01)
        click.echo(
            f"Computed {record.computed} in {record.seconds:.1f} s: {rate:.0f} photos per second."
        )
    else:
        click.echo("All of it was there already.")
    click.echo(f"Read them: python -c {shlex.quote(python)}")
