"""Write ``benchmarks/RESULTS.md`` from the figures in ``benchmarks/results``.

python benchmarks/figures/readable.py
"""

import re
from pathlib import Path

from edgecls_device.files import read_bytes, write_atomically
from edgecls_device.records import from_json
from figure import Figure

BENCHMARKS = Path(__file__).resolve().parents[1]
ORDER = (
    "training",
    "export",
    "first_label",
    "demo",
    "seeds",
    "thousand_classes",
    "diagnosis",
    "tuning",
    "compare_speed",
)
PAGES = {
    "recipes": "recipes.md",
    "backbones": "backbones.md",
    "peers": "peers.md",
    "scale": "scale-figures.md",
}  # those with a page in docs
HEAD = """\
# Measured

Written by `benchmarks/figures/readable.py` from `benchmarks/results/*.json`; `scripts/bench PHOTOS` measures
everything anew. What was expected before is in `NOTES.md`. Nothing here is asserted in a test.
"""


def main() -> None:
    found = {path.stem: path for path in (BENCHMARKS / "results").glob("*.json")}
    with_page = {name for name in found if re.split("[_-]", name)[0] in PAGES}
    rest = sorted(set(found) - set(ORDER) - with_page)
    names = [name for name in ORDER if name in found] + rest
    parts = [section(found[name]) for name in names]
    links = [f"[docs/{page}](../docs/{page})" for page in PAGES.values()]
    tail = f"## Recipes, backbones, peers, scale\n\nTheir tables are in {', '.join(links)}.\n"
    write_atomically(BENCHMARKS / "RESULTS.md", "\n".join([HEAD, *parts, tail]))
    print(f"wrote {BENCHMARKS / 'RESULTS.md'}")


def section(path: Path) -> str:
    """Return one figure as Markdown."""
    figure = from_json(Figure, read_bytes(path, max_bytes=1_000_000), name=str(path))
    machine = figure.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    has_notes = any(row.note for row in figure.rows)
    lines = [
        f"## {figure.title}",
        "",
        f"{machine.model}, {machine.cores} cores, {machine.memory_bytes / 1e9:.0f} GB, {machine.system}, "
        f"Python {machine.python}, {machine.busy_cores:g} cores busy with other programs; {packages}.",
        f"{figure.created}, commit `{figure.commit}`: `{figure.command}`",
        "",
        "| what | value | target | reached |" + (" note |" if has_notes else ""),
        "|---|---|---|---|" + ("---|" if has_notes else ""),
    ]
    lines += [
        f"| {row.what} | {row.value:.4g} {row.unit} | {row.target} | {row.verdict} |"
        + (f" {row.note} |" if has_notes else "")
        for row in figure.rows
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
