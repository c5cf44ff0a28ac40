"""Does a new version give the right scores on this device, on which runtime, and with which one is it fastest?

Every model file runs on every runtime of its in a process of its own, since a runtime that does not fit a
device ends in an illegal instruction, a crash or a hang, which no ``except`` catches. Of those that agree
with the workstation the fastest is kept.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edgecls_device.bundles.environments import python_of
from edgecls_device.bundles.manifest import BundledArtifact, Manifest
from edgecls_device.bundles.subprocesses import clean_environment
from edgecls_device.bundles.telling import milliseconds
from edgecls_device.bundles.tuning import Candidate, Tuning
from edgecls_device.doctor.trial import why_it_ended
from edgecls_device.errors import UpdateError
from edgecls_device.records import decode

__all__ = ["CANDIDATE_LINE", "accept", "choose", "thread_counts", "try_artifact"]

CANDIDATE_LINE = "edgecls candidate: "
"""How the lines of ``candidate.py`` begin; a runtime may print others."""

CANDIDATE = "edgecls_device.bundles.candidate"
WITHIN_S = 300.0
"""For a process; a healthy one takes some seconds, on a slow device a minute."""

MOST_THREADS = 4
AS_FAST = 1.05
"""Within 5 % of the fastest, fewer threads win: they leave the cores to others, and stay cooler."""

_REHEARSAL = """
import sys
import edgecls_device.sinks.mqtt, edgecls_device.sinks.mqtt_worker, edgecls_device.sinks.mqtt_discovery
import edgecls_device.sources.camera, edgecls_device.sources.capture_child
from edgecls.cli import main
main(sys.argv[1:])
"""


def accept(version: Path, manifest: Manifest, say: Callable[[str], None]) -> Tuning:
    """Try all model files of an unpacked version on all runtimes, and choose.

    Args:
        version: Its folder; its environment is linked there.
        manifest: The bundle's.
        say: Takes lines of progress.

    Raises:
        UpdateError: If none agrees; every failure was said before.
    """
    say("Trying the model files on this device ...")
    found: list[Candidate] = []
    for artifact in manifest.artifacts:
        for backend in artifact.backends:
            for candidate in try_artifact(
                version, manifest, artifact, backend, python=[*_python(version), "-m", CANDIDATE]
            ):
                say(_line(candidate))
                found.append(candidate)
    agreeing = [one for one in found if not one.failure]
    if not agreeing:
        told = "; ".join(
            f"{Path(one.artifact).name} on {one.backend}: {one.failure}" for one in found
        )
        message = f"Expected a model file that gives the right scores here, got {told}."
        raise UpdateError(message, hint="see what this machine lacks: edgecls doctor")
    best = choose(agreeing)
    say(f"Using {Path(best.artifact).name} on {best.backend} with {_threads(best.threads)}.")
    _rehearse(version, best, say)
    return Tuning(
        artifact=best.artifact, backend=best.backend, threads=best.threads, candidates=tuple(found)
    )


def thread_counts(cores: int) -> tuple[int, ...]:
    """Return which numbers of threads are tried: 1, 2, and the cores up to 4."""
    return tuple(sorted({1, min(2, cores), min(MOST_THREADS, cores)}))


def choose(candidates: list[Candidate]) -> Candidate:
    """Return the fastest, or one as fast with fewer threads; the first of equals."""
    fastest = min(one.p50_ms for one in candidates)
    return min(
        (one for one in candidates if one.p50_ms <= fastest * AS_FAST), key=lambda one: one.threads
    )


def try_artifact(
    folder: Path,
    manifest: Manifest,
    artifact: BundledArtifact,
    backend: str,
    *,
    python: Sequence[str],
    counts: Sequence[int] = (),
) -> Iterator[Candidate]:
    """Yield what came of each number of threads; after a failure the rest is not tried.

    Args:
        folder: Holds the artifact, the golden photos and their scores.
        manifest: The bundle's.
        artifact: Which model file.
        backend: Which runtime.
        python: A command line that runs ``candidate.py``, without its arguments.
        counts: Numbers of threads; by default those that are tried on a device.
    """
    counts = counts or thread_counts(len(os.sched_getaffinity(0)))
    words = [str(folder), artifact.member, manifest.golden_photos, backend, *map(str, counts)]
    output, failure = _run([*python, *words])
    lines = [line for line in output.splitlines() if line.startswith(CANDIDATE_LINE)]
    for line in lines:
        yield decode(Candidate, json.loads(line.removeprefix(CANDIDATE_LINE)), "candidate")
    if failure and len(lines) < len(counts):
        yield Candidate(
            artifact=artifact.member,
            backend=backend,
            threads=counts[len(lines)],
            failure=failure,
        )


def _rehearse(version: Path, best: Candidate, say: Callable[[str], None]) -> None:
    """Run the very program of the service for a moment, with the live page, on a test picture.

    It shows that everything it imports can be loaded here, and whoever installs may write the bytecode of that,
    which the service's user may not.

    Raises:
        UpdateError: If it does not run.
    """
    say("Running it for a moment ...")
    words = ["run", str(version / best.artifact), "--backend", best.backend]
    words += ["--threads", str(best.threads), "--source", "test:shapes", "--limit", "1"]
    words += ["--wait-for-source"]  # its process may need more than a first try on a busy device
    _, failure = _run([*_python(version), "-c", _REHEARSAL, *words, "--web", "127.0.0.1:0"])
    if failure:
        message = f"Expected a run on a test picture to end well, got {failure.rstrip('.')}."
        raise UpdateError(message, hint="see what this machine lacks: edgecls doctor")


def _python(version: Path) -> list[str]:
    return [str(python_of(version / "environment")), "-I"]


def _run(command: Sequence[str]) -> tuple[str, str]:
    """Run a Python; return what it printed, and why it failed, empty if it did not."""
    try:
        process = subprocess.Popen(
            list(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            cwd="/",
            env=clean_environment(),
            start_new_session=True,
        )
    except OSError as error:
        return "", f"no process: {error.strerror or error}"
    with process:
        try:
            output, printed = process.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            return output, f"no end within {WITHIN_S:g} seconds"
        except BaseException:  # Ctrl-C: it has a session of its own
            process.kill()
            raise
    return output, why_it_ended(process.returncode, printed) if process.returncode else ""


def _line(candidate: Candidate) -> str:
    what = (
        f"  {Path(candidate.artifact).name} on {candidate.backend}, {_threads(candidate.threads)}: "
    )
    if candidate.failure:
        return f"{what}not usable: {candidate.failure}"
    agrees = f"{candidate.same_best} of {candidate.samples} samples the same label"
    return f"{what}{milliseconds(candidate.p50_ms)}, {agrees}, scores {candidate.worst_error:.2g} off at most"


def _threads(number: int) -> str:
    return "1 thread" if number == 1 else f"{number} threads"
