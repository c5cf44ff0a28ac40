"""Two processes that train one model beside one process: the same weights, and photos a second.

``edgecls train --distributed`` on synthetic photos, over JAX. First the weights: of two processes, of one
with the same photos per step, from scratch and fine-tuned, and of two of which one was killed in the middle
and both then resumed. Then the speed: one process that may use all cores and two that share them, in turn,
with few epochs and with more. What lies between is the cost of epochs after start-up and compiling.

    python benchmarks/scale/distributed_training.py --out benchmarks/results/scale-training.json

About 20 minutes on two cores; with --quick fewer photos, and no speed. With --work a run that was stopped
goes on.
"""

import json
import os
import shutil
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "figures"))

from arithmetic import Line, line_through
from edgecls_bench.machine import Machine
from edgecls_device.errors import BenchmarkError
from figure import Row, describe_machine, edgecls, figure_of, show, working_directory
from inputs import (
    SIZE,
    attempts_of,
    kept_of,
    rounds_of,
    run_script,
    scale_arguments,
    synthetic_photos,
)
from launch_group import start_group
from processes import Ran, Tree, watch
from sides import disturbed_row, rate_row, ratio_row, start_row
from weights import largest_difference

BATCH, PROCESSES = 32, 2
FROM_SCRATCH = ("--backbone", "small_cnn", "--size", str(SIZE))
FINE_TUNED = ("--fine-tune", "1")  # of the default backbone, whose head has been trained before
MODEL = "model.keras"
SAME = 1e-5
LOOK_S, LONGEST_S = 0.02, 900.0
LAUNCHER = Path(__file__).with_name("launch_group.py")
WAYS = {"1 process": 1, "2 processes on the same cores": PROCESSES}
ONE, TWO = WAYS


def main() -> None:
    parser = scale_arguments("Train with two processes beside one.")
    options = parser.parse_args()
    machine = describe_machine()
    with working_directory(options.work) as work:
        photos = synthetic_photos(work, 300 if options.quick else 1500)
        rows = list(weight_rows(photos, (2,) if options.quick else (3, 12), work))
        rows += tuned_rows(synthetic_photos(work, 300), (1,) if options.quick else (1, 3), work)
        if not options.quick:
            rows += speed_rows(photos, work, machine, options)
    show(figure_of("Training with two processes", machine, rows), options.out)


