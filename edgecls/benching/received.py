"""A record that comes from another machine: is it one, and of what was sent?"""

from collections.abc import Sequence
from dataclasses import replace

from edgecls_bench.measurement import BenchRun
from edgecls_device.errors import BenchmarkError, DeploymentError, OptionError, SpecError
from edgecls_device.records import from_json
from edgecls_device.stamps import now

from edgecls.benching.exchange import Result
from edgecls.benching.finding import UPDATE
from edgecls.benching.wish import Wish
from edgecls.ssh.hosts import Host

__all__ = ["is_wrong_clock", "received"]

CLOCKS_APART_S = 60.0


def is_wrong_clock(ahead_s: float) -> bool:
    """Whether a device's clock cannot be believed: a Pi without a network has none."""
    return abs(ahead_s) > CLOCKS_APART_S


def received(
    result: Result, host: Host, wish: Wish, *, last_lines: Sequence[str] = (), ahead_s: float = 0.0
) -> BenchRun:
    """Return the record, with its ``host``, and with the time of here where the device's is wrong.

    Args:
        result: How ``edgecls bench`` ended there.
        host: The device.
        wish: What was to be measured.
        last_lines: The end of what it said on standard error.
        ahead_s: How far the device's clock is ahead of ours.

    Raises:
        BenchmarkError: If nothing was measured, or something else than was sent.
        DeploymentError: If the device's edgecls writes other records than ours.
    """
    if result.exit_code:
        raise _failure(result.exit_code, last_lines, host)
    try:
        record = from_json(BenchRun, result.output, name=f"the answer of {host}")
    except SpecError as error:
        raise DeploymentError(error.message, hint=UPDATE) from error
    _check(record, host, wish)
    # The newest record of a machine counts, so its time must not be years ago.
    created = now() if is_wrong_clock(ahead_s) else record.created
    return replace(record, host=str(host), created=created)


def _check(record: BenchRun, host: Host, wish: Wish) -> None:
    sent = {(artifact.path.name, artifact.sha256) for artifact in wish.artifacts}
    other = next((one for one in record.cases if (one.artifact, one.sha256) not in sent), None)
    if other is not None:
        message = (
            f"Expected a benchmark of the files that were read here, got one of another "
            f"{other.artifact} from {host}."
        )
        raise BenchmarkError(message, hint="was it exported anew meanwhile? repeat the command")
    if tuple(record.frame) != wish.frame:
        message = f"Expected a benchmark of a frame of {wish.frame} from {host}, got {tuple(record.frame)}."
        raise BenchmarkError(message, hint=UPDATE)


def _failure(code: int, last_lines: Sequence[str], host: Host) -> BenchmarkError:
    problem, hint = _told(last_lines, "error"), _told(last_lines, "hint")
    if not problem:
        how = f"signal {-code} ended it" if code < 0 else f"exit code {code}"
        problem = ": ".join([how, *last_lines[-1:]])
    message = f"Expected a benchmark on {host}, got: {problem}"
    if not hint:
        is_other_edgecls = code == OptionError.exit_code  # it does not know a word of ours
        hint = UPDATE if is_other_edgecls else "log in and try there: edgecls doctor"
    return BenchmarkError(message, hint=hint)


def _told(lines: Sequence[str], kind: str) -> str:
    """Return what stands behind ``error:`` or ``hint:``, also behind the ``Error:`` of a wrong option."""
    start = f"{kind}: "
    found = [line[len(start) :] for line in lines if line.lower().startswith(start)]
    return found[-1] if found else ""
