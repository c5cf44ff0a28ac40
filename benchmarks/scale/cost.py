"""What a million photos cost, by the photos a second that were measured, at a price you name.

    python benchmarks/scale/cost.py --price 0.04

The price is that of one core for an hour. The default is a round example figure to multiply with, no quote of
anybody: put in what you pay. Transfers, storage and idle machines are not in it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from arithmetic import A_MILLION, CORE_HOURS, MILLION, SECONDS_PER_HOUR
from edgecls_device.files import read_bytes
from edgecls_device.records import from_json
from figure import Figure

__all__ = ["EXAMPLE_PRICE", "Cost", "costs_in", "read_figure"]

RESULTS = Path(__file__).resolve().parents[1] / "results"
EXAMPLE_PRICE = 0.05
"""Of a core-hour, in the currency you like: an example, to be replaced by your own."""
MAX_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a million photos take.

    Attributes:
        what: Which photos, looked at how.
        core_hours: Hours of one core.
    """

    what: str
    core_hours: float

    @property
    def rate(self) -> float:
        """Photos a second of one core."""
        return MILLION / (SECONDS_PER_HOUR * self.core_hours)

    def price(self, core_hour: float) -> float:
        """Return what a million photos cost at so much for a core-hour."""
        return core_hour * self.core_hours


def main() -> None:
    parser = argparse.ArgumentParser(description="Tell what a million photos cost.")
    parser.add_argument(
        "--price",
        type=float,
        default=EXAMPLE_PRICE,
        help="of a core-hour [%(default)s, an example]",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the records are")
    options = parser.parse_args()
    figures = [read_figure(path) for path in sorted(options.results.glob("scale-*.json"))]
    for cost in costs_in(figures):
        price = cost.price(options.price)
        print(
            f"{cost.what}: {cost.rate:.0f} photos/s a core, {cost.core_hours:.2f} core-hours, {price:.3f}"
        )


def costs_in(figures: Sequence[Figure]) -> Iterator[Cost]:
    """Yield the cost of each kind of photos in the records."""
    for figure in figures:
        for row in figure.rows:
            if row.unit == CORE_HOURS:
                yield Cost(what=row.what.removesuffix(A_MILLION), core_hours=row.value)


def read_figure(path: Path) -> Figure:
    """Read a record.

    Raises:
        SpecError: If it is none.
    """
    return from_json(Figure, read_bytes(path, max_bytes=MAX_BYTES), name=str(path))


if __name__ == "__main__":
    main()
