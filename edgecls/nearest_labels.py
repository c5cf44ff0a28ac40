"""What to do about names that are not among a model's labels: which of its labels was meant?"""

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["nearest_labels"]


def nearest_labels(unknown: Sequence[str], labels: Sequence[str], *, first: str) -> str:
    """Return a hint.

    Args:
        unknown: Names that are no labels.
        labels: The labels there are.
        first: What to do, such as ``rename the folders``.
    """
    folded = {label.casefold(): label for label in labels}
    near = {
        name: [folded[key] for key in get_close_matches(name.casefold(), folded, n=2, cutoff=0.6)]
        for name in unknown
    }
    found = [
        f"{name!r} is near {' or '.join(map(repr, like))}" for name, like in near.items() if like
    ]
    if len(labels) <= 10:
        found.append(f"the labels are {', '.join(labels)}")
    return "; ".join(
        [
            first,
            *found,
            "see: edgecls inspect ARTIFACT",
            "or compare without classes: --no-labels",
        ]
    )
