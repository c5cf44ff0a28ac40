"""``edgecls data collect``: take photos of one class with a camera."""

import shlex
import sys
import unicodedata
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from edgecls_device.errors import OptionError
from edgecls_device.lazy import load
from edgecls_device.stop import Stop, stop_on_signals

from edgecls.cli.output import json_option, print_record
from edgecls.progress import say

if TYPE_CHECKING:
    from edgecls_device.collecting.page import PageControls
    from edgecls_device.collecting.photo_store import PhotoStore
    from edgecls_device.collecting.session import Collected, Controls
    from edgecls_device.sources.protocol import Source
    from edgecls_device.web.settings import WebSettings

__all__ = ["command"]

EPILOG = """\b
In a terminal or a window (--show) the space bar takes a photo and q ends; hold the bar for more.
With --every photos are taken by the clock, with --web by a tap on a phone. What shows the same as
a photo before is left out.

\b
Examples, after edgecls demo:
  edgecls data collect star --source test:shapes --every 0.5 --count 3 --out runs/demo/collected

\b
With your own:
  edgecls data collect star --source 0
  edgecls data collect "no star" --source 0 --show
  edgecls data collect star --source 0 --web :8080
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
@click.option(
    "--web",
    is_flag=False,
    flag_value="127.0.0.1:8080",
    metavar="[HOST:PORT]",
    help="Serve a page with the picture and a button for each class (needs edgecls[web]).  "
    "[default: 127.0.0.1:8080]",
)
@click.option(
    "--web-token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Who may use the page from other machines; made if it is not there.",
)
@click.option("--keep-similar", is_flag=True, help="Keep near duplicates too.")
@json_option
def command(
    label: str,
    source: str,
    out: Path,
    every_s: float | None,
    count: int | None,
    show: bool,
    web: str | None,
    web_token_file: Path | None,
    keep_similar: bool,
    as_json: bool,
) -> None:
    """Take photos of LABEL with a camera and save them as OUT/LABEL/*.jpg, ready for training."""
    from edgecls_device.collecting.class_folder import check_class_name
    from edgecls_device.collecting.photo_store import PhotoStore
    from edgecls_device.collecting.session import collect_photos
    from edgecls_device.sources.table import open_source

    label = check_class_name(unicodedata.normalize("NFC", label))  # as training reads folder names
    _check_every(every_s)
    page = _page_settings(web, web_token_file)
    stop = Stop()
    with stop_on_signals(stop), ExitStack() as stack:
        controls = _controls(show=show, needs_keys=every_s is None and page is None)
        stack.callback(controls.close)
        opened = open_source(source, stop=stop)
        stack.callback(opened.close)
        store = PhotoStore(out, drop_similar=not keep_similar)
        if page is not None:
            controls = _with_page(page, store, label, controls, opened)
            stack.callback(controls.close)
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


def _page_settings(web: str | None, token_file: Path | None) -> "tuple[WebSettings, bool] | None":
    if web is None:
        if token_file is not None:
            message = "Expected --web with --web-token-file, got none."
            raise OptionError(message, hint="--web :8080 serves the page to other machines")
        return None
    from edgecls_device.web.settings import web_settings

    return web_settings(web, token_file=token_file)


def _with_page(
    page: "tuple[WebSettings, bool]",
    store: "PhotoStore",
    label: str,
    beside: "Controls",
    source: "Source",
) -> "Controls":
    settings, is_new_token = page
    make = load("edgecls_device.collecting.page:PageControls", extra="web")
    controls: PageControls = make(settings, store, label, beside)
    controls.begin(source.name, source.description)
    say(f"page: {controls.server.url_with_token if is_new_token else controls.server.url}")
    return controls


def _controls(*, show: bool, needs_keys: bool) -> "Controls":
    if show:
        from edgecls_device.collecting.window import WindowControls
        from edgecls_device.sinks.window import check_window

        check_window()
        return WindowControls()
    from edgecls_device.collecting.terminal import LineControls, TerminalControls

    if not needs_keys and not (sys.stdin.isatty() and sys.stderr.isatty()):
        return LineControls()
    return TerminalControls(sys.stdin, sys.stderr)


def _print(collected: "Collected", out: Path) -> None:
    saved = collected.saved or {collected.label: 0}
    photos = ", ".join(f"{_count(count)} of {label}" for label, count in saved.items())
    left_out = f", {collected.similar} near duplicates left out" if collected.similar else ""
    ended = (
        "" if collected.ended_by in {"count", "the user"} else f" (ended by {collected.ended_by})"
    )
    click.echo(f"Saved {photos}{left_out}{ended}.")
    if collected.photos:
        each = ", ".join(f"{count} {label}" for label, count in collected.photos.items())
        click.echo(f"In {out}: {each}")
    folder = shlex.quote(str(out))
    if len(collected.photos) > 1:
        click.echo(f"next: edgecls train {folder}")
    else:
        say(f"next: another class, e.g. edgecls data collect other --source 0 --out {folder}")


def _count(photos: int) -> str:
    return "1 photo" if photos == 1 else f"{photos} photos"
