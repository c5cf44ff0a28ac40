"""``edgecls keys show``: the fingerprint of a key."""

from pathlib import Path

import click

from edgecls.cli.output import json_option, print_record

__all__ = ["command"]

EPILOG = """\b
Examples:
  edgecls keys show ~/.config/edgecls/pets.key
  edgecls keys show /opt/edgecls/pets/trusted/2f0c41d6b7aa.pem
"""


@click.command("show", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def command(file: Path, as_json: bool) -> None:
    """Show the fingerprint and the public key in FILE, which holds a public or a private key."""
    from edgecls_device.bundles.key_facts import key_facts

    facts = key_facts(file)
    if as_json:
        print_record(facts)
        return
    click.echo(f"fingerprint   {facts.fingerprint}")
    click.echo(f"holds         the {'private' if facts.is_private else 'public'} key")
    click.echo(facts.public_key, nl=False)
