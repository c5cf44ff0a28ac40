"""``edgecls keep``: what the service of an installed bundle does."""

import sys
from pathlib import Path

import click

from edgecls.progress import say

__all__ = ["command"]

EPILOG = """\b
The service of an installed bundle calls it; there is no need to. Ctrl-C or SIGTERM ends it, with what runs.

\b
Examples:
  edgecls keep --root /opt/edgecls/pets
"""


@click.command(epilog=EPILOG)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="The installation.  [default: $EDGECLS_ROOT, or the only one in /opt/edgecls]",
)
def command(root: Path | None) -> None:
    """Run the current version of an installed bundle, and see to it that one always runs.

    As root it runs versions as the user who owns ROOT/data. What crashes or hangs is started again. A new
    version is on trial: without ten results within a minute, or with wrong golden samples, the one before
    it comes back by itself.
    """
    from edgecls_device.bundles.finding import find_installation
    from edgecls_device.bundles.keeper import keep

    sys.exit(keep(find_installation(root), say=say))
