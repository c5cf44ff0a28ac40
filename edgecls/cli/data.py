"""``edgecls data``: look through a folder of photos, or fetch a sample set."""

import click

from edgecls.cli.lazy_group import LazyGroup

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "check": (
        "edgecls.cli.data_check:command",
        "Find broken, doubled, mislabelled and tiny photos.",
    ),
    "fetch": ("edgecls.cli.data_fetch:command", "Download a sample set of photos."),
}

EPILOG = """\b
Examples:
  edgecls data fetch cats-and-dogs
  edgecls data check cats-and-dogs
"""


@click.group("data", cls=LazyGroup, table=COMMANDS, epilog=EPILOG)
def command() -> None:
    """Check a folder of photos, or fetch a sample set."""
