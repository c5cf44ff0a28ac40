"""What an installation must remember across power cuts, written whole or not at all."""

from dataclasses import dataclass
from typing import ClassVar

from edgecls_device.bundles.installation import Installation
from edgecls_device.errors import SpecError
from edgecls_device.files import read_bytes, write_atomically
from edgecls_device.records import from_json, to_json

__all__ = ["State", "Trial", "read_state", "write_state"]

MOST_BYTES = 1_000_000
FAILED_KEPT = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A version that must prove itself.

    Attributes:
        version: Its folder's name.
        attempts: How often it was started.
    """

    version: str
    attempts: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The memory of an installation.

    Attributes:
        floor: The highest release that was ever confirmed; a lower one is refused.
        previous: The version that was confirmed before this one; empty if there is none.
        trial: The version that is, or is about to be, on trial; None if there is none.
        failed: Versions that did not pass, the newest last; they are not tried again by themselves.
    """

    kind: ClassVar[str] = "edgecls.installation"
    version: ClassVar[int] = 1

    floor: int = 0
    previous: str = ""
    trial: Trial | None = None
    failed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.floor < 0:
            message = f"Expected a release of 0 or more in state.json, got {self.floor}."
            raise SpecError(message, hint="restore the file, or install again")


def read_state(installation: Installation) -> State:
    """Return the state; a new installation has the empty one.

    Raises:
        SpecError: If it is damaged.
        StorageError: If it cannot be read.
    """
    if not installation.state.exists():
        return State()
    data = read_bytes(installation.state, max_bytes=MOST_BYTES)
    return from_json(State, data, name=str(installation.state))


def write_state(installation: Installation, state: State) -> None:
    """Write the state, synced.

    Raises:
        StorageError: If that fails; the old one stays.
    """
    write_atomically(installation.state, to_json(state))
