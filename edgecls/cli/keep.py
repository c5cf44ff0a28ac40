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
  edgecls keep --root /opt/edgecls/pets --check
"""


@click.command(epilog=EPILOG)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="The installation.  [default: $EDGECLS_ROOT, or the only one in /opt/edgecls]",
)
@click.option(
    "--check",
    is_flag=True,
    help="Only see whether it could; another version's keeper asks before it trusts this one.",
)
def command(root: Path | None, check: bool) -> None:
    """Run the current version of an installed bundle, and see to it that one always runs.

    As root it runs versions as the user who owns ROOT/data. What crashes or hangs is started again. A new
    version is on trial: without ten results within a minute, or with wrong golden samples, the one before
    it comes back by itself.
    """
    from edgecls_device.bundles.finding import find_installation
    from edgecls_device.bundles.keeper import keep
    from edgecls_device.bundles.keeper_check import check_keeping

    installation = find_installation(root)
    if check:
        check_keeping(installation)
    else:
        sys.exit(keep(installation, say=say))
