"""How many photos prove what: the gate's own answers, as a table in docs/recipes.md.

A drop without gains and the same number of other labels come out alike, so one table is for both limits.

    python benchmarks/figures/gate_table.py
"""

from edgecls_bench.comparison import Gate
from edgecls_bench.gate import judge
from edgecls_bench.paired import paired_counts
from pages import DOCS, replace_part, table

PHOTOS = (100, 200, 400, 1000, 2000, 4000, 10000)
LIMITS = (0.005, 0.01, 0.02)
COLUMNS = (
    "photos",
    *(f"limit {100 * limit:g} points, {100 - 100 * limit:g} %" for limit in LIMITS),
)


def main() -> None:
    rows = [[str(n), *(_shown(most_differing(n, limit)) for limit in LIMITS)] for n in PHOTOS]
    replace_part(DOCS / "recipes.md", "gate", table(COLUMNS, rows))


def most_lost(photos: int, limit: float) -> int:
    """Return how many photos may be lost, and none gained, while ``--max-drop`` holds; -1 if not 0."""
    gate = Gate(max_drop=limit)
    return _most(lambda n: judge(gate, paired_counts(n, 0, photos), photos, photos).verdict)


def most_differing(photos: int, limit: float) -> int:
    """Return how many photos may get another label while ``--min-agreement`` holds; -1 if not 0."""
    gate = Gate(min_agreement=1 - limit)
    return _most(lambda n: judge(gate, None, photos - n, photos).verdict)


def _most(verdict) -> int:
    count = 0
    while verdict(count) == "holds":
        count += 1
    return count - 1


def _shown(most: int) -> str:
    return "too few photos" if most < 0 else f"up to {most}" if most else "none"


if __name__ == "__main__":
    main()
