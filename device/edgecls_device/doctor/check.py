"""What a check says, and what all of them say together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

__all__ = ["Check", "Diagnosis", "Facts", "State"]

State: TypeAlias = Literal["ok", "note", "problem"]
Facts: TypeAlias = Mapping[str, str | float | bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What was looked at, a word or two.
        state: ``ok``; ``note`` if something is not as good as it could be; ``problem`` if something will not
            work because of it.
        found: What was found, a sentence or less.
        hint: What to do about it; empty if nothing.
        facts: The same for programs.
    """

    name: str
    state: State = "ok"
    found: str = ""
    hint: str = ""
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What all checks say.

    Attributes:
        can_classify: Whether OpenCV and at least one runtime can be loaded.
        backends: The runtimes that can.
        checks: In the order of the table.
    """

    kind: ClassVar[str] = "edgecls-doctor"
    version: ClassVar[int] = 1

    can_classify: bool
    backends: tuple[str, ...]
    checks: tuple[Check, ...]
