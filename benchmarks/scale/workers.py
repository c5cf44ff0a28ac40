"""Two workers beside one, and both beside the bare loop, in turn: ``edgecls compare`` with the local executor.

Two sets of photos: small synthetic ones, of which each takes so little that whatever the tool does besides
shows, and, with --photos, real ones. Each command runs with few and with many photos. What lies between is
the cost of photos after start-up, by which the shares are told; those of whole commands stand beside them.

    python benchmarks/scale/workers.py --photos photos/ --out benchmarks/results/scale-workers.json

About a quarter of an hour on two cores; with --quick one round of few photos. With --work a run that was
stopped goes on.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from figure import Row, describe_machine, figure_of, show, working_directory
from inputs import (
    BARE,
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
    million_row,
    processor_row,
    rate_row,
    ratio_row,
    share_row,
    spent_s,
    start_row,
)

LINEAR = 90.0
ONE, ALL, BARE_ONE, BARE_ALL = "compare, 1 worker", "compare, all", "bare, 1 process", "bare, all"


def main() -> None:
    parser = scale_arguments("Time compare with one and with all workers beside the bare loop.")
    options = parser.parse_args()
    machine = describe_machine()
    workers = options.workers or machine.physical_cores or machine.cores
    rows: list[Row] = []
    ran = []
    with working_directory(options.work) as work:
        kept = kept_of(options, work, "scale-workers")
        for what, sizes in photo_sets(options, work).items():
            sides = sides_of(model_for(what, options, work), workers, has_labels=not is_real(what))
            pairs = measure(sides, sizes, kept, what=what, work=work, machine=machine, plan=options)
            rows += rows_of(what, pairs, sizes, workers)
            ran += every(pairs)
    title = f"compare with 1 and {workers} workers"
    show(figure_of(title, machine, [disturbed_row(ran), *rows]), options.out)


def sides_of(model: Path, workers: int, *, has_labels: bool) -> list[Side]:
    """Return the four ways to look at the same photos."""

    def ours(count: int) -> Side:
        def command(shards: Path, results: Path) -> list[str | Path]:
            return compare_command(
                model,
                shards,
                executor="local",
                workers=count,
                results=results,
                has_labels=has_labels,
            )

        return Side(name=ONE if count == 1 else ALL, command=command, threads=count)

    def bare(count: int) -> Side:
        def command(shards: Path, _results: Path) -> list[str | Path]:
            return [sys.executable, BARE, model, shards, "--processes", str(count)]

        return Side(name=BARE_ONE if count == 1 else BARE_ALL, command=command, threads=count)

    return [ours(1), ours(workers), bare(1), bare(workers)]


def rows_of(what: str, pairs: Pairs, sizes: Sizes, workers: int) -> Iterator[Row]:
    """Yield what was found on one kind of photos."""
    lines = {name: lines_of(rounds, sizes) for name, rounds in pairs.items()}
    photo_s = {name: [line.photo_s for line in ones] for name, ones in lines.items()}
    whole_s = {name: [many.seconds for _, many in rounds] for name, rounds in pairs.items()}
    for name in (ONE, ALL):
        yield rate_row(f"{what}: {_named(name, workers)}", lines[name])
    yield share_row(
        f"{what}: {workers} workers of linear, after start-up",
        photo_s[ONE],
        photo_s[ALL],
        workers,
        at_least=LINEAR,
    )
    yield share_row(
        f"{what}: the same, whole command on {sizes.many.photos} photos",
        whole_s[ONE],
        whole_s[ALL],
        workers,
    )
    yield million_row(f"{what}, {workers} workers", lines[ALL], workers)
    for name in (BARE_ONE, BARE_ALL):
        yield rate_row(f"{what}: {_named(name, workers)}", lines[name])
    yield share_row(
        f"{what}: {workers} bare processes of linear", photo_s[BARE_ONE], photo_s[BARE_ALL], workers
    )
    for ours, bare in ((ONE, BARE_ONE), (ALL, BARE_ALL)):
        title = f"{what}: {_named(ours, workers)}, speed of the bare loop's"
        yield ratio_row(title, photo_s[bare], photo_s[ours])
    for name in (ONE, ALL, BARE_ONE, BARE_ALL):
        title = f"{what}: {_named(name, workers)}, processor time of a photo"
        yield processor_row(title, pairs[name], sizes)
    spent = {name: spent_s(rounds) for name, rounds in pairs.items()}
    title = f"{what}: {workers} workers of linear, by processor time"
    yield ratio_row(title, spent[ONE], spent[ALL])
    title = f"{what}: {_named(ONE, workers)}, speed of the bare loop's by processor time"
    yield ratio_row(title, spent[BARE_ONE], spent[ONE])
    for name in (ONE, ALL):
        yield start_row(f"{what}: {_named(name, workers)}, start-up", lines[name])


def _named(name: str, workers: int) -> str:
    """Return the name with its number of workers."""
    kind = "processes" if name == BARE_ALL else "workers"
    return name.replace("all", f"{workers} {kind}")


if __name__ == "__main__":
    run_script(main)
