"""``edgecls data collect``: take photos of one class with a camera."""

import shlex
import sys
import unicodedata
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from edgecls_device.errors import OptionError
from edgecls_device.stop import Stop, stop_on_signals

from edgecls.cli.output import json_option, print_record
from edgecls.progress import say

if TYPE_CHECKING:
    from edgecls_device.collecting.session import Collected, Controls

__all__ = ["command"]

EPILOG = """\b
In a terminal or a window (--show) the space bar takes a photo and q ends; hold the bar for more. With --every
photos are taken by the clock. What shows the same as a photo before is left out.

\b
Examples, after edgecls demo:
  edgecls data collect star --source test:shapes --every 0.5 --count 3 --out runs/demo/collected

\b
With your own:
  edgecls data collect star --source 0
  edgecls data collect "no star" --source 0 --show
  edgecls data collect star --source http://camera.local/stream --every 2 --count 50
"""


@click.command("collect", epilog=EPILOG)
@click.argument("label", metavar="LABEL")
@click.option(
    "--source", required=True, help="A camera (0 or /dev/video0), http(s) or rtsp URL, or video."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("photos"),
    show_default=True,
    help="The folder of class folders; photos go to its folder LABEL.",
)
@click.option("--every", "every_s", type=float, metavar="S", help="Take a photo every S seconds.")
@click.option("--count", type=click.IntRange(1), help="Stop after so many photos.")
@click.option("--show", is_flag=True, help="Show a window (needs edgecls[desktop]).")
@click.option("--keep-similar", is_flag=True, help="Keep near duplicates too.")
@json_option
def command(
    label: str,
    source: str,
    out: Path,
    every_s: float | None,
    count: int | None,
    show: bool,
    keep_similar: bool,
    as_json: bool,
) -> None:
    """Take photos of LABEL with a camera and save them as OUT/LABEL/*.jpg, ready for training."""
    from edgecls_device.collecting.class_folder import check_class_name
    from edgecls_device.collecting.photo_store import PhotoStore
    from edgecls_device.collecting.session import collect_photos
    from edgecls_device.sources.table import open_unless_stopped

    label = check_class_name(unicodedata.normalize("NFC", label))  # as training reads folder names
    _check_every(every_s)
    stop = Stop()
    with stop_on_signals(stop), ExitStack() as stack:
        controls = _controls(show=show, is_timed=every_s is not None)
        stack.callback(controls.close)
        opened = open_unless_stopped(source, stop)
        if opened is None:
            raise KeyboardInterrupt
        stack.callback(opened.close)
        store = PhotoStore(out, drop_similar=not keep_similar)
        collected, error = collect_photos(
            opened, store, label, controls, stop=stop, every_s=every_s, count=count
        )
    if as_json:
        print_record(collected)
    else:
        _print(collected, out)
    if error is not None:
        raise error


def _check_every(every_s: float | None) -> None:
    if every_s is not None and not 0.01 <= every_s <= 86_400:
        message = f"Expected --every from 0.01 to 86400 seconds, got {every_s:g}."
        raise OptionError(message, hint="for example: --every 1")


def _controls(*, show: bool, is_timed: bool) -> "Controls":
    if show:
        from edgecls_device.collecting.window import WindowControls
        from edgecls_device.sinks.window import check_window

        check_window()
        return WindowControls()
    from edgecls_device.collecting.terminal import LineControls, TerminalControls

    if is_timed and not (sys.stdin.isatty() and sys.stderr.isatty()):
        return LineControls()
    return TerminalControls(sys.stdin, sys.stderr)


def _print(collected: "Collected", out: Path) -> None:
    photos = "1 photo" if collected.saved == 1 else f"{collected.saved} photos"
    left_out = f", {collected.similar} near duplicates left out" if collected.similar else ""
    ended = (
        "" if collected.ended_by in {"count", "the user"} else f" (ended by {collected.ended_by})"
    )
    click.echo(f"Saved {photos} of {collected.label}{left_out}{ended}.")
    if collected.photos:
        each = ", ".join(f"{count} {label}" for label, count in collected.photos.items())
        click.echo(f"In {out}: {each}")
    folder = shlex.quote(str(out))
    if len(collected.photos) > 1:
        click.echo(f"next: edgecls train {folder}")
    else:
        say(f"next: another class, e.g. edgecls data collect other --source 0 --out {folder}")
