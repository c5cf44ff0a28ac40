"""``edgecls keys``: whose bundles a device takes."""

import click

from edgecls.cli.lazy_group import LazyGroup

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "new": ("edgecls.cli.keys_new:command", "Make a key to sign bundles with."),
    "show": ("edgecls.cli.keys_show:command", "Show the fingerprint of a key."),
    "trust": ("edgecls.cli.keys_trust:command", "Take bundles of another key on this device."),
}

EPILOG = """\b
Examples:
  edgecls keys new ~/.config/edgecls/pets.key
  edgecls keys show ~/.config/edgecls/pets.key.pub
"""


@click.group("keys", cls=LazyGroup, table=COMMANDS, epilog=EPILOG)
def command() -> None:
    """Make and look at the keys that bundles are signed with (Ed25519, made and read by openssl).

    A device takes bundles of the key that signed its first one, and of those that were added there.
    """
