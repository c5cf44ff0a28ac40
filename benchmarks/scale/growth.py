"""What a photo costs, and how much memory it takes, from a thousand photos to a million.

``edgecls compare`` on synthetic shards. Of each number of photos: seconds, processor time, and the largest
resident memory of the command's own process and of each worker, read from /proc. The small numbers are
measured several times, half of them after the large ones, so that a machine that grew slower meanwhile shows.

    python benchmarks/scale/growth.py --work scale/ --out benchmarks/results/scale-growth.json

With --executor ray the same on Ray, which the command starts on this machine; with --nodes 2 as well on a
cluster of two nodes here, ``ray.cluster_utils.Cluster``, which is started anew for each measurement.

A million photos take 3 GB in --work and about a quarter of an hour on two cores; a run that was stopped goes on
from the last number of photos that was done. With --quick: 1000 and 10,000.
"""

import json
import os
import shutil
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from arithmetic import line_through, middle_of, steady_s, tenths
from edgecls_bench.machine import Machine
from figure import Row, describe_machine, figure_of, show, working_directory
from inputs import (
    PER_SHARD,
    attempts_of,
    compare_command,
    kept_of,
    rounds_of,
    run_script,
    scale_arguments,
    small_file,
    synthetic,
)
from local_nodes import local_nodes
from processes import Ran, children, watch
from sides import disturbed_row, memory_row, million_row

SIZES = (1000, 10_000, 100_000, 1_000_000)
QUICK = (1000, 10_000)
OFTEN = 10_000
"""Up to so many photos are measured again and again: a second more or less counts there."""
GROWTH = 110.0
MOST_NODES = 9


def main() -> None:
    parser = scale_arguments("Measure what a photo costs with more and more of them.")
    parser.add_argument(
        "--sizes", type=_numbers, help="numbers of photos, commas between  [1000 to 1000000]"
    )
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    parser.add_argument(
        "--nodes", type=int, choices=range(1, MOST_NODES + 1), help="of a Ray cluster, a core each"
    )
    options = parser.parse_args()
    if options.nodes and (options.executor != "ray" or options.workers):
        parser.error("--nodes is for --executor ray, without --workers: each node has one")
    sizes = options.sizes or (QUICK if options.quick else SIZES)
    machine = describe_machine()
    workers = options.nodes or options.workers or machine.physical_cores or machine.cores
    where = options.executor + (f", {options.nodes} nodes" if options.nodes else "")
    with working_directory(options.work) as work:
        name = "-".join(where.replace(",", "").split())
        kept = kept_of(options, work, f"scale-growth-{name}")
        model = small_file(work, "int8")
        found: dict[int, list[Ran]] = {size: [] for size in sizes}
        for size, number in order_of(sizes, rounds_of(options)):
            key = f"{size} photos, {workers} workers, round {number}"
            ran = kept.ran(
                key,
                lambda size=size: one(model, size, work, machine, workers, options),
            )
            found[size].append(ran)
    rows = [disturbed_row(ran for ones in found.values() for ran in ones)]
    rows += rows_of(found, workers, where)
    title = f"From {min(sizes)} to {max(sizes)} photos, executor {where}, {workers} workers"
    show(figure_of(title, machine, rows), options.out)


