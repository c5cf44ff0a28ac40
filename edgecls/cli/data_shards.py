"""``edgecls data shards``: a folder of photos as few large files, for object stores and many workers."""

from pathlib import Path

import click

from edgecls.cli.output import json_option
from edgecls.cli.shard_output import print_shards, shard_size_option

__all__ = ["command"]

EPILOG = """\b
Formats:
  tar       WebDataset: key.jpg, key.cls (number of the class) and key.json
            (label and path) side by side; programs for WebDataset read it
  parquet   columns key, label and bytes; needs the extra shards

\b
What takes shards: edgecls compare --data, edgecls data check, and edgecls
data features; from a disk, from s3:// or gs:// (extras s3, gcs).

\b
Examples, after edgecls demo:
  edgecls data shards runs/demo/photos --out runs/demo/shards
  edgecls data shards runs/demo/photos --out runs/demo/shards-50 --photos-per-shard 50
  edgecls data shards runs/demo/photos --out runs/demo/parquet --format parquet --json

\b
With your own:
  edgecls data shards photos/ --out shards/ --photos-per-shard 5000
"""


@click.command("shards", epilog=EPILOG)
@click.argument("folder", metavar="PHOTOS", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The folder for the shards."
)
@shard_size_option
@click.option(
    "--format",
    "shard_format",
    type=click.Choice(["tar", "parquet"]),
    default="tar",
    show_default=True,
    help="What to write.",
)
@json_option
def command(
    folder: Path, out: Path, photos_per_shard: int, shard_format: str, as_json: bool
) -> None:
    """Pack the photos in PHOTOS, which holds one folder per class, into shards.

    The photos are copied as they are, mixed over the shards; the same photos give the same bytes. The command
    can be stopped and repeated: shards that are there are not written again.
    """
    from edgecls.data.folders import find_photos
    from edgecls.progress import progress
    from edgecls.scale.packing import pack_photos

    with progress("Packing photos", len(find_photos(folder).photos)) as advance:
        done = pack_photos(
            folder,
            out,
            photos_per_shard=photos_per_shard,
            format="parquet" if shard_format == "parquet" else "tar",
            on_progress=advance,
        )
    print_shards(done, folder=out, as_json=as_json)
