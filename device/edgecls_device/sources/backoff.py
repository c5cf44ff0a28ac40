"""How long to wait before the next costly attempt: 1, 2, 4 ... 30 seconds, each a little off."""

import random
from collections.abc import Callable

__all__ = ["Backoff"]

JITTER = 0.25  # so that many devices do not all return to a server at the same moment


class Backoff:
    """Delays that double from attempt to attempt, until a success."""

    def __init__(
        self,
        *,
        first_s: float,
        longest_s: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Start with the shortest delay.

        Args:
            first_s: Delay before the first attempt, seconds.
            longest_s: Longest delay, seconds.
            chance: Gives a number in 0..1 for the jitter.
        """
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the delay before the next attempt, at most a quarter shorter than the plain one."""
        delay_s = self._next_s
        self._next_s = min(delay_s * 2, self._longest_s)
        return delay_s * (1 - JITTER * self._chance())

    def reset(self) -> None:
        """Begin again with the shortest delay."""
        self._next_s = self._first_s
