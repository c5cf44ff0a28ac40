"""What others do with the same model file and the same frames, beside edgecls, measured in one run.

Each way runs in fresh processes, in several rounds of random order: the runtime alone, a bare script, a script
in the manner of label_image, MediaPipe Tasks, Ultralytics, OpenCV's DNN module and edgecls. What they need is
installed into environments of their own under --environments, the first time only (7 GB, most of it PyTorch).

    python benchmarks/peers/peers.py runs/pets --out benchmarks/results/peers.json

RUN has int8.tflite, int8.onnx and float32.onnx among its exports. With this very --out the tables of
docs/peers.md are written too. Close other programs first: what they disturb is repeated, and then told.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from edgecls_bench.sensors import Sensors
from edgecls_bench.watch import Watch
from edgecls_device.errors import EdgeclsError
from edgecls_device.files import write_atomically
from environments import ENVIRONMENTS, OURS, python_of, versions_in
from figure import (
    arguments,
    describe_machine,
    figure_of,
    run,
    show,
    working_directory,
)
from measuring import Measured, Prepared, measure
from page import write_page
from plan import WAYS, Case, Way, cases_of
from rows import MIN_FOR_P99, disturbed_row, latency_rows, ratio_rows

ROUNDS = 5
RECORD = Path(__file__).resolve().parents[1] / "results" / "peers.json"


def main() -> None:
    options = parse()
    try:
        compare(options)
    except EdgeclsError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        sys.exit(error.exit_code)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = arguments("Measure others beside edgecls, on the same file and frames.")
    parser.add_argument("run", type=Path, help="a run with exported files")
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="DIR",
        default=Path.home() / ".cache" / "edgecls-peers",
        help="where the others are installed  [default: %(default)s]",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=sorted(ENVIRONMENTS),
        help="leave one out; may be given more than once",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--samples", type=int, default=MIN_FOR_P99, help="of each case, all rounds")
    parser.add_argument("--cold-starts", type=int, default=2, help="of each way, in each round")
    parser.add_argument("--attempts", type=int, default=3, help="of a process that is disturbed")
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    return parser.parse_args()


def compare(options: argparse.Namespace) -> None:
    """Measure, print, and keep what was found."""
    ways = tuple(way for way in WAYS if way.environment not in options.without)
    environments = options.environments.absolute()
    pythons = {way.environment: python_of(way.environment, environments) for way in ways}
    with working_directory(options.work) as work:
        machine = describe_machine()
        prepared = prepare(options.run.absolute(), work, pythons)
        found = measure(
            cases_of(ways, machine.physical_cores or machine.cores),
            prepared,
            Watch(machine, Sensors()),
            rounds=options.rounds,
            count=-(-options.samples // options.rounds),
            cold_starts=options.cold_starts,
            attempts=options.attempts,
            seed=options.seed,
        )
        keep_samples(found, work)
    machine = replace(machine, packages={**machine.packages, **their_versions(ways, pythons)})
    rows = [disturbed_row(found), *ratio_rows(found), *latency_rows(found)]
    figure = figure_of(f"edgecls and others on {options.run.name}", machine, rows)
    show(figure, options.out)
    if options.out is not None and options.out.resolve() == RECORD:
        write_page(figure)


def prepare(source: Path, work: Path, pythons: dict[str, Path]) -> Prepared:
    """Make what all ways get, in a process of its own."""
    script = Path(__file__).with_name("prepare.py")
    told = json.loads(run([sys.executable, script, source, work]).output.splitlines()[-1])
    return Prepared(files=told["files"], labels=told["labels"], pythons=pythons, work=work)


def keep_samples(found: dict[Case, Measured], work: Path) -> None:
    """Write every sample, for whoever wants to compute other figures."""
    kept = {
        case.name + ("" if case.size else ", cold start"): {
            "samples_us": [[round(ns / 1e3) for ns in ones] for ones in measured.samples_ns],
            "first_label_s": measured.first_label_s,
            "peak_bytes": measured.peak_bytes,
        }
        for case, measured in found.items()
    }
    write_atomically(work / "samples.json", json.dumps(kept))


def their_versions(ways: Sequence[Way], pythons: dict[str, Path]) -> dict[str, str]:
    """Return the versions of what was installed for the others."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(way.environment for way in ways if way.environment != OURS):
        found |= versions_in(pythons[name], ENVIRONMENTS[name].shown)
    return found


if __name__ == "__main__":
    main()
