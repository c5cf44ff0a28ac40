"""What every figure shares: fresh processes, a record with the machine, and a table with its targets."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

from edgecls_bench.machine import Machine, describe_machine
from edgecls_device.errors import BenchmarkError
from edgecls_device.files import write_atomically
from edgecls_device.records import to_json
from edgecls_device.stamps import now

__all__ = [
    "Figure",
    "Finished",
    "Row",
    "arguments",
    "describe_machine",
    "edgecls",
    "figure_of",
    "run",
    "show",
    "working_directory",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One number.

    Attributes:
        what: What was measured.
        value: The number.
        unit: Its unit.
        at_most: What it should not exceed, if there is a target.
        at_least: What it should reach, if there is a target.
        note: What the number does not say, such as why it could not be measured.
    """

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """``yes`` or ``no``; empty without a target."""
        if self.at_most is not None:
            return "yes" if self.value <= self.at_most else "no"
        if self.at_least is not None:
            return "yes" if self.value >= self.at_least else "no"
        return ""

    @property
    def target(self) -> str:
        """The target as text; empty if there is none."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return "" if self.at_least is None else f"at least {self.at_least:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """Some numbers that were measured together.

    Attributes:
        created: ISO 8601, UTC.
        title: What it is about.
        command: The command that measured it.
        machine: What it was measured on.
        rows: The numbers.
        commit: The commit of the source, empty outside of a checkout.
    """

    kind: ClassVar[str] = "edgecls.figure"
    version: ClassVar[int] = 1

    created: str
    title: str
    command: str
    machine: Machine
    rows: tuple[Row, ...] = field(default=())
    commit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """One process that ended as it should.

    Attributes:
        seconds: From its start to its end.
        first_line_s: From its start to the first line it printed.
        peak_bytes: Its largest resident memory. Not below that of the script that started it, which is
            why these scripts import little.
        output: What it printed on standard output.
        code: Its exit code.
    """

    seconds: float
    first_line_s: float
    peak_bytes: int
    output: str
    code: int = 0


def run(
    command: Sequence[str | Path],
    *,
    variables: Mapping[str, str] | None = None,
    accepts: Sequence[int] = (0,),
    is_quiet: bool = False,
) -> Finished:
    """Run a command in a fresh process; its standard error goes to ours.

    Args:
        command: Program and arguments.
        variables: Set in its environment.
        accepts: Exit codes that are an answer, such as those of a gate.
        is_quiet: Whether to tell of the command, and what it says on standard error, only if it fails.

    Raises:
        BenchmarkError: If it ends with another exit code.
    """
    words = [str(word) for word in command]
    if not is_quiet:
        sys.stderr.write(f"$ {' '.join(words)}\n")
        sys.stderr.flush()
    with tempfile.TemporaryFile() as errors:
        finished = _finish(words, variables or {}, errors if is_quiet else None)
        if finished.code not in accepts:
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace"))
            message = (
                f"Expected the command to succeed, got exit code {finished.code}: {' '.join(words)}"
            )
            raise BenchmarkError(message)
    return finished


def _finish(
    words: Sequence[str], variables: Mapping[str, str], errors: IO[bytes] | None
) -> Finished:
    start = time.perf_counter()
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, **variables},
    )
    with process:
        stream: Any = process.stdout
        first = stream.readline()
        first_line_s = time.perf_counter() - start
        output = first + stream.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    return Finished(
        seconds=seconds,
        first_line_s=first_line_s,
        peak_bytes=usage.ru_maxrss * 1024,
        output=output.decode(),
        code=process.returncode,
    )


def edgecls(*words: str | Path) -> list[str | Path]:
    """Return a command line of this environment's ``edgecls``, as a user calls it."""
    return [Path(sys.executable).with_name("edgecls"), *words]


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all figures have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="keep the figure here")
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="keep runs here; by default they are removed"
    )
    return parser


@contextmanager
def working_directory(kept: Path | None) -> Iterator[Path]:
    """Give a directory for runs: the one that is kept, or a temporary one."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="edgecls-figure-") as directory:
        yield Path(directory)


def figure_of(title: str, machine: Machine, rows: Sequence[Row]) -> Figure:
    """Join what was measured; ``machine`` is described before measuring, for what else is running."""
    return Figure(
        created=now(),
        title=title,
        command=" ".join(["python", *map(_shown, sys.argv)]),
        machine=machine,
        rows=tuple(rows),
        commit=_commit(),
    )


def show(figure: Figure, out: Path | None) -> None:
    """Print a figure as a table, and keep it."""
    width = max(len(row.what) for row in figure.rows)
    machine = figure.machine
    print(f"{figure.title} ({machine.model}, {machine.cores} cores, {machine.busy_cores} busy)")
    for row in figure.rows:
        target = f"  ({row.target}: {row.verdict})" if row.target else ""
        note = f"  {row.note}" if row.note else ""
        print(f"  {row.what:<{width}}  {row.value:10.3f} {row.unit}{target}{note}")
    if out is not None:
        write_atomically(out, to_json(figure))
        print(f"wrote {out}")


def _shown(word: str) -> str:
    """Return an argument as others can read it: a path from the root says nothing elsewhere."""
    return Path(word).name if word.startswith("/") else word


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
