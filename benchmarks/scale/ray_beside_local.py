"""Ray on this machine beside the local executor: what an engine for many machines costs on one.

Each command runs with few and with many photos: what lies between is the cost of photos after start-up, and
what is left is start-up, which is told apart. Ray is started by the command itself, as a user without a
cluster does.

    python benchmarks/scale/ray_beside_local.py --photos photos/ --out benchmarks/results/scale-ray.json

About a quarter of an hour on two cores; with --quick one round of few photos. With --work a run that was
stopped goes on.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from figure import Row, describe_machine, figure_of, show, working_directory
from inputs import (
    compare_command,
    is_real,
    kept_of,
    model_for,
    photo_sets,
    run_script,
    scale_arguments,
)
from sides import (
    Pairs,
    Side,
    Sizes,
    disturbed_row,
    every,
    lines_of,
    measure,
    memory_row,
    million_row,
    processor_row,
    rate_row,
    ratio_row,
    spent_s,
    start_row,
)

EXECUTORS = ("local", "ray")
SLOWER = 115.0


def main() -> None:
    parser = scale_arguments("Time compare on Ray beside the local executor.")
    options = parser.parse_args()
    machine = describe_machine()
    workers = options.workers or machine.physical_cores or machine.cores
    rows: list[Row] = []
    ran = []
    with working_directory(options.work) as work:
        kept = kept_of(options, work, "scale-ray")
        for what, sizes in photo_sets(options, work).items():
            sides = sides_of(model_for(what, options, work), workers, has_labels=not is_real(what))
            pairs = measure(sides, sizes, kept, what=what, work=work, machine=machine, plan=options)
            rows += rows_of(what, pairs, sizes, workers)
            ran += every(pairs)
    title = f"Ray on one machine beside the local executor, {workers} workers"
    show(figure_of(title, machine, [disturbed_row(ran), *rows]), options.out)


def sides_of(model: Path, workers: int, *, has_labels: bool) -> list[Side]:
    """Return the two executors."""

    def side(name: str) -> Side:
        def command(shards: Path, results: Path) -> list[str | Path]:
            return compare_command(
                model,
                shards,
                executor=name,
                workers=workers,
                results=results,
                has_labels=has_labels,
            )

        return Side(name=name, command=command, threads=workers)

    return [side(name) for name in EXECUTORS]


def rows_of(what: str, pairs: Pairs, sizes: Sizes, workers: int) -> Iterator[Row]:
    """Yield what was found on one kind of photos."""
    lines = {name: lines_of(rounds, sizes) for name, rounds in pairs.items()}
    local, ray = ([line.photo_s for line in lines[name]] for name in EXECUTORS)
    for name in EXECUTORS:
        yield rate_row(f"{what}: {name}", lines[name])
    title = f"{what}: time of a photo on Ray, of local's, after start-up"
    yield ratio_row(title, ray, local, at_most=SLOWER)
    local_s, ray_s = (spent_s(pairs[name]) for name in EXECUTORS)
    title = f"{what}: processor time of a photo on Ray, of local's"
    yield ratio_row(title, ray_s, local_s)
    yield million_row(f"{what}, Ray with {workers} workers", lines["ray"], workers)
    for name in EXECUTORS:
        yield start_row(f"{what}: {name}, start-up", lines[name])
        yield processor_row(f"{what}: {name}, processor time of a photo", pairs[name], sizes)
        last = pairs[name][-1][1]
        yield memory_row(f"{what}: {name}, peak memory of the driver", [last.driver_bytes])
        yield memory_row(f"{what}: {name}, peak memory of the largest worker", last.worker_bytes)
        yield memory_row(f"{what}: {name}, peak memory of services, added up", [last.engine_bytes])


if __name__ == "__main__":
    run_script(main)