def order_of(sizes: Sequence[int], rounds: int) -> list[tuple[int, int]]:
    """Return (number of photos, which time): small numbers before and after the large ones."""
    small = [size for size in sizes if size <= OFTEN]
    large = [(size, 1) for size in sizes if size > OFTEN]
    times = [(size, number) for number in range(1, rounds + 1) for size in small]
    half = len(small) * -(-rounds // 2)
    return [*times[:half], *large, *times[half:]]


def one(
    model: Path, photos: int, work: Path, machine: Machine, workers: int, options: Namespace
) -> Ran:
    """Evaluate on so many photos, and note when the parts were written."""
    shards, results = synthetic(work, photos).path, work / f"results-{photos}"

    def remove() -> None:
        shutil.rmtree(results, ignore_errors=True)

    with _nodes(options) as address:
        command = compare_command(
            model,
            shards,
            executor=options.executor,
            address=address,
            workers=None if address else workers,  # all cores, as a user would
            results=results,
        )
        ran = watch(
            command,
            machine=machine,
            threads=workers,
            attempts=attempts_of(options),
            before=remove,
            beside=children(os.getpid()),
        )
    written = sorted(path.stat().st_mtime for path in results.glob("part-*.parquet"))
    remove()
    return replace(
        ran,
        output=json.dumps(
            {"steady_s": steady_s(written, workers), "tenths": tenths(written, workers)}
        ),
    )


@contextmanager
def _nodes(options: Namespace) -> Iterator[str]:
    """Give the address of a cluster; "" where none was asked for."""
    if not options.nodes:
        yield ""
        return
    with local_nodes(options.nodes) as cluster:
        yield cluster.address


def rows_of(found: Mapping[int, Sequence[Ran]], workers: int, executor: str) -> Iterator[Row]:
    """Yield what each number of photos takes, and how that grows."""
    seconds = {size: median(ran.seconds for ran in ones) for size, ones in found.items()}
    least = min(found)
    costs_us = {}
    for size, ones in found.items():
        middle = middle_of([ran.seconds for ran in ones])
        yield Row(what=f"{size}: whole command", value=middle.value, unit="s", note=middle.note)
        yield Row(what=f"{size}: photos a second", value=size / middle.value, unit="photos/s")
        if size > least:
            line = line_through((least, seconds[least]), (size, middle.value))
            costs_us[size] = 1e6 * line.photo_s
            title = f"{size}: time of a photo after start-up"
            yield Row(what=title, value=costs_us[size], unit="us")
            yield million_row(f"{size} synthetic photos, {executor}", [line], workers)
        spent = median(ran.processor_s for ran in ones) / size
        yield Row(what=f"{size}: processor time of a photo", value=1e6 * spent, unit="us")
        steady = steady_us(ones)
        if steady:
            title = f"{size}: time of a photo while all workers are at work"
            yield Row(what=title, value=steady, unit="us")
        yield from _steady_rows(size, ones)
        yield memory_row(f"{size}: peak memory of the driver", [ran.driver_bytes for ran in ones])
        peaks = [peak for ran in ones for peak in ran.worker_bytes]
        yield memory_row(f"{size}: peak memory of the largest worker", peaks)
    yield from _growth_rows(seconds, costs_us, found)


def steady_us(ones: Sequence[Ran]) -> float | None:
    """Return the time of a photo while all workers are at work; None if there are too few parts to tell."""
    found = [json.loads(ran.output)["steady_s"] for ran in ones]
    return None if None in found else 1e6 * median(found) / PER_SHARD


def _steady_rows(size: int, ones: Sequence[Ran]) -> Iterator[Row]:
    tenths_s = json.loads(ones[-1].output)["tenths"]
    if tenths_s:
        first, last = tenths_s
        title = f"{size}: time of the last tenth, of the first's"
        yield Row(what=title, value=100 * last / first, unit="%", at_most=GROWTH)


def _growth_rows(
    seconds: Mapping[int, float], costs_us: Mapping[int, float], found: Mapping[int, Sequence[Ran]]
) -> Iterator[Row]:
    """Yield the largest number of photos beside that from which the growth is told."""
    most = max(seconds)
    base = OFTEN if OFTEN in costs_us else min(costs_us, default=most)
    if base == most:
        return
    names = f"at {most}, of that at {base}"
    ratio = 100 * costs_us[most] / costs_us[base]
    yield Row(what=f"time of a photo after start-up {names}", value=ratio, unit="%", at_most=GROWTH)
    large_us, small_us = steady_us(found[most]), steady_us(found[base])
    if large_us and small_us:
        title = f"time of a photo while all workers are at work {names}"
        yield Row(what=title, value=100 * large_us / small_us, unit="%", at_most=GROWTH)
    whole = 100 * (seconds[most] / most) / (seconds[base] / base)
    yield Row(
        what=f"time of a photo, start-up in it, {names}", value=whole, unit="%", at_most=GROWTH
    )
    for who, peaks in (
        ("the driver", lambda ran: ran.driver_bytes),
        ("the largest worker", lambda ran: max(ran.worker_bytes, default=0)),
    ):
        large, small = (max(map(peaks, found[size])) for size in (most, base))
        if small:
            title = f"peak memory of {who} {names}"
            yield Row(what=title, value=100 * large / small, unit="%", at_most=GROWTH)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        found = tuple(sorted({int(word) for word in text.split(",")}))
    except ValueError:
        found = ()
    if not found or found[0] < 1:
        message = f"Expected numbers of photos with commas between them, got {text!r}."
        raise ArgumentTypeError(message)
    return found


if __name__ == "__main__":
    run_script(main)
