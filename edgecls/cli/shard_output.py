"""What the commands that write shards have in common: how many photos make one, and what is said at the end."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecls.cli.output import print_record

if TYPE_CHECKING:
    from edgecls.scale.shard_set import WrittenShards

__all__ = ["print_shards", "shard_size_option"]

SHOWN = 10
NAMED_LABELS = 8

shard_size_option = click.option(
    "--photos-per-shard",
    type=click.IntRange(1, 10**6),
    default=1000,
    show_default=True,
    help="Photos in one file.",
)


def print_shards(done: "WrittenShards", *, folder: Path, as_json: bool) -> None:
    """Say what was written and what comes next.

    Args:
        done: The shards.
        folder: Where they are, as it was typed.
        as_json: Print the record instead.
    """
    from edgecls.data.load import printable

    if as_json:
        print_record(done)
        return
    for below, reason in list(done.left_out.items())[:SHOWN]:
        click.echo(f"left out: {printable(below)}: {reason}")
    if len(done.left_out) > SHOWN:
        click.echo(f"left out: {len(done.left_out) - SHOWN} more; --json has all")
    few = len(done.labels) <= NAMED_LABELS
    classes = ", ".join(map(printable, done.labels)) if few else f"{len(done.labels)} classes"
    shards = "1 shard" if done.shards == 1 else f"{done.shards} shards"
    click.echo(
        f"{done.photos} photos of {classes} in {shards} "
        f"({done.size_bytes / 1e6:.1f} MB): {done.folder}"
    )
    click.echo(f"next: edgecls data check {shlex.quote(str(folder))}")
