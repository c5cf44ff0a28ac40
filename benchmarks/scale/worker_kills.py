"""Ray workers killed at random moments on two nodes, and a node removed: are the results the same?

The cluster is ``ray.cluster_utils.Cluster`` on this machine: two nodes with their own services and one core
each. ``edgecls compare --executor ray --address ...`` runs on it again and again; each time one worker that
is at work gets SIGKILL, at a moment that follows from --seed. Then a node is removed with all its processes,
in the middle. The SHA-256 of all result files must be that of an undisturbed run, and that of the local
executor.

    python benchmarks/scale/worker_kills.py --out benchmarks/results/scale-kills.json

About ten minutes on two cores; with --quick one worker and one node.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from edgecls_device.errors import BenchmarkError
from figure import Row, describe_machine, figure_of, run, show, working_directory
from inputs import Shards, compare_command, run_script, scale_arguments, small_file, synthetic
from local_nodes import local_nodes
from processes import Tree, watched

KILLS, QUICK_KILLS = 20, 1
PHOTOS, QUICK_PHOTOS = 60_000, 20_000
WORKERS = 2
AT_WORK = "ray::Map"
MOST_TRIES = 3
LOOK_S = 0.05
LONGEST_S = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """When to strike.

    Attributes:
        share: Of the time that an undisturbed run works, from the first worker at work.
        worker: Which of those at work, counted round.
    """

    share: float
    worker: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Struck:
    """One run with something killed in the middle.

    Attributes:
        seconds: From its start to its end.
        work_s: From the first worker at work to the end.
        is_hit: Whether anything was killed; if not, it was over before.
        parts: How many parts were written at the blow.
        digest: Of all result files.
    """

    seconds: float
    work_s: float
    is_hit: bool
    parts: int
    digest: str


def main() -> None:
    parser = scale_arguments("Kill Ray workers at random moments and compare the results.")
    parser.add_argument("--kills", type=int, help="of workers  [20]")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    machine = describe_machine()
    with working_directory(options.work) as work:
        rows = list(measure(options, work))
    show(figure_of("Workers killed on a Ray cluster of two nodes", machine, rows), options.out)


def measure(options: Namespace, work: Path) -> Iterator[Row]:
    """Run undisturbed, strike again and again, and remove a node."""
    shards = synthetic(work, QUICK_PHOTOS if options.quick else PHOTOS)
    model, results = small_file(work, "int8"), work / "results-kills"
    pieces = len(list(shards.path.glob("*.tar")))
    local = digest_of_local(model, shards, results)
    draw = random.Random(options.seed)
    kills = options.kills or (QUICK_KILLS if options.quick else KILLS)
    with local_nodes(WORKERS) as cluster:
        tree = Tree(os.getpid())

        def command() -> list[str | Path]:
            return compare_command(
                model, shards.path, executor="ray", address=cluster.address, results=results
            )

        undisturbed = struck(command(), results, tree)
        yield Row(what="pieces", value=pieces, unit="", note=f"{shards.photos} photos")
        yield same_row("local executor and Ray undisturbed", [undisturbed], local)

        def blow_of(what: str, moment: Moment, strike: Callable[[], bool]) -> Struck:
            found = struck(command(), results, tree, undisturbed.work_s * moment.share, strike)
            tell(what, found, pieces, undisturbed.digest)
            return found

        blows: list[Struck] = []
        for _ in range(MOST_TRIES * kills):
            if sum(blow.is_hit for blow in blows) == kills:
                break
            moment = draw_moment(draw)
            what = f"kill {len(blows) + 1}, at {moment.share:.0%}"
            blows.append(blow_of(what, moment, lambda worker=moment.worker: kill_one(tree, worker)))
        hits = [blow for blow in blows if blow.is_hit]
        late = len(blows) - len(hits)
        yield Row(
            what="workers killed while at work", value=len(hits), unit="kills", at_least=kills
        )
        yield same_row("a worker killed", blows, undisturbed.digest, f"{late} blows came too late")
        yield time_row("a worker killed", hits or blows, undisturbed)
        gone = blow_of("a node removed", Moment(share=0.4, worker=0), lambda: remove_node(cluster))
        yield same_row("a node removed", [gone], undisturbed.digest)
        yield time_row("a node removed", [gone], undisturbed)
    shutil.rmtree(results, ignore_errors=True)


def draw_moment(draw: random.Random) -> Moment:
    """Draw a moment: anywhere in the work but its very end."""
    return Moment(share=draw.uniform(0.0, 0.9), worker=draw.randrange(WORKERS))


def struck(
    command: Sequence[str | Path],
    results: Path,
    tree: Tree,
    after_s: float = 0.0,
    strike: Callable[[], bool] | None = None,
) -> Struck:
    """Run the command on no results, strike at a moment, and see what became of it.

    Args:
        command: What to run.
        results: Where it writes.
        tree: Of the cluster's processes.
        after_s: When to strike, from the first worker at work.
        strike: Kills something and returns whether there was anything to kill; None for an undisturbed run.

    Raises:
        BenchmarkError: If the command fails, or does not end.
    """
    shutil.rmtree(results, ignore_errors=True)
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            text=True,
        )
        with watched(process):
            work_start = wait_for_work(process, tree)
            is_hit = strike is not None and strike_at(process, work_start + after_s, strike)
            parts = parts_in(results)
            code = finish(process)
        end = time.perf_counter()
        errors.seek(0)
        if code != 0:
            message = f"Expected the command to succeed all the same, got exit code {code}."
            raise BenchmarkError(message, hint=errors.read()[-2000:])
    return Struck(
        seconds=end - start,
        work_s=end - work_start,
        is_hit=is_hit,
        parts=parts,
        digest=digest(results),
    )


def wait_for_work(process: subprocess.Popen[str], tree: Tree) -> float:
    """Wait until a worker is at work, or the command has ended; return when that was."""
    while process.poll() is None and not at_work(tree):
        time.sleep(LOOK_S)
    return time.perf_counter()


def strike_at(process: subprocess.Popen[str], moment: float, strike: Callable[[], bool]) -> bool:
    """Wait for the moment, and try until something is hit; return whether that was before the end."""
    while process.poll() is None:
        if time.perf_counter() >= moment and strike():
            return True
        time.sleep(LOOK_S)
    return False


def finish(process: subprocess.Popen[str]) -> int:
    """Wait for the end and return the exit code.

    Raises:
        BenchmarkError: If it does not end.
    """
    try:
        return process.wait(LONGEST_S)
    except subprocess.TimeoutExpired as error:
        message = f"Expected the command to end within {LONGEST_S:.0f} s, but it still runs."
        raise BenchmarkError(message, hint="see what `ray status` says") from error


def at_work(tree: Tree) -> list[int]:
    """Return the workers that look at photos now; Ray names a process by what it does."""
    tree.look()
    return tree.named(AT_WORK)


def kill_one(tree: Tree, number: int) -> bool:
    """Kill one of the workers that are at work; return whether there was one."""
    workers = at_work(tree)
    if not workers:
        return False
    try:
        os.kill(workers[number % len(workers)], signal.SIGKILL)
    except ProcessLookupError:  # it has ended by itself meanwhile
        return False
    return True


def remove_node(cluster: Any) -> bool:
    """Remove the second node, with all its processes."""
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    return True


def digest_of_local(model: Path, shards: Shards, results: Path) -> str:
    """Return the digest of what the local executor writes."""
    shutil.rmtree(results, ignore_errors=True)
    run(compare_command(model, shards.path, executor="local", workers=WORKERS, results=results))
    return digest(results)


def digest(results: Path) -> str:
    """Return the SHA-256 of names and SHA-256 of all files."""
    whole = hashlib.sha256()
    for path in sorted(path for path in results.rglob("*") if path.is_file()):
        one = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(results)} {one}\n".encode())
    return whole.hexdigest()


def parts_in(results: Path) -> int:
    """Return how many parts are written."""
    return len(list(results.glob("part-*.parquet")))


def same_row(what: str, blows: Sequence[Struck], wanted: str, more: str = "") -> Row:
    """Return how many runs gave the very same files."""
    same = sum(blow.digest == wanted for blow in blows)
    return Row(
        what=f"{what}: same bytes",
        value=100 * same / len(blows),
        unit="%",
        at_least=100,
        note=f"{same} of {len(blows)}; SHA-256 {wanted[:16]}" + (f"; {more}" if more else ""),
    )


def time_row(what: str, blows: Sequence[Struck], undisturbed: Struck) -> Row:
    """Return what a blow costs in time."""
    later = [blow.seconds - undisturbed.seconds for blow in blows]
    note = f"of {undisturbed.seconds:.1f} s; at most {max(later):.1f}" if len(later) > 1 else ""
    return Row(what=f"{what}: takes longer", value=sum(later) / len(later), unit="s", note=note)


def tell(what: str, blow: Struck, pieces: int, wanted: str) -> None:
    """Say how it goes."""
    verdict = "the same" if blow.digest == wanted else "OTHER RESULTS"
    where = f"{blow.parts} of {pieces} parts written" if blow.is_hit else "TOO LATE"
    sys.stderr.write(f"{what}: {where}, {blow.seconds:.1f} s: {verdict}\n")


if __name__ == "__main__":
    run_script(main)
