"""What went wrong without ending anything, counted by name; what clients send cannot make it grow."""

from collections import Counter

__all__ = ["Problems"]

MOST_NAMES, LONGEST_NAME = 20, 200


class Problems:
    """Counts problems by name. It may be read from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, problem: BaseException | str) -> None:
        """Count one; once there are 20 names, the others are counted together.

        A client that went away is none: the server connects to nobody, so any lost connection is a client's.
        """
        if isinstance(problem, ConnectionError):
            return
        is_error = isinstance(problem, BaseException)
        text = f"{type(problem).__name__}: {problem}" if is_error else str(problem)
        name = text[:LONGEST_NAME]
        if name not in self._counts and len(self._counts) >= MOST_NAMES:
            name = "others"
        self._counts[name] += 1

    def as_counts(self) -> dict[str, int]:
        """Return how often each happened."""
        return dict(self._counts)
