"""edgecls pretrained: a classifier with no training at all."""

from pathlib import Path

import click

from edgecls.cli.output import json_option, print_record
from edgecls.run_directory import RunDirectory
from edgecls.training.backbones import BACKBONES, DEFAULT_BACKBONE
from edgecls.training.pretrained import DATA_SETS, pretrained

__all__ = ["command"]

EPILOG = """\b
Examples:
  edgecls pretrained imagenet --out runs/imagenet
  edgecls pretrained imagenet --out runs/catdog --group cat=281-285 --group dog=151-268
"""


@click.command("pretrained", epilog=EPILOG)
@click.argument("name", metavar=f"[{'|'.join(DATA_SETS)}]")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The run directory to write."
)
@click.option(
    "--backbone",
    default=DEFAULT_BACKBONE,
    show_default=True,
    metavar="NAME",
    help=f"One of: {', '.join(key for key, entry in BACKBONES.items() if entry.is_pretrained)}.",
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="LABEL=FIRST-LAST",
    help="Show these classes as one label; may be given several times.",
)
@json_option
def command(name: str, out: Path, backbone: str, groups: tuple[str, ...], as_json: bool) -> None:
    """Write a run with a backbone's own 1000 classes of ImageNet, or with groups of them.

    The numbers of the classes are those of ImageNet, 0..999: cats 281-285, dogs 151-268, birds 80-100.
    """
    spec = pretrained(name, out=out, backbone=backbone, groups=groups)
    if as_json:
        print_record(spec)
        return
    run = RunDirectory(out)
    click.echo(f"{backbone} knows {len(spec.labels)} classes.")
    if spec.groups:
        shown = ", ".join(f"{group.label} ({len(group.members)} classes)" for group in spec.groups)
        click.echo(f"It shows {shown}.")
    click.echo(f"Written: {run.model}, spec.json")
    click.echo(f"Next: edgecls export {run.path}")
