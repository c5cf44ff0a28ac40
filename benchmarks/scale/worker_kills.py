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
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from edgecls_device.errors import BenchmarkError
from figure import Row, describe_machine, figure_of, run, show, working_directory
from inputs import Shards, compare_command, run_script, scale_arguments, small_file, synthetic
from processes import Tree

KILLS, QUICK_KILLS = 20, 1
PHOTOS, QUICK_PHOTOS = 30_000, 10_000
WORKERS = 2
LOOK_S = 0.02
LONGEST_S = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """When to strike.

    Attributes:
        parts: After so many parts were written.
        later_s: And so much later.
        worker: Which of those at work, counted round.
    """

    parts: int
    later_s: float
    worker: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Struck:
    """One run with something killed in the middle.

    Attributes:
        seconds: From its start to its end.
        parts: How many parts were there at the blow; all of them if it came too late.
        digest: Of all result files.
    """

    seconds: float
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
    with two_nodes() as cluster:
        tree = Tree(os.getpid())

        def command() -> list[str | Path]:
            words = compare_command(
                model, shards.path, executor="ray", workers=WORKERS, results=results
            )
            return [*words, "--address", cluster.address]

        undisturbed = struck(command(), results, None, lambda: True)
        yield Row(what="pieces", value=pieces, unit="", note=f"{shards.photos} photos")
        yield same_row("local executor and Ray undisturbed", [undisturbed], local)
        blows = []
        for number in range(kills):
            moment = draw_moment(draw, pieces, undisturbed.seconds)
            blow = struck(command(), results, moment, lambda m=moment: kill_one(tree, m.worker))
            tell(f"kill {number + 1} of {kills}", blow, pieces, undisturbed.digest)
            blows.append(blow)
        yield same_row("a worker killed", blows, undisturbed.digest)
        late = sum(blow.parts >= pieces for blow in blows)
        yield Row(what="kills that came too late", value=late, unit="runs", at_most=0)
        yield time_row("a worker killed", blows, undisturbed)
        moment = Moment(parts=pieces // 3, later_s=0.1, worker=0)
        blow = struck(command(), results, moment, lambda: remove_node(cluster))
        tell("a node removed", blow, pieces, undisturbed.digest)
        yield same_row("a node removed", [blow], undisturbed.digest)
        yield time_row("a node removed", [blow], undisturbed)
    shutil.rmtree(results, ignore_errors=True)


def draw_moment(draw: random.Random, pieces: int, seconds: float) -> Moment:
    """Draw a moment: anywhere in the work, between the first part and the last but two."""
    parts = draw.randrange(0, max(1, pieces - 2 * WORKERS))
    return Moment(
        parts=parts,
        later_s=draw.random() * WORKERS * seconds / pieces / 2,
        worker=draw.randrange(WORKERS),
    )


def struck(
    command: list[str | Path], results: Path, moment: Moment | None, strike: Callable[[], bool]
) -> Struck:
    """Run the command on no results, strike at a moment, and see what became of it.

    Raises:
        BenchmarkError: If the command fails, or does not end.
    """
    shutil.rmtree(results, ignore_errors=True)
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    at_blow = parts_in(results) if moment is None else blow_at(process, results, moment, strike)
    try:
        _, errors = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        message = f"Expected the command to end within {LONGEST_S:.0f} s, got none."
        raise BenchmarkError(message) from error
    if process.returncode != 0:
        message = (
            f"Expected the command to go on after the blow, got exit code {process.returncode}."
        )
        raise BenchmarkError(message, hint=errors[-2000:])
    seconds = time.perf_counter() - start
    return Struck(seconds=seconds, parts=at_blow, digest=digest(results))


def blow_at(
    process: subprocess.Popen[str], results: Path, moment: Moment, strike: Callable[[], bool]
) -> int:
    """Wait for the moment, and strike until it hits; return how many parts were there."""
    while process.poll() is None and parts_in(results) < moment.parts:
        time.sleep(LOOK_S)
    time.sleep(moment.later_s)
    while process.poll() is None:
        there = parts_in(results)
        if strike():
            return there
        time.sleep(LOOK_S)
    return parts_in(results)


def kill_one(tree: Tree, number: int) -> bool:
    """Kill one of the workers that are at work; return whether there was one."""
    tree.look()
    busy = [pid for pid in tree.named("ray::") if pid not in set(tree.named("ray::IDLE"))]
    if not busy:
        return False
    with suppress(ProcessLookupError):  # it has ended by itself meanwhile
        os.kill(busy[number % len(busy)], signal.SIGKILL)
        return True
    return False


def remove_node(cluster: Any) -> bool:
    """Remove the second node, with all its processes."""
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    return True


@contextmanager
def two_nodes() -> Iterator[Any]:
    """Give a Ray cluster of two nodes on this machine, on loopback."""
    from ray.cluster_utils import Cluster

    started = time.perf_counter()
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False, "node_ip_address": "127.0.0.1"},
    )
    try:
        cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
        sys.stderr.write(f"two nodes after {time.perf_counter() - started:.1f} s\n")
        yield cluster
    finally:
        cluster.shutdown()


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


def same_row(what: str, blows: list[Struck], wanted: str) -> Row:
    """Return how many runs gave the very same files."""
    same = sum(blow.digest == wanted for blow in blows)
    return Row(
        what=f"{what}: same bytes",
        value=100 * same / len(blows),
        unit="%",
        at_least=100,
        note=f"{same} of {len(blows)}; SHA-256 {wanted[:16]}",
    )


def time_row(what: str, blows: list[Struck], undisturbed: Struck) -> Row:
    """Return what a blow costs in time."""
    later = [blow.seconds - undisturbed.seconds for blow in blows]
    note = f"of {undisturbed.seconds:.1f} s; at most {max(later):.1f}" if len(later) > 1 else ""
    return Row(what=f"{what}: takes longer", value=sum(later) / len(later), unit="s", note=note)


def tell(what: str, blow: Struck, pieces: int, wanted: str) -> None:
    """Say how it goes."""
    verdict = "the same" if blow.digest == wanted else "OTHER RESULTS"
    where = f"after {blow.parts} of {pieces} parts"
    sys.stderr.write(f"{what}: {where}, {blow.seconds:.1f} s: {verdict}\n")


if __name__ == "__main__":
    run_script(main)
