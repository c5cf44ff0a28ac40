"""How long a live source waits for what."""

from dataclasses import dataclass

__all__ = ["STANDARD_TIMING", "LiveTiming"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveTiming:
    """Waits of a live source, all in seconds.

    Attributes:
        silence_s: Without a frame, until a capture process is killed.
        open_s: Without a word from a process that has not opened its source yet, until it is killed.
        probe_s: From one look whether the source is there to the next.
        first_backoff_s: From the first failure to the next attempt; doubled each time.
        longest_backoff_s: From a failure to the next attempt, at most.
        steady_s: With frames, after which the next failure counts as the first again.
        first_frozen_s: From the first restart for a frozen picture to the next; doubled each time.
        longest_frozen_s: From one such restart to the next, at most.
        grace_s: For a capture process to free its camera, until it is killed.
    """

    silence_s: float = 5.0
    open_s: float = 20.0
    probe_s: float = 0.5
    first_backoff_s: float = 1.0
    longest_backoff_s: float = 30.0
    steady_s: float = 10.0
    first_frozen_s: float = 30.0
    longest_frozen_s: float = 600.0
    grace_s: float = 1.0


STANDARD_TIMING = LiveTiming()
