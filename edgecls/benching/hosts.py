"""Benchmarks on devices over SSH, with the very same files and the very same frame.

The device runs its own edgecls, with its own runtimes: what is measured is what will run there. Files are
copied and their SHA-256 is compared with that in the record. The frame is made there, from the same seed as
here: it comes from SHAKE-256 and integers alone (:mod:`edgecls_device.golden`), so its bytes are the same
everywhere, and before anything is measured the device tells their SHA-256, which must be ours.

Use::

    load("edgecls.benching.hosts:bench_on_hosts", extra="deploy")   # asyncssh comes with the extra
    for done in bench_on_hosts(wish, say=say):    # one device after the other, each as soon as it is done
        if done.record is not None:
            store_bench(run, done.record)         # its ``host`` is set
    # done.error is an EdgeclsError: raise the first one, after the others had their turn
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edgecls_bench.cases import spec_of
from edgecls_bench.measurement import BenchRun
from edgecls_device.errors import EdgeclsError

from edgecls.benching.visit import visit
from edgecls.benching.wish import Wish
from edgecls.ssh.hosts import Host, check_distinct

__all__ = ["HostBench", "Wish", "bench_on_hosts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HostBench:
    """What came of one device.

    Attributes:
        host: The device.
        record: What was measured, with its ``host``; None if that failed.
        error: Why it failed.
    """

    host: Host
    record: BenchRun | None = None
    error: EdgeclsError | None = None


def bench_on_hosts(wish: Wish, *, say: Callable[[str], None]) -> Iterator[HostBench]:
    """Measure on each device, one after the other, so that two names of one machine do not disturb each other.

    Nothing is written here. Of a device that fails nothing is kept, and the next one has its turn.

    Args:
        wish: What and where.
        say: Takes lines of progress; each begins with the device.

    Raises:
        OptionError: If a device is named twice.
        ArtifactError: If a model file has no spec.
    """
    check_distinct(wish.hosts)
    for artifact in wish.artifacts:
        spec_of(artifact)
    width = max((len(str(host)) for host in wish.hosts), default=0)
    for host in wish.hosts:

        def tell(line: str, name: str = f"{host!s:<{width}}") -> None:
            say(f"{name}  {line}")

        try:
            record = asyncio.run(visit(host, wish, tell))
        except EdgeclsError as error:
            tell(f"failed: {error.message}")
            yield HostBench(host=host, error=error)
        else:
            yield HostBench(host=host, record=record)
