"""What int8 costs on a folder of photos, over several seeds of the training.

Each seed is trained, exported and compared on the test split. The split follows from the photos and not from
the seed, so all seeds see the same test photos: what is pooled are five models, and the intervals are those of
the photos, each counted once with its mean over the seeds.

    python benchmarks/figures/seeds.py photos/ --out benchmarks/results/seeds.json
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgecls_bench.metrics import wilson_interval
from edgecls_bench.paired import tango_interval
from figure import (
    Row,
    arguments,
    describe_machine,
    edgecls,
    figure_of,
    run,
    show,
    working_directory,
)

RECIPES = "float32,int8"


@dataclass(kw_only=True, slots=True)
class Pool:
    """Counts of one artifact over all seeds."""

    looks: int = 0
    right: int = 0
    reference_right: int = 0
    losses: int = 0
    gains: int = 0
    agreeing: int = 0
    errors: list[float] = field(default_factory=list)
    worst: float = 0.0

    def add(self, comparison: Mapping[str, Any], case: Mapping[str, Any]) -> None:
        """Count one artifact of one seed against the reference."""
        reference = next(c for c in comparison["cases"] if c["artifact"] == comparison["reference"])
        true = comparison["class_ids"]
        pairs = list(zip(true, reference["predicted"], case["predicted"], strict=True))
        self.looks += len(pairs)
        self.right += sum(truth == other for truth, _, other in pairs)
        self.reference_right += sum(truth == first for truth, first, _ in pairs)
        self.losses += sum(truth == first != other for truth, first, other in pairs)
        self.gains += sum(truth == other != first for truth, first, other in pairs)
        self.agreeing += sum(first == other for _, first, other in pairs)
        self.errors.append(case["mean_score_error"])
        self.worst = max(self.worst, case["worst_score_error"])


def main() -> None:
    parser = arguments("Train, export and compare with several seeds.")
    parser.add_argument("photos", type=Path, help="folder of class folders")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    machine = describe_machine()
    pools: dict[str, Pool] = {}
    with working_directory(options.work) as work:
        for seed in range(options.seeds):
            comparison = one_seed(
                options.photos.absolute(), work / "seeds" / str(seed) / "pets", seed
            )
            for case in comparison["cases"]:
                if case["recipe"] == "int8":
                    name = f"{case['format']} int8"
                    pools.setdefault(name, Pool()).add(comparison, case)
    photos = len(comparison["photos"])
    rows = [
        Row(what="seeds", value=options.seeds, unit=""),
        Row(what="test photos of each", value=photos, unit="photos"),
        *(row for name, pool in pools.items() for row in pool_rows(name, pool, photos)),
    ]
    show(figure_of(f"int8 over {options.seeds} seeds", machine, rows), options.out)


def one_seed(photos: Path, directory: Path, seed: int) -> Any:
    """Train, export and compare once; return the comparison."""
    shutil.rmtree(directory, ignore_errors=True)
    run(edgecls("train", photos, "--out", directory, "--seed", str(seed)))
    run(edgecls("export", directory, "--recipe", RECIPES, "--no-stability"))
    return json.loads(run(edgecls("compare", directory, "--json")).output)


def pool_rows(name: str, pool: Pool, photos: int) -> Iterator[Row]:
    """Yield the figures of one artifact.

    Args:
        name: What to call it.
        pool: Its counts over all seeds.
        photos: Different photos among them, which the intervals rest on.
    """
    share = photos / pool.looks
    drop = 100 * (pool.losses - pool.gains) / pool.looks
    low, high = (
        100 * end for end in tango_interval(share * pool.losses, share * pool.gains, photos)
    )
    least, _ = wilson_interval(share * pool.agreeing, photos)
    yield Row(
        what=f"{name}: float32 top-1", value=100 * pool.reference_right / pool.looks, unit="%"
    )
    yield Row(what=f"{name}: top-1", value=100 * pool.right / pool.looks, unit="%")
    yield Row(
        what=f"{name}: accuracy lost",
        value=drop,
        unit="points",
        at_most=0.1,
        note=f"{pool.losses} lost, {pool.gains} gained of {pool.looks}; 95 % interval {low:.2f} to {high:.2f}",
    )
    yield Row(
        what=f"{name}: agreement",
        value=100 * pool.agreeing / pool.looks,
        unit="%",
        at_least=99.7,
        note=f"{pool.looks - pool.agreeing} differ; 95 % interval from {100 * least:.2f}",
    )
    yield Row(what=f"{name}: mean score error", value=_mean(pool.errors), unit="")
    yield Row(what=f"{name}: worst score error", value=pool.worst, unit="")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
