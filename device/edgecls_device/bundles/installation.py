"""Where an installed bundle and its earlier versions stand on a device, and which of them is used.

::

    /opt/edgecls/pets/
      versions/000002-1a2b3c4d5e6f/      a bundle's members, tuning.json (written last: it is whole)
                                         environment -> ../../environments/9f8e7d6c5b4a
      environments/9f8e7d6c5b4a/         a Python environment, shared by versions with the same wheels
      current   -> versions/000002-...   what runs; switched by one rename
      confirmed -> versions/000001-...   what passed its trial last, and what falls back are made with
      state.json  history.jsonl  trusted/*.pem  config.toml  data/

Where ``current`` is not ``confirmed``, ``current`` is on trial. Both links are relative and replaced by
``rename(2)``, so at any moment, and after a power cut at any moment, each names an old or a new version.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.files import make_directory, storage_errors

__all__ = ["DEFAULT_PARENT", "Installation", "sync_directory"]

DEFAULT_PARENT = Path("/opt/edgecls")


@dataclass(frozen=True)
class Installation:
    """The paths of one installed name.

    Attributes:
        root: Its directory, such as ``/opt/edgecls/pets``.
    """

    root: Path

    @property
    def versions(self) -> Path:
        """The folder of versions."""
        return self.root / "versions"

    @property
    def environments(self) -> Path:
        """The folder of Python environments."""
        return self.root / "environments"

    @property
    def current(self) -> Path:
        """The link to the version that runs."""
        return self.root / "current"

    @property
    def confirmed(self) -> Path:
        """The link to the version that passed its trial last."""
        return self.root / "confirmed"

    @property
    def state(self) -> Path:
        """What must survive: version floor, trial, failed versions (``state.py``)."""
        return self.root / "state.json"

    @property
    def history(self) -> Path:
        """A JSON line for everything that happened (``history.py``)."""
        return self.root / "history.jsonl"

    @property
    def trusted(self) -> Path:
        """The folder of public keys whose bundles are taken."""
        return self.root / "trusted"

    @property
    def config(self) -> Path:
        """The user's options of ``edgecls run``; written once, then never touched."""
        return self.root / "config.toml"

    @property
    def data(self) -> Path:
        """What the service may write."""
        return self.root / "data"

    @property
    def update_lock(self) -> Path:
        """Held by whoever changes the installation."""
        return self.root / "update.lock"

    @property
    def switch_lock(self) -> Path:
        """Held for a moment by whoever writes the state and the links (``locks.py``)."""
        return self.root / "switch.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper while it runs."""
        return self.root / "keeper.lock"

    def version(self, name: str) -> Path:
        """Return the folder of a version."""
        return self.versions / name

    def environment(self, digest: str) -> Path:
        """Return the folder of an environment.

        Args:
            digest: ``Manifest.environment.digest``.
        """
        return self.environments / digest[:12]

    def current_version(self) -> str | None:
        """Return the name of the version that runs; None if there is none."""
        return _named(self.current)

    def confirmed_version(self) -> str | None:
        """Return the name of the version that passed its trial last; None if there is none."""
        return _named(self.confirmed)

    def is_on_trial(self) -> bool:
        """Whether the version that runs has not passed its trial yet."""
        return self.current_version() != self.confirmed_version()

    def point(self, link: Path, version: str) -> None:
        """Let ``current`` or ``confirmed`` name another version: the old or the new one at any moment.

        Raises:
            StorageError: If it cannot be written; the link is as it was.
        """
        beside = link.with_name(f".{link.name}.next")
        with storage_errors("switch", link):
            beside.unlink(missing_ok=True)
            beside.symlink_to(Path(self.versions.name) / version)
            beside.replace(link)
            sync_directory(link.parent)

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            StorageError: If that fails.
        """
        for folder in (self.versions, self.environments, self.trusted, self.data):
            make_directory(folder)


def sync_directory(folder: Path) -> None:
    """Make sure that what was created, renamed or removed in a folder survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _named(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None
