"""``edgecls doctor``: what this machine has, and whether a classifier and cameras work on it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from edgecls_device.errors import ArtifactError, MissingDependencyError, OptionError, SourceError

from edgecls.cli.output import json_option, print_line, print_record

if TYPE_CHECKING:
    from edgecls_device.bundles.installation import Installation
    from edgecls_device.doctor.cameras import CameraReport, CameraReports
    from edgecls_device.doctor.check import Check, Diagnosis

__all__ = ["command"]

NAME_WIDTH = 15
SIZES_SHOWN = 8
STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}
EPILOG = """\b
Exit code 0 if a classifier can run here, else 7; with --cameras 0 if a camera gives pictures, else 6.

\b
Examples:
  edgecls doctor
  edgecls doctor --cameras
  edgecls doctor --json
  edgecls doctor --root /opt/edgecls/pets

\b
After edgecls demo, with a model whose golden samples are run too:
  edgecls doctor runs/demo/exports/demo.int8.tflite
"""


@click.command(epilog=EPILOG)
@click.argument("artifact", type=click.Path(path_type=Path), required=False)
@click.option(
    "--cameras", is_flag=True, help="List the cameras and open each for a moment, nothing else."
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Look at the bundle installed there too; on a device with one, at that one by default.",
)
@json_option
def command(artifact: Path | None, cameras: bool, root: Path | None, as_json: bool) -> None:
    """Show what is installed, whether it can be loaded, and how the machine is.

    Libraries and cameras are tried in processes of their own: one that crashes or hangs is named. On a device
    with an installed bundle it says which version runs, whether its service does, and whether it still gives
    the scores it must.
    """
    given = [f"{str(one)!r}" for one in (artifact, root) if one is not None]
    if cameras and given:
        message = f"Expected --cameras without a model and without --root, got {given[0]}."
        raise OptionError(message, hint="edgecls doctor --cameras")
    if len(given) > 1:
        message = f"Expected a model or --root, got both, {' and '.join(given)}."
        raise OptionError(message, hint="edgecls doctor --root looks at the installed model")
    if cameras:
        _cameras(as_json=as_json)
    else:
        _machine(artifact, root, as_json=as_json)


def _machine(artifact: Path | None, root: Path | None, *, as_json: bool) -> None:
    from edgecls_device.doctor.table import examine

    found = examine(artifact, installation=None if artifact is not None else _installation(root))
    if as_json:
        print_record(found)
    else:
        for check in found.checks:
            _print_check(check)
    _conclude(found, as_json=as_json)


def _installation(root: Path | None) -> "Installation | None":
    """Return the installation that is meant: none on a machine without one."""
    from edgecls_device.bundles.finding import ROOT_VARIABLE, find_installation

    is_named = root is not None or bool(os.environ.get(ROOT_VARIABLE))
    try:
        return find_installation(root)
    except OptionError:
        if is_named:
            raise
        return None  # a workstation, or a device with several: the one that is meant is named


def _print_check(check: "Check") -> None:
    print_line(f"{check.state:<9}{check.name:<{NAME_WIDTH}}{check.found}", style=_style(check))
    if check.hint:
        click.echo(f"{'':<9}{'':<{NAME_WIDTH}}hint: {check.hint}")


def _style(check: "Check") -> str:
    return "" if check.state == "ok" else STYLES[check.state]


def _conclude(found: "Diagnosis", *, as_json: bool) -> None:
    if found.can_classify:
        if not as_json:
            click.echo(f"\nA classifier can run here, on {' and '.join(found.backends)}.")
        return
    model = next((check for check in found.checks if check.name == "model"), None)
    if model is not None and model.state == "problem":
        message = f"Expected a model that works here, got {model.found.rstrip('.')}."
        raise ArtifactError(message, hint=model.hint)
    message = "Expected OpenCV and a runtime that can be loaded, got a machine without."
    hint = next((check.hint for check in found.checks if check.state == "problem"), "")
    raise MissingDependencyError(message, hint=hint or "pip install 'edgecls[device]'")


def _cameras(*, as_json: bool) -> None:
    from edgecls_device.doctor.cameras import examine_cameras

    found = examine_cameras()
    if as_json:
        print_record(found)
    else:
        _print_cameras(found)
    if not found.has_camera:
        is_any = any(one.is_camera and not one.is_test for one in found.cameras)
        got = "none that does" if is_any else "no camera at all"
        message = f"Expected a camera that gives pictures, got {got}."
        hint = "without hardware try: --source test:shapes, or a video as a camera: --source loop:clip.avi"
        raise SourceError(message, hint=hint)


def _print_cameras(found: "CameraReports") -> None:
    for one in found.cameras:
        state = "ok" if one.works else "problem" if one.is_camera else "none"
        driver = f" ({one.driver})" if one.driver else ""
        print_line(
            f"{state:<9}--source {one.source}   {one.name}{driver}", style=STYLES.get(state, "")
        )
        for line in _camera_lines(one):
            click.echo(f"{'':<9}{line}")
    for note in found.notes:
        click.echo(f"{'note':<9}{note}")


def _camera_lines(one: "CameraReport") -> list[str]:
    lines = [f"also {name}" for name in one.other_names]
    for form in one.formats:
        more = len(form.sizes) - SIZES_SHOWN
        lines.append(f"{form.fourcc}  {form.description}".rstrip())
        lines += [f"      {size}" for size in form.sizes[:SIZES_SHOWN]]
        lines += [f"      and {more} more sizes (--json has all)"] if more > 0 else []
    if not one.is_camera:
        lines.append("gives no pictures: metadata, an output or a codec")
    if one.granted:
        lines.append(f"granted {one.granted}")
    if one.frames_per_second:
        rate, brightness = one.frames_per_second, one.brightness
        lines.append(f"measured {rate:g} frames a second, brightness {brightness:.0f} of 255")
    lines += [one.remark] if one.remark else []
    lines += [f"open in {user}" for user in one.used_by]
    lines += [one.problem] if one.problem else []
    lines += [f"hint: {one.hint}"] if one.hint and one.problem else []
    return lines
