"""``edgecls keys new``: a key to sign bundles with."""

from pathlib import Path

import click

from edgecls.cli.output import json_option, print_line, print_record

__all__ = ["command"]

EPILOG = """\b
Examples:
  edgecls keys new ~/.config/edgecls/pets.key
  edgecls keys new pets.key --json
"""


@click.command("new", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def command(file: Path, as_json: bool) -> None:
    """Make a key: the private one in FILE, which only you can read, the public one in FILE.pub.

    Nothing is overwritten. Needs the program openssl, 3.0 or newer.
    """
    from edgecls_device.bundles.key_facts import key_facts
    from edgecls_device.bundles.signing import new_key, public_path

    fingerprint = new_key(file)
    if as_json:
        print_record(key_facts(file))
        return
    public = public_path(file)
    print_line(f"fingerprint   {fingerprint}", style="bold")
    click.echo(f"private key   {file}")
    click.echo(
        "              it signs; keep it off devices and out of version control, and back it up:"
    )
    click.echo("              without it no update can be signed for the devices that trust it")
    click.echo(f"public key    {public}")
    click.echo("              for everybody; devices learn it with the first bundle that it signed")
    click.echo(f"next: edgecls bundle RUN --target bookworm64 --key {file}")
