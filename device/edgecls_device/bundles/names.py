"""The only names a bundle's members may have, so that none can leave the folder it is written to."""

import re
from collections.abc import Iterable

from edgecls_device.errors import BundleError

__all__ = ["MOST_MEMBERS", "NOT_OURS", "check_member_names"]

MOST_MEMBERS = 10_000
MOST_CHARACTERS = 200
MOST_PARTS = 6
NOT_OURS = "the bundle was not made by edgecls bundle; do not use it"

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")


def check_member_names(names: Iterable[str]) -> None:
    """Refuse names that are no plain relative paths, the same but for case, or folders of others.

    A name is one to six parts joined by ``/``; a part begins with a letter, a digit or ``_`` and goes on with
    these and ``. + -``. So there is no ``..``, no absolute path, no drive, no backslash, nothing hidden.

    Raises:
        BundleError: The first that is refused, and why.
    """
    seen: dict[str, str] = {}
    folders: set[str] = set()
    for count, name in enumerate(names, 1):
        parts = name.split("/")
        is_plain = name.isascii() and all(_PART.fullmatch(part) for part in parts)
        if count > MOST_MEMBERS:
            message = f"Expected at most {MOST_MEMBERS} members, got more."
        elif not is_plain or len(name) > MOST_CHARACTERS or len(parts) > MOST_PARTS:
            message = f"Expected plain relative names of members, got {name[:MOST_CHARACTERS]!a}."
        elif name.lower() in seen:
            message = (
                f"Expected members of different names, got {seen[name.lower()]!r} and {name!r}."
            )
        else:
            seen[name.lower()] = name
            folders |= {"/".join(parts[:i]).lower() for i in range(1, len(parts))}
            continue
        raise BundleError(message, hint=NOT_OURS)
    for folded in sorted(folders & set(seen)):
        message = f"Expected no member that is a folder of others, got {seen[folded]!r}."
        raise BundleError(message, hint=NOT_OURS)
