"""What a guard tells the child that trains: where it stands in its group, and how to answer."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from edgecls_device.records import decode, encode

__all__ = ["VARIABLE", "Place"]

VARIABLE = "EDGECLS_GROUP"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a child stands.

    Attributes:
        guard: Process number of its guard.
        words: Descriptor of the socket to its guard.
        lifeline: Descriptor of the pipe that its guard holds open; see :mod:`edgecls_device.sources.lifeline`.
        output: Descriptor of the guard's standard output: the child's own goes to a log.
        errors: Descriptor of the guard's standard error; likewise.
        rank: Which process it is.
        hosts: Name of each process's machine, by rank; as many as there are processes.
        own_host: Numeric address under which the others reach this machine; empty if there are none.
        coordinator: ``host:port`` where JAX's own coordinator listens; empty if there are no others.
        local_rank: Which it is on its machine, where several share its GPUs; else None.
    """

    guard: int
    words: int
    lifeline: int
    output: int
    errors: int
    rank: int = 0
    hosts: tuple[str, ...]
    own_host: str = ""
    coordinator: str = ""
    local_rank: int | None = None

    @property
    def processes(self) -> int:
        """How many there are."""
        return len(self.hosts)

    def as_text(self) -> str:
        """Return what goes into the environment."""
        return json.dumps(encode(self))

    @classmethod
    def of_this_process(cls, variables: Mapping[str, str] = os.environ) -> "Place | None":
        """Return this process's place, or None if no guard started it.

        What a child starts itself inherits its environment, but not its parent.
        """
        place = cls.told(variables)
        return place if place is not None and place.guard == os.getppid() else None

    @classmethod
    def told(cls, variables: Mapping[str, str] = os.environ) -> "Place | None":
        """Return the place that the environment tells, whoever started this process; None if there is none."""
        text = variables.get(VARIABLE)
        if not text:
            return None
        place: Place = decode(cls, json.loads(text), VARIABLE)
        return place
