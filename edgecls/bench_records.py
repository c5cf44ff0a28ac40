"""The benchmarks of a run, ``RUN/bench/``: one file each, written once and never changed.

::

    runs/pets/bench/20261129T055813Z-raspberry-pi-5-model-b-rev-1-0-aarch64.json
    runs/pets/bench.json    a copy of the newest of this machine
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edgecls_bench.measurement import BenchRun
from edgecls_device.errors import EdgeclsError, SpecError, StorageError
from edgecls_device.files import read_bytes, storage_errors, write_atomically
from edgecls_device.records import from_json, to_json

from edgecls.run_directory import MAX_RECORD_BYTES, RunDirectory

__all__ = [
    "BenchRecords",
    "StoredBench",
    "newest_of_machine",
    "of_machine",
    "read_bench",
    "read_benches",
    "store_bench",
]

_MOST_IN_A_SECOND = 1000
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredBench:
    """One benchmark and the file it stands in.

    Attributes:
        path: The file.
        record: What it says.
    """

    path: Path
    record: BenchRun


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchRecords:
    """All benchmarks of a run that can be read.

    Attributes:
        stored: Oldest first.
        problems: A sentence for each file that was left out: damaged, or of another version.
    """

    stored: tuple[StoredBench, ...]
    problems: tuple[str, ...] = ()


def store_bench(run: RunDirectory, record: BenchRun) -> Path:
    """Write a benchmark into ``RUN/bench/`` and return its path; nothing that is there is ever overwritten.

    One of this machine is copied to ``RUN/bench.json``, too.

    Raises:
        SpecError: If the benchmark does not say when it was made.
        StorageError: If it cannot be written; nothing is left behind then.
    """
    text = to_json(record, indent=None)  # thousands of samples, which would be a line each
    path = _write_new(run.benches, _stem(record), text)
    if not record.host:
        write_atomically(run.bench, text)
    return path


def read_bench(path: Path) -> BenchRun:
    """Return the benchmark in a file.

    Raises:
        SpecError: If it is damaged, no benchmark, or of another version.
        StorageError: If it cannot be read.
    """
    return from_json(BenchRun, read_bytes(path, max_bytes=MAX_RECORD_BYTES), name=str(path))


def read_benches(run: RunDirectory) -> BenchRecords:
    """Return all benchmarks of a run. A file that cannot be read is named and left out: the others count."""
    stored, problems = [], []
    for path in sorted(run.benches.glob("*.json")):
        if path.name.startswith("."):  # being written
            continue
        try:
            stored.append(StoredBench(path=path, record=read_bench(path)))
        except EdgeclsError as error:
            problems.append(f"left out a benchmark: {error.message}")
    return BenchRecords(stored=tuple(sorted(stored, key=_age)), problems=tuple(problems))


def of_machine(stored: Sequence[StoredBench], identity: str) -> tuple[StoredBench, ...]:
    """Return the benchmarks that were made here, also void ones, in the order given.

    Args:
        stored: Any benchmarks.
        identity: Of this machine.
    """
    return tuple(
        one for one in stored if one.record.machine.identity == identity and not one.record.host
    )


def newest_of_machine(stored: Sequence[StoredBench], identity: str) -> StoredBench | None:
    """Return the newest benchmark that was made here and is not void throughout; None without one.

    Args:
        stored: Oldest first.
        identity: Of this machine.
    """
    fitting = [one for one in of_machine(stored, identity) if not one.record.void]
    return fitting[-1] if fitting else None


def _stem(record: BenchRun) -> str:
    try:
        created = datetime.fromisoformat(record.created).astimezone(timezone.utc)
    except ValueError:
        message = f"Expected a benchmark with its time as ISO 8601, got {record.created!r}."
        raise SpecError(message, hint="measure again with: edgecls bench") from None
    return f"{created:%Y%m%dT%H%M%SZ}-{record.machine.slug}"


def _age(stored: StoredBench) -> tuple[str, int, str]:
    stem = stored.path.stem
    return stored.record.created, len(stem), stem  # the second of one second has the longer name


def _write_new(directory: Path, stem: str, text: str) -> Path:
    """Write a file under the first free name; two programs that do so at the same time get two names."""
    whole = directory / f".{stem}.{os.urandom(6).hex()}.json"
    write_atomically(whole, text)
    try:
        for number in range(1, _MOST_IN_A_SECOND):
            path = directory / (f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
            with storage_errors("write", path):
                if _takes(path, whole):
                    return path
    finally:
        whole.unlink(missing_ok=True)
    message = f"Expected a free name like {stem}.json in {str(directory)!r}, got none."
    raise StorageError(message, hint="check the clock of the machine that was measured")


def _takes(path: Path, whole: Path) -> bool:
    """Give a file that was written and synced its name, unless another has it."""
    try:
        os.link(whole, path)  # unlike a move it never takes the place of a file
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:  # as on a FAT stick
            raise
        if path.exists():
            return False
        whole.rename(path)
    return True
