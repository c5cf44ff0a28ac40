"""``edgecls keys trust``: take bundles of another key on this device."""

from pathlib import Path

import click

from edgecls.cli.output import json_option, print_record
from edgecls.cli.update import root_option

__all__ = ["command"]

EPILOG = """\b
To change the key: trust the new one, install a bundle that it signed, and remove the file of the old
one from the folder `trusted` of the installation.

\b
On a device with an installed bundle:
  sudo edgecls keys trust pets.key.pub
  edgecls keys trust pets.key.pub --root /opt/edgecls/pets
"""


@click.command("trust", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@root_option
@json_option
def command(file: Path, root: Path | None, as_json: bool) -> None:
    """Take bundles signed by the public key in FILE as well, on this device.

    From then on unsigned bundles are refused here.
    """
    from edgecls_device.bundles.finding import find_installation
    from edgecls_device.bundles.key_facts import key_facts
    from edgecls_device.bundles.trusting import key_to_trust, trust_key, trusted_keys

    installation = find_installation(root)
    path = trust_key(installation, key_to_trust(file))
    facts = key_facts(path)
    if as_json:
        print_record(facts)
        return
    click.echo(f"fingerprint   {facts.fingerprint}")
    click.echo(f"trusted in    {path}")
    count = len(trusted_keys(installation))
    click.echo(f"keys          {count} {'is' if count == 1 else 'are'} trusted here now")
