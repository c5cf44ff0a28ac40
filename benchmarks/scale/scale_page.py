"""Write ``docs/scale-figures.md`` from the records in ``benchmarks/results/scale-*.json``.

    python benchmarks/scale/scale_page.py --price 0.05

A record that is not there is named as not measured; one that was disturbed, or measured with --quick, says
so.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from cost import EXAMPLE_PRICE, RESULTS, costs_in, read_figure
from edgecls_device.files import write_atomically
from figure import Figure, Row
from pages import DOCS, origin, table
from sides import DISTURBED

PAGE = DOCS / "scale-figures.md"
WIDTH = 120
TIMES = ("%", "s", "ms", "us", "photos/s")
HEAD = """\
# Many photos, workers and processes: measured

Written by `benchmarks/scale/scale_page.py`; do not edit it by hand. What was expected before is in
[NOTES.md](../benchmarks/NOTES.md). All of it anew, on a machine where nothing else runs:

    python benchmarks/scale/everything.py --work scale/ --photos photos/

*After start-up* is the slope between few and many photos of the same command, so that what a command costs
once stands apart. Where there are rounds, the figure is their median, and the note has the smallest and the
largest. Memory is the largest resident memory of a process as the kernel counts it (`VmHWM`), libraries that
processes share counted in each.
"""
SECTIONS = {
    "scale-workers": (
        "Two workers beside one, and beside a bare loop",
        "`edgecls compare` with one int8 file, and the same photos through plain processes that decode, "
        "resize and invoke, and keep nothing. Linear is twice the speed of one.",
    ),
    "scale-ray": (
        "Ray on one machine beside the local executor",
        "The same command with `--executor ray`, which starts Ray on this machine, and with the local "
        "executor, in turn.",
    ),
    "scale-growth": (
        "From a thousand photos to a million",
        "One int8 file on synthetic photos, local executor. The last tenth of the parts beside the first "
        "would show a run that grows slower by itself.",
    ),
    "scale-growth-ray": (
        "From a thousand photos to a million, on Ray",
        "The same with `--executor ray --address ...`, on a Ray cluster of two nodes on this machine, "
        "a core each. The cluster is there before; its services and its workers count.",
    ),
    "scale-kills": (
        "Killed workers, and a node removed",
        "A Ray cluster of two nodes on one machine. Each run has one worker killed by SIGKILL while it is at "
        "work, at a moment that follows from a seed; at last a node is removed with all its processes. The "
        "SHA-256 of all result files is compared with that of an undisturbed run.",
    ),
    "scale-training": (
        "Training with two processes",
        "`edgecls train --distributed`, a small network from scratch. All have the same photos per step.",
    ),
}
"""Name of the record -> title and text, in the order of the page."""
COST = """\
## What a million photos cost

Computed from the photos a second above: the hours of one core that a million photos take, after start-up,
times a price. The price of {price:g} for a core-hour is an example to multiply with, nobody's quote:
`python benchmarks/scale/cost.py --price YOURS` computes it with yours. Transfer, storage and idle machines are
not in it.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Write docs/scale-figures.md.")
    parser.add_argument(
        "--price",
        type=float,
        default=EXAMPLE_PRICE,
        help="of a core-hour [%(default)s, an example]",
    )
    options = parser.parse_args()
    write_atomically(PAGE, page(read_all(RESULTS), options.price))
    print(f"wrote {PAGE}")


def read_all(results: Path) -> dict[str, Figure]:
    """Return the records that are there, by name."""
    paths = {name: results / f"{name}.json" for name in SECTIONS}
    return {name: read_figure(path) for name, path in paths.items() if path.exists()}


def page(figures: Mapping[str, Figure], price: float) -> str:
    """Return the whole page.

    Args:
        figures: Name -> record; those of :data:`SECTIONS` that are not there are named as not measured.
        price: Of a core-hour.
    """
    parts = [HEAD]
    for name, (title, text) in SECTIONS.items():
        if name in figures:
            parts.append(
                "\n".join([f"## {title}", "", *wrap(text, WIDTH), "", *section(figures[name]), ""])
            )
    parts.append(cost_part(list(figures.values()), price))
    missing = [title for name, (title, _) in SECTIONS.items() if name not in figures]
    if missing:
        parts.append(
            "\n".join(["## Not measured yet", "", *(f"- {title}" for title in missing), ""])
        )
    return "\n".join(part for part in parts if part)


def section(figure: Figure) -> list[str]:
    """Return the table of one record, and what it was measured on."""
    is_void = disturbed_in(figure) > 0
    cells = [
        [row.what, shown(row.value, row.unit), row.target, verdict(row, is_void=is_void), row.note]
        for row in figure.rows
        if row.what != DISTURBED
    ]
    columns = ("what", "measured", "target", "reached", "note")
    return [*table(columns, cells), "", origin(figure), *caveats(figure)]


def disturbed_in(figure: Figure) -> int:
    """Return how many commands of a record were disturbed."""
    return int(next((row.value for row in figure.rows if row.what == DISTURBED), 0))


def verdict(row: Row, *, is_void: bool) -> str:
    """Return whether a target is reached; nobody knows of times that were disturbed."""
    is_time = row.unit in TIMES and not row.what.startswith("peak memory")
    return "void" if row.verdict and is_void and is_time else row.verdict


def caveats(figure: Figure) -> list[str]:
    """Return why a record says less than it seems to."""
    found = []
    disturbed = next((row for row in figure.rows if row.what == DISTURBED), None)
    if disturbed is not None and disturbed.value:
        found.append(
            f"**Void in part:** {disturbed.value:.0f} commands were disturbed, {disturbed.note}. Take none "
            "of these times as the machine's own."
        )
    if "--quick" in figure.command.split():
        found.append(
            "**A first look** with few photos (`--quick`): shares and start-up vary by some percent."
        )
    return [line for text in found for line in ("", *wrap(text, WIDTH))]


def cost_part(figures: Sequence[Figure], price: float) -> str:
    """Return the section on cost; empty if nothing was measured."""
    costs = list(costs_in(figures))
    if not costs:
        return ""
    cells = [
        [cost.what, f"{cost.rate:.0f}", f"{cost.core_hours:.2f}", f"{cost.price(price):.3f}"]
        for cost in costs
    ]
    columns = ("photos", "photos/s of a core", "core-hours a million", f"at {price:g} a core-hour")
    return "\n".join([COST.format(price=price), *table(columns, cells), ""])


def shown(value: float, unit: str) -> str:
    """Return a number as it is read: whole from a hundred on, three digits below."""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".strip()


if __name__ == "__main__":
    main()
