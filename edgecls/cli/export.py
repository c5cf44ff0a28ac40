"""``edgecls export``: write .tflite and .onnx files, quantized."""

from collections.abc import Mapping
from pathlib import Path

import click
from edgecls_device.errors import ExportError
from edgecls_export.exported import ExportedArtifact, ExportRun

from edgecls.cli.lists import split_names
from edgecls.cli.output import json_option, print_record, print_table
from edgecls.exports.run import CALIBRATION_PHOTOS, LOG_NAME, export_run
from edgecls.progress import say
from edgecls.run_directory import RunDirectory

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls export runs/demo
  edgecls export runs/demo --format tflite --recipe int8

\b
With your own:
  edgecls export runs/pets --data /mnt/photos --json
"""


@click.command("export", epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    metavar="NAMES",
    callback=split_names,
    help="tflite, onnx, with commas between them; by default both.",
)
@click.option(
    "--recipe",
    "recipes",
    metavar="NAMES",
    callback=split_names,
    help="float32, float16 (tflite only), int8; by default all that a format has.",
)
@click.option(
    "--calibration",
    type=click.IntRange(min=1),
    default=CALIBRATION_PHOTOS,
    show_default=True,
    help="Training photos that int8 takes its value ranges from.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Where the photos of RUN are now, if they were moved; any photos for a pretrained RUN.",
)
@json_option
def command(
    run: Path,
    formats: list[str] | None,
    recipes: list[str] | None,
    calibration: int,
    data: Path | None,
    as_json: bool,
) -> None:
    """Export the model of RUN to files that run on a device.

    Every file takes uint8 pictures, gives probabilities, and carries its labels and spec. It is reloaded
    and compared with the Keras model before it gets its name in RUN/exports. The converters' output is in
    RUN/logs/export.log.
    """
    directory = RunDirectory(run)
    exported = export_run(
        directory,
        formats=formats or (),
        recipes=recipes or (),
        calibration=calibration,
        data=data,
        on_done=_say_done,
    )
    if as_json:
        print_record(exported)
    elif exported.artifacts:
        _print(exported, directory)
    if exported.failures:
        message = f"Expected every file to score as Keras does, got: {'; '.join(exported.failures)}"
        raise ExportError(message, hint=f"the converters' output is in {directory.logs / LOG_NAME}")


def _say_done(exported: ExportedArtifact) -> None:
    say(f"wrote {exported.path} in {exported.seconds:.1f} s")


def _print(exported: ExportRun, run: RunDirectory) -> None:
    float32 = {a.format: a.size_bytes for a in exported.artifacts if a.recipe == "float32"}
    photos = exported.artifacts[0].photos
    columns = ["artifact", "MB", *(["size %"] if float32 else []), *(["agree %"] if photos else [])]
    columns += ["mean error", "worst error", "s"]
    rows = [_row(artifact, float32) for artifact in exported.artifacts]
    inputs = f"{photos} validation photos" if photos else "golden samples"
    print_table(f"{run.path}: checked against Keras on {inputs}", columns, rows)
    size = "size %: of float32 in that format; " if float32 else ""
    agreement = "agree %: same best class as Keras; " if photos else ""
    click.echo(f"{size}{agreement}errors: of scores; s: seconds to convert and check")
    int8 = [artifact for artifact in exported.artifacts if artifact.recipe == "int8"]
    best = (int8 or exported.artifacts)[0]
    click.echo(f"next: edgecls compare {run.path}")
    click.echo(f"      edgecls bench {run.path}")
    click.echo(f"      edgecls run {best.path} --source 0")


def _row(artifact: ExportedArtifact, float32: Mapping[str, int]) -> tuple[str, ...]:
    whole = float32.get(artifact.format)
    share = f"{100 * artifact.size_bytes / whole:.0f}" if whole else ""
    agreement = () if artifact.agreement is None else (f"{100 * artifact.agreement:.1f}",)
    return (
        Path(artifact.path).name,
        f"{artifact.size_bytes / 1e6:.1f}",
        *((share,) if float32 else ()),
        *agreement,
        f"{artifact.mean_error:.2g}",
        f"{artifact.worst_error:.2g}",
        f"{artifact.seconds:.1f}",
    )
