"""``edgecls history``: what happened to an installation, and which versions it has now."""

from dataclasses import dataclass
from typing import ClassVar

from edgecls_device.bundles.history import Entry, read_history
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.state import read_state

__all__ = ["Chronicle", "chronicle_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chronicle:
    """All of it, the oldest first.

    Attributes:
        root: The installation's directory.
        current: The version that runs; empty if there is none.
        confirmed: The version that passed its trial last; empty if there is none.
        previous: The version that was confirmed before; empty if there is none.
        floor: The highest release that was ever confirmed; a lower one is refused.
        entries: What happened.
    """

    kind: ClassVar[str] = "edgecls.chronicle"
    version: ClassVar[int] = 1

    root: str
    current: str
    confirmed: str
    previous: str
    floor: int
    entries: tuple[Entry, ...]


def chronicle_of(installation: Installation) -> Chronicle:
    """Return what happened to an installation, and how it is.

    Raises:
        SpecError: If its records are damaged.
        StorageError: If they cannot be read.
    """
    state = read_state(installation)
    return Chronicle(
        root=str(installation.root),
        current=installation.current_version() or "",
        confirmed=installation.confirmed_version() or "",
        previous=state.previous,
        floor=state.floor,
        entries=read_history(installation),
    )
