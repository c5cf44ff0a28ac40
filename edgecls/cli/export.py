"""``edgecls export``: write .tflite and .onnx files, quantized."""

import re
from collections.abc import Sequence
from pathlib import Path

import click
from edgecls_bench.comparison import Gate
from edgecls_device.errors import ExportError, OptionError, TooFewPhotosError
from edgecls_export.exported import ExportedArtifact, ExportRun
from edgecls_export.table import EXPORTERS

from edgecls.cli.export_tables import print_artifacts, print_ladder
from edgecls.cli.lists import split_names
from edgecls.cli.output import json_option, print_record
from edgecls.exports.ladder import DEFAULT_GATE, export_ladder
from edgecls.exports.pictures import CALIBRATION_PHOTOS
from edgecls.exports.run import export_run
from edgecls.exports.session import LOG_NAME
from edgecls.progress import say
from edgecls.run_directory import RunDirectory

__all__ = ["command"]

AUTO = "auto"

_NUMBER = re.compile(r"[+-]?[0-9]+")

DEFAULT_RECIPES = ", ".join(
    dict.fromkeys(recipe for (_, recipe), entry in EXPORTERS.items() if entry.is_default)
)

EPILOG = """\b
Examples, after edgecls demo:
  edgecls export runs/demo
  edgecls export runs/demo --format tflite --recipe int8 --calibration 200
  edgecls export runs/demo --recipe auto --max-drop 2 --gate-data runs/demo/photos

\b
With your own:
  edgecls export runs/pets --calibration /mnt/camera
  edgecls export runs/pets --recipe auto --gate-data /mnt/labelled
  edgecls export runs/pets --data /mnt/photos --json
"""


def _number_or_folder(
    context: click.Context, option: click.Parameter, value: str | None
) -> int | Path | None:
    """Return a number of photos, or a folder of them; one whose name is a number is written ``./100``."""
    del context
    if value is None:
        return None
    if not _NUMBER.fullmatch(value.strip()):
        return Path(value)
    number = int(value)
    if number < 1:
        message = f"Expected at least 1 photo, or a folder of photos, got {value}."
        raise click.BadParameter(message, param=option)
    return number


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
    help=(
        f"With commas between them; by default {DEFAULT_RECIPES}, as far as the format has them; all: edgecls "
        "recipes. auto: the first down a ladder that keeps enough of float32."
    ),
)
@click.option(
    "--calibration",
    metavar="N | DIR",
    callback=_number_or_folder,
    help=(
        "Photos that int8 takes its value ranges from: a number of training photos, or a folder of photos "
        f"like those of the camera.  [default: {CALIBRATION_PHOTOS}]"
    ),
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Where the photos of RUN are now, if they were moved; any photos for a pretrained RUN.",
)
@click.option(
    "--no-stability",
    is_flag=True,
    help="Do not calibrate on two halves of the photos as well, to see whether it matters which they are.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    metavar="POINTS",
    help=(
        "With auto: accuracy that may be lost against float32.  [default: "
        f"{100 * (DEFAULT_GATE.max_drop or 0):g}, if --min-agreement is not given]"
    ),
)
@click.option(
    "--min-agreement",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="With auto: photos that must get the same label as from float32.",
)
@click.option(
    "--gate-data",
    type=click.Path(path_type=Path),
    help="With auto: photos to decide on, a folder for each label; by default the validation split of RUN.",
)
@json_option
def command(
    run: Path,
    formats: list[str] | None,
    recipes: list[str] | None,
    calibration: int | Path | None,
    data: Path | None,
    no_stability: bool,
    max_drop: float | None,
    min_agreement: float | None,
    gate_data: Path | None,
    as_json: bool,
) -> None:
    """Export the model of RUN to files that run on a device.

    Every file takes uint8 pictures, gives probabilities, and carries its labels and spec. It is reloaded
    and compared with the Keras model before it gets its name in RUN/exports, and its temperature and
    unknown-threshold are fitted to its own scores. The converters' output is in RUN/logs/export.log.

    With --recipe auto it tries int8 first, then slower or larger recipes, until one keeps enough of float32.
    """
    directory = RunDirectory(run)
    is_auto = AUTO in (recipes or ())
    if is_auto:
        _refuse_others(recipes or ())
        exported = export_ladder(
            directory,
            gate=_gate(max_drop, min_agreement),
            formats=formats or (),
            calibration=calibration,
            data=data,
            gate_data=gate_data,
            stability=not no_stability,
            on_done=_say_done,
        )
    else:
        _refuse_limits(max_drop=max_drop, min_agreement=min_agreement, gate_data=gate_data)
        exported = export_run(
            directory,
            formats=formats or (),
            recipes=recipes or (),
            calibration=calibration,
            data=data,
            stability=not no_stability,
            on_done=_say_done,
        )
    if as_json:
        print_record(exported)
    elif exported.artifacts:
        print_ladder(exported)
        print_artifacts(exported, directory)
    _raise_what_is_wrong(exported, directory)


def _gate(max_drop: float | None, min_agreement: float | None) -> Gate:
    """Return the limits as shares."""
    if max_drop is None and min_agreement is None:
        return DEFAULT_GATE
    return Gate(
        max_drop=None if max_drop is None else max_drop / 100,
        min_agreement=None if min_agreement is None else min_agreement / 100,
    )


def _refuse_others(recipes: Sequence[str]) -> None:
    if list(recipes) != [AUTO]:
        message = f"Expected --recipe auto alone, got {','.join(recipes)}."
        raise OptionError(message, hint="auto tries the recipes itself; name the others without it")


def _refuse_limits(**limits: object) -> None:
    given = [name for name, value in limits.items() if value is not None]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        message = f"Expected --recipe auto with {option}, got other recipes."
        hint = (
            "add --recipe auto; to judge files that are there: edgecls compare RUN --max-drop 0.5"
        )
        raise OptionError(message, hint=hint)


def _raise_what_is_wrong(exported: ExportRun, run: RunDirectory) -> None:
    """Raise what is wrong with a finished export, now that all that could be written is.

    Raises:
        ExportError: If files could not be made.
        TooFewPhotosError: If a kept file is not proven.
    """
    if exported.failures:
        failures = "; ".join(exported.failures)
        message = f"Expected every file to be made and to score as Keras does, got: {failures}"
        raise ExportError(message, hint=f"the converters' output is in {run.logs / LOG_NAME}")
    unproven = [s for s in exported.ladder if s.is_kept and s.verdict == "too few photos"]
    if unproven:
        got = "; ".join(f"{step.format} {step.recipe}: {step.reason}" for step in unproven)
        message = f"Expected enough photos to prove each kept file, got too few. {got}"
        hint = "the files are written; give more photos of every label with --gate-data, or a wider --max-drop"
        raise TooFewPhotosError(message, hint=hint)


def _say_done(exported: ExportedArtifact) -> None:
    say(f"wrote {exported.path} in {exported.seconds:.1f} s")
