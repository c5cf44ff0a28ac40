"""``edgecls demo``: the whole chain on an embedded sample set, offline."""

from pathlib import Path

import click
from edgecls_device.errors import EdgeclsError
from edgecls_device.sinks.window import check_window

from edgecls.cli.output import json_option, print_record, print_table
from edgecls.demo.chain import PHOTOS_PER_CLASS, run_demo
from edgecls.demo.record import DemoArtifact, DemoRecord
from edgecls.demo.shapes import LABELS

__all__ = ["command"]

EPILOG = """\b
Examples:
  edgecls demo
  edgecls demo --out runs/demo2 --seed 7
  edgecls demo --photos-per-class 40 --json
"""


@click.command("demo", epilog=EPILOG)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/demo"),
    show_default=True,
    help="The run directory to write.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="What photos, clip and training are drawn from.",
)
@click.option(
    "--photos-per-class",
    type=int,
    default=PHOTOS_PER_CLASS,
    show_default=True,
    help="Photos of each shape.",
)
@json_option
def command(out: Path, seed: int, photos_per_class: int, as_json: bool) -> None:
    """Draw photos of shapes on paper, then train, export, compare, bench, report and classify a clip.

    It needs no network and no camera, takes a few minutes, and ends with what to try next. A repeat in the
    same directory keeps the photos and replaces the rest.
    """
    record = run_demo(out, seed=seed, photos_per_class=photos_per_class)
    if as_json:
        print_record(record)
    else:
        _print(record)


def _print(record: DemoRecord) -> None:
    click.echo("")
    wrong = round((1 - record.accuracy) * record.test_photos)
    click.echo(
        f"Trained on drawings of {', '.join(LABELS[:-1])} and {LABELS[-1]}: {record.accuracy:.1%} of "
        f"{record.test_photos} unseen photos right ({wrong} wrong)."
    )
    print_table(
        f"Exported to {record.out}/exports",
        ("file", "MB", "accuracy %", "agree %", "ms a frame"),
        [_row(artifact) for artifact in record.artifacts],
    )
    click.echo(
        "accuracy %, agree %: right, and the same label as float32, on the unseen photos\n"
        "ms a frame: from a 640x480 frame to its label on this machine, one thread, median\n"
    )
    click.echo("Open these:")
    click.echo(f"  {record.report}   the report")
    click.echo(f"  {record.annotated}   {record.clip_frames} labelled frames of {record.clip}")
    click.echo(f"  {record.out}/photos   the {record.photos} photos\n")
    _print_next(record)
    click.echo(f"\nTook {_minutes(sum(record.seconds.values()))}.")


def _print_next(record: DemoRecord) -> None:
    best = next(a for a in record.artifacts if (a.format, a.recipe) == ("tflite", "int8"))
    click.echo("Try it with a webcam, a felt pen and a sheet of paper:")
    click.echo(f"  edgecls run {best.path} --source 0 --show")
    try:
        check_window()
    except EdgeclsError as error:
        click.echo(f"  (--show works here after: {error.hint}")
        click.echo("   without --show the labels are printed in the terminal)")
    click.echo("Without a webcam, with the clip:")
    click.echo(f"  edgecls run {best.path} --source {record.clip}")
    click.echo("Then with photos of your own, one folder for each class:")
    click.echo("  edgecls train photos/ --out runs/mine && edgecls export runs/mine")


def _row(artifact: DemoArtifact) -> tuple[str, ...]:
    return (
        Path(artifact.path).name,
        f"{artifact.size_bytes / 1e6:.1f}",
        f"{100 * artifact.accuracy:.1f}",
        "" if artifact.agreement is None else f"{100 * artifact.agreement:.1f}",
        "failed" if artifact.p50_ms is None else f"{artifact.p50_ms:.1f}",
    )


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
