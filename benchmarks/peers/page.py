"""The tables of docs/peers.md, written from the records in benchmarks/results.

python benchmarks/peers/page.py
"""

import sys
from collections.abc import Sequence
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCHMARKS / "figures"))

from edgecls_device.files import read_bytes  # noqa: E402 - after the path to the figures
from edgecls_device.records import from_json  # noqa: E402
from figure import Figure, Row  # noqa: E402
from pages import DOCS, by_name, origin, replace_part, table  # noqa: E402

PAGE = DOCS / "peers.md"
MAX_BYTES = 1_000_000


def main() -> None:
    write_page(read(BENCHMARKS / "results" / "peers.json"))
    write_training(read(BENCHMARKS / "results" / "training.json"))


def read(path: Path) -> Figure:
    """Read a record."""
    return from_json(Figure, read_bytes(path, max_bytes=MAX_BYTES), name=str(path))


def write_page(figure: Figure) -> None:
    """Write the three tables of ways to classify."""
    named = by_name([row for row in figure.rows if ": " in row.what])
    ratios = [row for row in figure.rows if ": " not in row.what]
    loops = {name: rows for name, rows in named.items() if "p50" in rows}
    starts = {name: rows for name, rows in named.items() if "first label" in rows}
    replace_part(PAGE, "ratios", [*ratio_table(ratios), "", origin(figure)])
    replace_part(PAGE, "latency", loop_table(loops))
    replace_part(PAGE, "starts", start_table(starts))
    versions = ", ".join(f"{name} {text}" for name, text in figure.machine.packages.items())
    replace_part(PAGE, "versions", [f"{versions}; Python {figure.machine.python}."])


def write_training(figure: Figure) -> None:
    """Write the table of training."""
    rows = [row for row in figure.rows if not row.what.startswith("cold, ")]
    replace_part(PAGE, "training", [*ratio_table(rows, notes="note"), "", origin(figure)])


def ratio_table(rows: Sequence[Row], *, notes: str = "rounds") -> list[str]:
    """Return rows with their targets; ``notes`` is what stands above their notes."""
    cells = [
        [row.what, f"{row.value:.3g} {row.unit}", row.note, row.target, row.verdict] for row in rows
    ]
    return table(("what", "measured", notes, "target", "reached"), cells)


def loop_table(loops: dict) -> list[str]:
    """Return a line for each way, file, size and number of threads."""
    columns = {"p50": ".2f", "p99": ".2f", "frames a second": ".0f", "cores it kept busy": ".2f"}
    cells = [[*_cells_of(name), *_values(rows, columns)] for name, rows in loops.items()]
    heads = ("way", "file", "frames", "threads", "p50 ms", "p99 ms", "frames/s", "cores busy")
    return table(heads, cells)


def start_table(starts: dict) -> list[str]:
    """Return a line for each way and file."""
    columns = {"first label": ".2f", "peak memory": ".0f"}
    cells = []
    for name, rows in starts.items():
        way, file, threads = name.split(", ")
        cells.append([way, file, threads.split()[0], *_values(rows, columns)])
    return table(("way", "file", "threads", "first label s", "peak memory MB"), cells)


def _cells_of(name: str) -> list[str]:
    way, file, frames, threads = name.split(", ")
    return [way, file, frames, threads.split()[0]]


def _values(rows: dict, columns: dict[str, str]) -> list[str]:
    return [f"{rows[key].value:{form}}" if key in rows else "" for key, form in columns.items()]


if __name__ == "__main__":
    main()
