"""``edgecls data fetch``: a sample set of photos, downloaded and ready for training."""

import shlex
from pathlib import Path

import click
from edgecls_device.errors import OptionError

from edgecls.cli.output import json_option, print_record
from edgecls.data.fetch import fetch_photos, sample_set

__all__ = ["command"]

EPILOG = """\b
Sample sets:
  cats-and-dogs   1500 + 1500 photos, 69 MB, the set of Google's practicum on
                  image classification (photos of Kaggle's Dogs vs. Cats)

\b
Without a network, download the archive elsewhere and use --archive. Its
SHA-256 is checked in both cases; --sha256 takes another one.

\b
Examples:
  edgecls data fetch cats-and-dogs
  edgecls data fetch cats-and-dogs --out photos/pets
  edgecls data fetch cats-and-dogs --archive cats_and_dogs_filtered.zip
"""


@click.command("fetch", epilog=EPILOG)
@click.argument("name", metavar="NAME")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to make; by default NAME.")
@click.option(
    "--archive", type=click.Path(path_type=Path), help="Use this file instead of downloading."
)
@click.option("--url", default="", help="Download from this mirror instead.")
@click.option("--sha256", default="", help="Accept the archive with this SHA-256 only.")
@json_option
def command(
    name: str, out: Path | None, archive: Path | None, url: str, sha256: str, as_json: bool
) -> None:
    """Download the sample set NAME as a folder with one folder per class.

    An interrupted download goes on where it stopped when the command is repeated.
    """
    if archive is not None and url:
        message = "Expected either --archive or --url, got both."
        raise OptionError(message, hint="leave out --url to use the file")
    fetched = fetch_photos(
        sample_set(name, url=url, sha256=sha256), out or Path(name), archive=archive
    )
    if as_json:
        print_record(fetched)
        return
    photos = " and ".join(f"{n} {label}" for label, n in fetched.photos.items())
    already = "" if fetched.source else "already there: "
    click.echo(f"{already}{photos} in {fetched.folder}")
    click.echo(f"next: edgecls data check {shlex.quote(str(out or name))}")
