"""How long and how carefully is measured."""

from dataclasses import dataclass
from typing import Final

from edgecls_device.errors import OptionError

from edgecls_bench.measurement import LEAST_FOR_P99

__all__ = ["QUICK", "THOROUGH", "BenchSettings"]


MOST_S = 86_400


def _at_least(what: str, number: int, least: int) -> None:
    if number < least:
        message = f"Expected at least {least} {what}, got {number}."
        raise OptionError(message, hint="leave it out for the usual number")


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchSettings:
    """How each case is measured.

    Attributes:
        rounds: Processes that measure latency, one after the other.
        runs: Measured runs of all rounds together; 0 for as many as the following need.
        least_samples: Of all rounds together.
        least_seconds: Of all rounds together: what the machine does now and then should be seen.
        most_seconds: After which the rounds end even if the median is not settled. Samples that are missing by
            then may take :attr:`patience` times as long.
        precision: A round's median is settled if the half width of its 95 % interval is this share of it.
        patience: See ``most_seconds``.
        cold_starts: Processes that only start, classify and end.
        tries_again: How often a disturbed process is repeated before its case is void.
        throughput_seconds: For how long all cores are put to work; 0 to leave it out.
        sustained_seconds: For how long the fastest case runs without a pause; 0 to leave it out.
        measures_energy: Whether to count energy where there is a sensor.
        silence_s: After that long without a sign of life a process counts as hanging.
        seed: Of the order of processes.
    """

    rounds: int = 3
    runs: int = 0
    least_samples: int = LEAST_FOR_P99
    least_seconds: float = 3.0
    most_seconds: float = 30.0
    precision: float = 0.01
    patience: float = 4.0
    cold_starts: int = 3
    tries_again: int = 2
    throughput_seconds: float = 0.0
    sustained_seconds: float = 0.0
    measures_energy: bool = True
    silence_s: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.runs < 0 or 0 < self.runs < self.rounds:
            message = f"Expected at least 1 run for each of {self.rounds} rounds, got {self.runs}."
            raise OptionError(message, hint="leave it out to take as many as are needed")
        _at_least("round", self.rounds, 1)
        _at_least("cold start", self.cold_starts, 1)
        for seconds in (self.least_seconds, self.throughput_seconds, self.sustained_seconds):
            if not 0 <= seconds <= MOST_S:
                message = f"Expected 0..{MOST_S} seconds, got {seconds:g}."
                raise OptionError(message, hint="some seconds for each case are enough")

    @property
    def most_samples_seconds(self) -> float:
        """After how long the rounds end even if there are fewer samples than wished."""
        return self.patience * max(self.least_seconds, self.most_seconds)


THOROUGH: Final = BenchSettings()
"""Enough for a 99th percentile, with what differs from process to process."""

QUICK: Final = BenchSettings(
    rounds=1,
    least_samples=30,
    least_seconds=0.5,
    most_seconds=0.5,
    patience=10.0,
    cold_starts=1,
    tries_again=0,
    measures_energy=False,
)
"""A first impression, one or two seconds a case: no 99th percentile, and one process that may be unlucky."""
