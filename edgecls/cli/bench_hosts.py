"""``edgecls bench RUN --host pi@shed.local``: measure on other machines."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgecls_bench.measurement import BenchRun
from edgecls_device.errors import EdgeclsError
from edgecls_device.lazy import load

from edgecls.progress import say
from edgecls.targets import Target

__all__ = ["measure_on_hosts"]


def measure_on_hosts(
    target: Target,
    hosts: Sequence[str],
    *,
    frame: tuple[int, int],
    words: Sequence[str],
    python: str,
    identity: Path | None,
    known_hosts: Path | None,
) -> Iterator[BenchRun]:
    """Yield what each machine measured, as soon as it is there.

    Args:
        target: The model files.
        hosts: The machines.
        frame: Height and width of the frame.
        words: More options, as they are typed.
        python: The machine's Python that has edgecls; empty to look for it.
        identity: A private key of SSH.
        known_hosts: Instead of ``~/.ssh/known_hosts``.

    Raises:
        EdgeclsError: If a host is wrongly written; or, when all had their turn, why the first one failed.
    """
    bench_on_hosts = load("edgecls.benching.hosts:bench_on_hosts", extra="deploy")
    from edgecls.benching.wish import Wish
    from edgecls.ssh.connection import Access
    from edgecls.ssh.hosts import parse_host

    wish = Wish(
        hosts=tuple(parse_host(host) for host in hosts),
        artifacts=target.artifacts,
        frame=frame,
        options=tuple(words),
        python=python,
        access=Access(identity=identity, known_hosts=known_hosts),
    )
    failures: list[EdgeclsError] = []
    for done in bench_on_hosts(wish, say=say):
        if done.record is not None:
            yield done.record
        if done.error is not None:
            failures.append(done.error)
    if failures:
        raise failures[0]
