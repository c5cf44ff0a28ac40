"""``edgecls rollback``: back to the version before, on this device."""

from pathlib import Path

import click

from edgecls.cli.output import json_option, print_record
from edgecls.cli.update import root_option

__all__ = ["command"]

EPILOG = """\b
As root, on a device with an installed bundle that was updated:
  edgecls rollback
  edgecls rollback --root /opt/edgecls/pets
"""


@click.command(epilog=EPILOG)
@root_option
@json_option
def command(root: Path | None, as_json: bool) -> None:
    """Give up the version on trial, or go back to the one that was confirmed before.

    The version that is left is not installed again unless edgecls update is told --again.
    """
    from edgecls_device.bundles.finding import find_installation
    from edgecls_device.bundles.rolling_back import roll_back

    outcome = roll_back(find_installation(root))
    if as_json:
        print_record(outcome)
        return
    click.echo(f"Back to release {outcome.release} of {outcome.name}: {outcome.current_version}.")
    for note in outcome.notes:
        click.echo(note)
