"""Other people's lists of labels: one per line, with the repetitions and lengths that such lists have.

Ours are refused when they are not clean; these cannot be corrected where they come from, so what can be
repaired without losing the class is repaired, and said.
"""

import unicodedata
from collections import Counter

from edgecls_device.errors import ArtifactError, DataError
from edgecls_device.labels import MAX_LABEL_LENGTH, check_label

__all__ = ["parse_labels"]

MAX_LABELS = 100_000


def parse_labels(content: bytes, *, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels of a file, and notes on what was changed.

    Labels are brought into Unicode form NFC. Those that come more than once are numbered (ImageNet has two
    cranes: ``crane`` and ``crane (2)``); longer ones than 100 characters are cut at a comma where there is one.
    Empty lines at the end are passed over.

    Args:
        content: UTF-8, one label per line, in the order of the outputs.
        name: What to call the file in messages.

    Raises:
        ArtifactError: If it is no such file, or a label cannot be shown; the message names the line.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        message = f"Expected labels in UTF-8 in {name}, got byte {error.start + 1} that is not."
        raise ArtifactError(
            message, hint="convert it: iconv -f latin1 -t utf-8 IN > OUT"
        ) from error
    labels = [unicodedata.normalize("NFC", line.strip()) for line in lines]
    while labels and not labels[-1]:
        labels.pop()
    if not 1 <= len(labels) <= MAX_LABELS:
        message = f"Expected 1..{MAX_LABELS} labels in {name}, got {len(labels)}."
        raise ArtifactError(message, hint="give one label per line, in the order of the outputs")
    short = [_shortened(label) for label in labels]
    for number, label in enumerate(short, 1):
        _check(label, number, name)
    unique = _numbered(short)
    cut = sum(a != b for a, b in zip(labels, short, strict=True))
    twice = sorted({a for a, b in zip(short, unique, strict=True) if a != b})
    notes = []
    if twice:
        notes.append(
            f"labels that come more than once in {name} are numbered: {', '.join(twice[:5])}"
        )
    if cut:
        notes.append(
            f"{cut} labels in {name} are longer than {MAX_LABEL_LENGTH} characters and are cut"
        )
    return tuple(unique), tuple(notes)


def _shortened(label: str) -> str:
    if len(label) <= MAX_LABEL_LENGTH:
        return label
    comma = label.rfind(", ", 0, MAX_LABEL_LENGTH + 1)
    return label[:comma] if comma > 0 else label[: MAX_LABEL_LENGTH - 1].rstrip() + "…"


def _numbered(labels: list[str]) -> list[str]:
    taken, seen, result = set(labels), Counter[str](), []
    for label in labels:
        seen[label] += 1
        number, name = seen[label], label
        while number > 1 and name in taken:
            suffix = f" ({number})"
            name = label[: MAX_LABEL_LENGTH - len(suffix)] + suffix
            number += 1
        taken.add(name)
        result.append(name)
    return result


def _check(label: str, number: int, name: str) -> None:
    try:
        check_label(label)
    except DataError as error:
        message = f"{error.message} (line {number} of {name})"
        raise ArtifactError(message, hint="correct that line") from error
