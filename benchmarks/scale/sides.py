"""Several commands that do the same, in turn, each with few and with many photos; and the rows they become."""

import random
import shutil
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from arithmetic import (
    A_MILLION,
    CORE_HOURS,
    Line,
    Middle,
    core_hours_per_million,
    line_through,
    linear_share,
    middle_of,
)
from edgecls_bench.machine import Machine
from figure import Row
from inputs import Kept, Shards, Sizes, attempts_of, rounds_of
from processes import Ran, watch

__all__ = [
    "Pairs",
    "Side",
    "disturbed_row",
    "every",
    "lines_of",
    "measure",
    "memory_row",
    "million_row",
    "processor_row",
    "rate_row",
    "ratio_row",
    "share_row",
    "spent_s",
    "start_row",
]

DISTURBED = "disturbed by other programs, heat or a lower clock"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One way to look at photos.

    Attributes:
        name: What to call it.
        command: Returns the command for a folder of shards, which writes into a folder of results if any.
        threads: Cores that it keeps busy.
    """

    name: str
    command: Callable[[Path, Path], Sequence[str | Path]]
    threads: int


Pairs = Mapping[str, Sequence[tuple[Ran, Ran]]]
"""Name of a side -> (with few photos, with many) of each round."""


def measure(
    sides: Sequence[Side],
    sizes: Sizes,
    kept: Kept,
    *,
    what: str,
    work: Path,
    machine: Machine,
    plan: Namespace,
) -> Pairs:
    """Measure all sides, each round in an order of its own.

    Args:
        sides: What to measure.
        sizes: On what.
        kept: What was measured before.
        what: What the photos are, for the name of what is kept.
        work: Where results are written; they are removed before each command.
        machine: What it runs on.
        plan: The options of the script: rounds, and attempts where a command is disturbed.

    Raises:
        BenchmarkError: If one fails.
    """
    found: dict[str, list[tuple[Ran, Ran]]] = {side.name: [] for side in sides}
    order, results = random.Random(0), work / "results"

    def remove() -> None:
        shutil.rmtree(results, ignore_errors=True)

    for number in range(rounds_of(plan)):
        for side in order.sample(sides, len(sides)):

            def ran(shards: Shards, side: Side = side) -> Ran:
                return watch(
                    side.command(shards.path, results),
                    machine=machine,
                    threads=side.threads,
                    attempts=attempts_of(plan),
                    before=remove,
                )

            name = f"{what}, {side.name}, round {number + 1}"
            few = kept.ran(f"{name}, {sizes.few.photos}", lambda ran=ran: ran(sizes.few))
            many = kept.ran(f"{name}, {sizes.many.photos}", lambda ran=ran: ran(sizes.many))
            found[side.name].append((few, many))
    remove()
    return found


def lines_of(pairs: Sequence[tuple[Ran, Ran]], sizes: Sizes) -> list[Line]:
    """Return start-up and cost of a photo in each round."""
    return [
        line_through((sizes.few.photos, few.seconds), (sizes.many.photos, many.seconds))
        for few, many in pairs
    ]


def rate_row(what: str, lines: Sequence[Line]) -> Row:
    """Return photos a second after start-up."""
    return _row(what, middle_of([line.rate for line in lines]), "photos/s")


def million_row(what: str, lines: Sequence[Line], cores: int) -> Row:
    """Return the hours of one core for a million photos, if so many cores were at work."""
    hours = [core_hours_per_million(line.photo_s, cores) for line in lines]
    return _row(f"{what}{A_MILLION}", middle_of(hours), CORE_HOURS)


def start_row(what: str, lines: Sequence[Line]) -> Row:
    """Return what a command takes besides its photos."""
    return _row(what, middle_of([line.start_s for line in lines]), "s")


def share_row(
    what: str,
    one_s: Sequence[float],
    several_s: Sequence[float],
    workers: int,
    *,
    at_least: float | None = None,
) -> Row:
    """Return how much of a linear gain several workers reach, round by round."""
    shares = [
        linear_share(one, several, workers) for one, several in zip(one_s, several_s, strict=True)
    ]
    return _row(what, middle_of(shares), "%", at_least=at_least)


def ratio_row(
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Row:
    """Return ours in percent of theirs, round by round."""
    ratios = [100 * our / their for our, their in zip(ours, theirs, strict=True)]
    return _row(what, middle_of(ratios), "%", at_most=at_most, at_least=at_least)


def processor_row(what: str, pairs: Sequence[tuple[Ran, Ran]], sizes: Sizes) -> Row:
    """Return the processor time of a photo after start-up, of all processes together."""
    more = sizes.many.photos - sizes.few.photos
    return _row(what, middle_of([1000 * spent / more for spent in spent_s(pairs)]), "ms")


def spent_s(pairs: Sequence[tuple[Ran, Ran]]) -> list[float]:
    """Return the processor time between few and many photos, round by round: others disturb it little."""
    return [many.processor_s - few.processor_s for few, many in pairs]


def memory_row(what: str, peaks: Iterable[int]) -> Row:
    """Return the largest of some processes, in MB of a million bytes."""
    found = [peak / 1e6 for peak in peaks]
    note = f"{len(found)} processes, the smallest {min(found):.0f}" if len(found) > 1 else ""
    return Row(what=what, value=max(found, default=0.0), unit="MB", note=note)


def disturbed_row(runs: Iterable[Ran]) -> Row:
    """Return how many commands should not be believed, with the reason of most."""
    found = list(runs)
    reasons = [ran.disturbance for ran in found if ran.disturbance]
    note = f"of {len(found)}"
    if reasons:
        note += f"; such as: {max(reasons, key=reasons.count)}"
    return Row(what=DISTURBED, value=len(reasons), unit="commands", at_most=0, note=note)


def every(pairs: Pairs) -> Iterator[Ran]:
    """Yield all that was measured."""
    for rounds in pairs.values():
        for few, many in rounds:
            yield few
            yield many


def _row(
    what: str,
    middle: Middle,
    unit: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Row:
    return Row(
        what=what,
        value=middle.value,
        unit=unit,
        at_most=at_most,
        at_least=at_least,
        note=middle.note,
    )
