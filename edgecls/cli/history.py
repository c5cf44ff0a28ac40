"""``edgecls history``: what was installed on this device, and what came of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecls.cli.output import json_option, print_line, print_record
from edgecls.cli.update import root_option

if TYPE_CHECKING:
    from edgecls_device.bundles.chronicle import Chronicle
    from edgecls_device.bundles.history import Entry

__all__ = ["command"]

WHAT_WIDTH = len("rolled-back")
STYLES = {"confirmed": "green", "reverted": "red", "refused": "red", "rolled-back": "yellow"}
EPILOG = """\b
On a device with an installed bundle:
  edgecls history
  edgecls history --root /opt/edgecls/pets --json
"""


@click.command(epilog=EPILOG)
@root_option
@json_option
def command(root: Path | None, as_json: bool) -> None:
    """Show every version that was tried here, and why it stayed or went.

    The versions that run now, that passed their trial last, and before, are marked.
    """
    from edgecls_device.bundles.chronicle import chronicle_of
    from edgecls_device.bundles.finding import find_installation

    found = chronicle_of(find_installation(root))
    if as_json:
        print_record(found)
        return
    if not found.entries:
        click.echo("Nothing has happened here yet.")
    for entry in found.entries:
        print_line(_line(found, entry), style=STYLES.get(entry.what, ""))


def _line(found: "Chronicle", entry: "Entry") -> str:
    version = f"{entry.name}{_marks(found, entry.name)}"
    return f"{entry.at}  {entry.what:<{WHAT_WIDTH}}  {version}  {entry.reason}".rstrip()


def _marks(found: "Chronicle", version: str) -> str:
    marks = {"current": found.current, "confirmed": found.confirmed, "previous": found.previous}
    named = [mark for mark, name in marks.items() if name == version]
    return f" ({', '.join(named)})" if named else ""
