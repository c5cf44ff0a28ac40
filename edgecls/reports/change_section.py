"""The report's part on what became of float32's answers: class by class and photo by photo."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison, ComparisonCase

from edgecls.reports.class_changes import ClassChanges, class_changes
from edgecls.reports.disagreements import Disagreements, counted_disagreements, disagreements
from edgecls.reports.examined import reference_case
from edgecls.reports.measured import Measured, short_names
from edgecls.reports.pictures import FindPicture, picture

__all__ = ["ChangeSection", "Changed", "change_section"]

MAX_PHOTOS_FIRST, MAX_PHOTOS_LATER = 12, 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """One artifact held against the reference.

    Attributes:
        name: Its short name.
        case: What was measured.
        classes: Per class; None for photos without classes, or too many to be listed.
        photos: Those with another answer.
        is_chosen: Whether it is the recommended one.
        is_open: Whether it is shown at once, not folded: the first, and those that fail the gate.
    """

    name: str
    case: ComparisonCase
    classes: ClassChanges | None
    photos: Disagreements
    is_chosen: bool
    is_open: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeSection:
    """All that were examined.

    Attributes:
        artifacts: The recommended one first; empty without a reference.
        reference: File name of the reference.
        reference_name: Its short name.
        has_labels: Whether photos have classes.
    """

    artifacts: tuple[Changed, ...] = ()
    reference: str = ""
    reference_name: str = ""
    has_labels: bool = True


def change_section(
    comparison: Comparison | None,
    measured: Sequence[Measured],
    chosen: Measured | None,
    closely: Sequence[Measured],
    *,
    find: FindPicture = picture,
) -> ChangeSection:
    """Hold each of ``closely`` against the reference.

    Args:
        comparison: The record.
        measured: All artifacts.
        chosen: The recommended one.
        closely: From :func:`~edgecls.reports.examined.examined`.
        find: Gives the picture of a photo.
    """
    if comparison is None or not closely:
        return ChangeSection()
    names = short_names(measured)
    found: list[Changed] = []
    for entry in closely:
        case = entry.accuracy
        reference = reference_case(comparison, case)
        if case is None or reference is None:
            continue
        limit = MAX_PHOTOS_LATER if found else MAX_PHOTOS_FIRST
        has_labels = comparison.has_classes
        is_listed = bool(comparison.photos)
        found.append(
            Changed(
                name=names[entry.key],
                case=case,
                classes=class_changes(comparison, reference, case)
                if has_labels and is_listed
                else None,
                photos=disagreements(comparison, reference, case, limit=limit, find=find)
                if is_listed
                else counted_disagreements(comparison, case),
                is_chosen=chosen is not None and chosen.key == entry.key,
                is_open=not found or entry.verdict == "fails",
            )
        )
    first = next(entry for entry in measured if entry.artifact == comparison.reference)
    return ChangeSection(
        artifacts=tuple(found),
        reference=comparison.reference,
        reference_name=names[first.key],
        has_labels=comparison.has_classes,
    )
