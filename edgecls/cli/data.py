"""``edgecls data``: take photos, look through a folder of them, or fetch a sample set."""

import click

from edgecls.cli.lazy_group import LazyGroup

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "check": (
        "edgecls.cli.data_check:command",
        "Find broken, doubled, mislabelled and tiny photos.",
    ),
    "collect": ("edgecls.cli.data_collect:command", "Take photos of one class with a camera."),
    "features": (
        "edgecls.cli.data_features:command",
        "Compute what a pretrained backbone says about each photo, as Parquet.",
    ),
    "fetch": ("edgecls.cli.data_fetch:command", "Download a sample set of photos."),
    "shards": (
        "edgecls.cli.data_shards:command",
        "Pack photos into few large files: tar or Parquet.",
    ),
    "synthesize": (
        "edgecls.cli.data_synthesize:command",
        "Draw photos from a seed, as many as millions, into shards.",
    ),
}

EPILOG = """\b
Examples:
  edgecls data fetch cats-and-dogs
  edgecls data check cats-and-dogs
  edgecls data collect star --source 0
"""


@click.group("data", cls=LazyGroup, table=COMMANDS, epilog=EPILOG)
def command() -> None:
    """Check, collect, pack or fetch photos, or draw as many as it takes to try what is meant for millions."""