def train_command(
    photos: Path, out: Path, epochs: int, processes: int, how: Sequence[str] = FROM_SCRATCH
) -> list[str]:
    """Return the command of each process: the batch is that of one device, and all together have the same."""
    words = [*how, "--epochs", str(epochs), "--batch-size", str(BATCH // processes)]
    return [str(word) for word in edgecls("train", photos, "--out", out, *words)]


def weight_rows(photos: Path, lengths: Sequence[int], work: Path) -> Iterator[Row]:
    """Yield how far weights are apart: of two processes and of one, and resumed and not."""
    for epochs in lengths:
        found = one_and_two(photos, epochs, work, FROM_SCRATCH, "weights")
        yield replace(found.row, at_most=SAME if epochs == lengths[0] else None)
    yield from resumed_rows(photos, found.run, epochs, work)


def tuned_rows(photos: Path, lengths: Sequence[int], work: Path) -> Iterator[Row]:
    """Yield how far weights are apart where the top block of a trained network is fine-tuned, and its speed."""
    lasting: dict[str, list[float]] = {name: [] for name in WAYS}
    for epochs in lengths:
        found = one_and_two(photos, epochs, work, FINE_TUNED, "fine-tuned weights")
        yield replace(found.row, at_most=SAME)
        for name, seconds in zip(WAYS, found.seconds, strict=True):
            lasting[name].append(seconds)
    if len(lengths) > 1:
        epoch_s = {
            name: (seconds[-1] - seconds[0]) / (lengths[-1] - lengths[0])
            for name, seconds in lasting.items()
        }
        for name, seconds in epoch_s.items():
            yield Row(what=f"fine-tuning, {name}: an epoch", value=seconds, unit="s")
        yield Row(
            what=f"fine-tuning: speed of {TWO}, of {ONE}",
            value=100 * epoch_s[ONE] / epoch_s[TWO],
            unit="%",
            note="one round",
        )


class OneAndTwo(NamedTuple):
    """The same training by one process and by two.

    Attributes:
        run: That of the two.
        seconds: How long each took, start-up in it.
        row: How far their weights are apart.
    """

    run: Path
    seconds: tuple[float, float]
    row: Row


def one_and_two(photos: Path, epochs: int, work: Path, how: Sequence[str], what: str) -> OneAndTwo:
    """Train by one process and by two."""
    one, two = (
        work / f"{what.replace(' ', '-')}-{count}-{epochs}" / "shapes" for count in WAYS.values()
    )
    seconds = (
        train_anew(photos, one, epochs, 1, how),
        train_anew(photos, two, epochs, PROCESSES, how),
    )
    difference = largest_difference(one / MODEL, two / MODEL)
    told = record_of(two)
    row = Row(
        what=f"{what} of 2 processes and of 1 after {epochs} epoch{'s' * (epochs > 1)}: "
        "largest difference",
        value=difference,
        unit="",
        note=f"{difference:.2g}; those of epoch {best_epoch(told)}, {BATCH} photos a step, "
        f"test accuracy {told['test']['accuracy']:.3f}",
    )
    return OneAndTwo(two, seconds, row)


def resumed_rows(photos: Path, whole: Path, epochs: int, work: Path) -> Iterator[Row]:
    """Yield how far a training that was stopped and resumed is from one that was not."""
    resumed = work / "weights-resumed" / "shapes"
    shutil.rmtree(resumed, ignore_errors=True)
    command = train_command(photos, resumed, epochs, PROCESSES)
    codes, done = stop_in_the_middle(command, resumed)
    finish([*command, "--resume"], PROCESSES)
    told = {"two": record_of(whole), "resumed": record_of(resumed)}
    difference = largest_difference(whole / MODEL, resumed / MODEL)
    yield Row(
        what="weights resumed and uninterrupted: largest difference",
        value=difference,
        unit="",
        at_most=0,
        note=f"{difference:.2g}; killed after {done} epochs, exit codes {', '.join(map(str, codes))}; "
        f"weights are those of epoch {best_epoch(told['two'])}",
    )
    pairs = list(zip(told["two"]["history"], told["resumed"]["history"], strict=True))[done:]
    same = sum(ours == theirs for ours, theirs in pairs)
    yield Row(
        what="epochs after the kill with the same losses to the last bit",
        value=same,
        unit="epochs",
        at_least=len(pairs),
        note=f"of {len(pairs)}",
    )


def record_of(run: Path) -> Any:
    """Return what a training wrote of itself."""
    return json.loads((run / "training.json").read_text(encoding="utf-8"))


def best_epoch(record: Mapping[str, Any]) -> int:
    """Return the epoch whose weights were kept: the most accurate on validation photos, of least loss."""
    return int(
        max(record["history"], key=lambda e: (e["val_accuracy"], -e["val_loss"], -e["epoch"]))[
            "epoch"
        ]
    )


def train_anew(photos: Path, out: Path, epochs: int, processes: int, how: Sequence[str]) -> float:
    """Train from the beginning; return the seconds that it took."""
    shutil.rmtree(out, ignore_errors=True)
    start = time.perf_counter()
    finish(train_command(photos, out, epochs, processes, how), processes)
    return time.perf_counter() - start


def finish(command: list[str], processes: int) -> None:
    """Run a training to its end.

    Raises:
        BenchmarkError: If one of its processes fails.
    """
    sys.stderr.write(f"$ {' '.join(command)} ({processes} processes)\n")
    codes = [process.wait(LONGEST_S) for process in start_group(command, processes)]
    if any(codes):
        message = f"Expected the training to succeed, got exit codes {codes}."
        raise BenchmarkError(message)


def stop_in_the_middle(command: list[str], run: Path) -> tuple[list[int], int]:
    """Start a training, kill one of its processes after the first epoch; return exit codes and epochs kept.

    Raises:
        BenchmarkError: If it ended before there was anything to go on from.
    """
    group = start_group(command, PROCESSES)
    checkpoint = run / "checkpoint.npz"
    while not checkpoint.exists() and group[0].poll() is None:
        time.sleep(LOOK_S)
    tree = Tree(group[-1].pid)
    tree.look()
    for pid in sorted(tree.alive, reverse=True):
        os.kill(pid, signal.SIGKILL)
    codes = [process.wait(LONGEST_S) for process in group]
    if not checkpoint.exists():
        message = f"Expected a training that was stopped in the middle, got exit codes {codes}."
        raise BenchmarkError(message, hint="choose more photos")
    return codes, epochs_in(checkpoint)


def epochs_in(checkpoint: Path) -> int:
    """Return how many epochs a checkpoint holds."""
    import numpy as np

    with np.load(checkpoint) as arrays:
        return len(json.loads(arrays["state"].tobytes())["history"])


def speed_rows(photos: Path, work: Path, machine: Machine, options: Namespace) -> Iterator[Row]:
    """Yield photos a second of one process and of two, in turn."""
    few, many = 2, 12
    kept = kept_of(options, work, "scale-training")
    found: dict[str, list[tuple[Ran, Ran]]] = {name: [] for name in WAYS}
    out = work / "speed" / "shapes"
    for number in range(rounds_of(options)):
        for name in WAYS:
            pair = tuple(
                kept.ran(
                    f"{name}, {epochs} epochs, round {number + 1}",
                    lambda name=name, epochs=epochs: timed(
                        photos, out, epochs, name, machine, attempts_of(options)
                    ),
                )
                for epochs in (few, many)
            )
            found[name].append((pair[0], pair[1]))
    split = record_of(out)["photos"]
    in_epoch = sum(counts["train"] for counts in split.values())
    lines = {
        name: [
            line_through((few * in_epoch, a.seconds), (many * in_epoch, b.seconds))
            for a, b in pairs
        ]
        for name, pairs in found.items()
    }
    yield disturbed_row(ran for pairs in found.values() for pair in pairs for ran in pair)
    yield from gain_rows(lines)


def gain_rows(lines: dict[str, Sequence[Line]]) -> Iterator[Row]:
    """Yield photos a second, and two processes beside one."""
    for name, ones in lines.items():
        yield rate_row(f"from scratch, {name}: photos trained on, after start-up", ones)
        yield start_row(f"from scratch, {name}: start-up and end", ones)
    photo_s = {name: [line.photo_s for line in ones] for name, ones in lines.items()}
    yield ratio_row(f"from scratch: speed of {TWO}, of {ONE}", photo_s[ONE], photo_s[TWO])


def timed(photos: Path, out: Path, epochs: int, name: str, machine: Machine, attempts: int) -> Ran:
    """Time one training."""
    processes = WAYS[name]
    words: list[str | Path] = [sys.executable, LAUNCHER, "--processes", str(processes), "--"]
    return watch(
        [*words, *train_command(photos, out, epochs, processes)],
        machine=machine,
        threads=machine.cores,
        attempts=attempts,
        before=lambda: shutil.rmtree(out, ignore_errors=True),
    )


if __name__ == "__main__":
    run_script(main)
