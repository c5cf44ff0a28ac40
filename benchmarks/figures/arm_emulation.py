"""Bundles on emulated Raspberry Pis: their sizes, how long they install, and the first label beside x86.

python benchmarks/figures/arm_emulation.py runs/arm
"""

import resource
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from figure import Row, arguments, describe_machine, figure_of, show, working_directory

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))  # the emulation belongs to the tests

from tests.arm.bundles import make_bundle  # noqa: E402
from tests.arm.pi import EDGECLS, HOME, ROOT, Finished, Pi  # noqa: E402
from tests.arm.root_file_systems import default_cache, root_file_system, unpack  # noqa: E402
from tests.arm.systems import SYSTEMS  # noqa: E402

LARGEST_MB = {"bookworm64": 90, "trixie64": 90, "bookworm32": 40}
X86 = "linux-x86_64"


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A command that ended well.

    Attributes:
        finished: What it printed.
        seconds: How long it took.
        cpu_s: Seconds of processors that it and all it started used, the emulator's among them.
    """

    finished: Finished
    seconds: float
    cpu_s: float


def main() -> None:
    parser = arguments("Install bundles on emulated computers and time the first label.")
    parser.add_argument("run", type=Path, help="an exported run")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    machine = describe_machine()
    rows: list[Row] = []
    with working_directory(options.work) as work:
        run = work / "shapes"
        shutil.copytree(options.run, run, ignore=shutil.ignore_patterns("bundles", "features"))
        first: dict[str, float] = {}
        for name in (*LARGEST_MB, X86):
            bundle = make_bundle(run, name)
            with installed(name, bundle, work, rows) as pi:
                first[name] = first_label(pi, options.rounds)
                if name == X86:
                    first["native"] = first_label(native(pi), options.rounds)
        rows += [
            Row(what=f"first label, {name}, seconds of a processor", value=cpu_s, unit="s")
            for name, cpu_s in first.items()
        ]
        rows += [
            Row(
                what=f"first label, {name} / {X86}, both emulated",
                value=first[name] / first[X86],
                unit="times",
                at_most=3,
            )
            for name in LARGEST_MB
        ]
        rows.append(
            Row(
                what=f"first label, {X86}, emulated / native",
                value=first[X86] / first["native"],
                unit="times",
            )
        )
    show(figure_of("Bundles on emulated computers", machine, rows), options.out)


@contextmanager
def installed(name: str, bundle: Path, work: Path, rows: list[Row]) -> Iterator[Pi]:
    """Give a computer with a bundle installed, and tell how that went."""
    system = SYSTEMS[name]
    tarball = root_file_system(
        system, cache=default_cache(), say=lambda text: print(text, file=sys.stderr)
    )
    with unpack(tarball, under=work) as root:
        pi = Pi(system=system, below=(root,), layer=work / f"layer-{name}").with_files(bundle)
        rows.append(
            Row(
                what=f"bundle, {name}",
                value=bundle.stat().st_size / 1e6,
                unit="MB",
                at_most=LARGEST_MB.get(name),
            )
        )
        done = timed(pi, "python3", f"{HOME}/{bundle.name}", "--no-service")
        limit = 120 if name in LARGEST_MB else None
        rows.append(Row(what=f"install, {name}", value=done.seconds, unit="s", at_most=limit))
        rows.append(Row(what=f"install, {name}, seconds of processors", value=done.cpu_s, unit="s"))
        yield pi


def native(pi: Pi) -> Pi:
    """Return the same computer without an emulator."""
    return replace(pi, sensors=("--native",))


def first_label(pi: Pi, rounds: int) -> float:
    """Return the seconds of a processor from the command to the first label: a median, on a warm disk."""
    folder = f"{ROOT}/confirmed"
    command = (
        f"exec {EDGECLS} run {folder}/artifacts/*.tflite --source {folder}/golden/photos/000.jpg"
    )
    label = ("sh", "-c", f"{command} --json --threads 1")
    timed(pi, *label)
    pairs = [(timed(pi, *label), timed(pi, "true")) for _ in range(rounds)]
    return median(done.cpu_s - nothing.cpu_s for done, nothing in pairs)


def timed(pi: Pi, *command: str) -> Timed:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    finished = pi.run(*command)
    seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if finished.code:
        sys.exit(f"Expected '{' '.join(command)}' to succeed, got: {finished.printed}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stderr.write(
        f"{pi.system.name}: {seconds:.1f} s, {cpu_s:.1f} s of processors: {' '.join(command)}\n"
    )
    return Timed(finished=finished, seconds=seconds, cpu_s=cpu_s)


if __name__ == "__main__":
    main()
