"""``edgecls data synthesize``: shards of drawn photos, to try what is meant for millions."""

from pathlib import Path

import click

from edgecls.cli.output import json_option
from edgecls.cli.shard_output import print_shards, shard_size_option

__all__ = ["command"]

EPILOG = """\b
The photos are shapes on a patterned ground, named by the shape: circle,
square, triangle, star, cross, crescent, arrow, hourglass. A million of 64x64
takes about 3 GB. The same seed gives the same bytes, whatever --workers.

\b
Examples, after edgecls demo:
  edgecls data synthesize runs/demo/synthetic --photos 2000
  edgecls data synthesize runs/demo/five --photos 500 --classes 5 --size 96 --seed 7

\b
With your own:
  edgecls data synthesize synthetic-1m --photos 1000000
"""


@click.command("synthesize", epilog=EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--photos", type=click.IntRange(1, 10**9), required=True, help="How many to draw.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="What they are drawn from.",
)
@click.option(
    "--size",
    type=click.IntRange(16, 1024),
    default=64,
    show_default=True,
    help="Height and width in pixels.",
)
@click.option(
    "--classes",
    type=click.IntRange(2, 8),
    default=3,
    show_default=True,
    help="How many kinds of shapes.",
)
@shard_size_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes that draw; by default one for each core.",
)
@json_option
def command(
    folder: Path,
    photos: int,
    seed: int,
    size: int,
    classes: int,
    photos_per_shard: int,
    workers: int | None,
    as_json: bool,
) -> None:
    """Draw photos from a seed into tar shards (WebDataset) in DIR.

    The command can be stopped and repeated: shards that are there are not drawn again.
    """
    from edgecls.progress import progress
    from edgecls.scale.synthetic import SyntheticPhotos, synthesize
    from edgecls.scale.synthetic_drawing import SHAPES

    wanted = SyntheticPhotos(
        photos=photos,
        seed=seed,
        size=size,
        labels=tuple(SHAPES)[:classes],
        photos_per_shard=photos_per_shard,
    )
    with progress("Drawing photos", photos) as advance:
        done = synthesize(folder, wanted, workers=workers, on_progress=advance)
    print_shards(done, folder=folder, as_json=as_json)
