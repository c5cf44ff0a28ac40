"""Cut the power before every file system call of an update, of going back and of the keeper's verdicts.

A cut is a SIGKILL that strace gives before the call is made. After each one both links must name whole
versions, old or new, the records must be readable, a keeper's start must find a definite version, and the same
command must succeed when it is repeated. The update is ``edgecls update`` as a user types it, with the real
acceptance; where it is repeated after a cut, a stand-in accepts at once.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edgecls_device.bundles import preparing
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.manifest import release_of
from edgecls_device.bundles.reading import open_bundle
from edgecls_device.bundles.rolling_back import roll_back
from edgecls_device.bundles.settling import confirm, revert, settle
from edgecls_device.bundles.state import State, Trial, read_state, write_state
from edgecls_device.bundles.updating import update
from edgecls_device.errors import UpdateError
from figure import Row, arguments, describe_machine, figure_of, show, working_directory

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.device.bundles import power_cuts  # noqa: E402
from tests.device.bundles.accepting import accepted  # noqa: E402
from tests.device.bundles.installable import installable  # noqa: E402
from tests.faults.conftest import descendants  # noqa: E402

CALL = "from edgecls_device.bundles.settling import confirm, revert; "
CALL += "from edgecls_device.bundles.installation import Installation; from pathlib import Path; import sys; "
CALL += "i = Installation(Path(sys.argv[1])); "
REASON = "It saw nothing."

Program = Callable[[Installation], list[str | Path]]
Again = Callable[[Installation], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A program, what it starts from, and how it is repeated."""

    name: str
    before: Installation
    versions: frozenset[str]
    program: Program
    again: Again


@dataclass
class Count:
    """What became of the cuts."""

    calls: int = 0
    cuts: int = 0
    good: int = 0
    old: int = 0


def main() -> None:
    parser = arguments("Cut the power before every file system call of an update.")
    parser.add_argument("--moments", type=int, default=24, help="cuts while an environment is made")
    options = parser.parse_args()
    machine = describe_machine()
    rows: list[Row] = []
    with working_directory(options.work) as kept, tempfile.TemporaryDirectory(dir=kept) as folder:
        work = Path(folder)
        for case in cases(work):
            rows += rows_of(case.name, sweep(case, work), "calls")
        rows += rows_of("a new environment", moments(work, options.moments), "moments")
    figure = figure_of("Power cuts in an update", machine, rows)
    show(figure, options.out)
    sys.exit(any(row.verdict == "no" for row in rows))


def cases(work: Path) -> Iterator[Case]:
    """Yield what is cut, each from an installation of its own."""
    first = install(work / "first", installable(work / "1.edgecls", work, release=1))
    bundle = installable(work / "2.edgecls", work, release=2)
    old, new = first.current_version() or "", name_of(bundle)
    both = frozenset({old, new})

    def updated(tried: Installation) -> None:
        with quick():
            expect(update(bundle, tried, say=len).result == "pending", "a version on trial")

    yield Case(
        name="update",
        before=first,
        versions=both,
        program=lambda tried: [
            sys.executable,
            "-m",
            "edgecls",
            "update",
            bundle,
            "--root",
            tried.root,
        ],
        again=updated,
    )
    trial = Installation(power_cuts.copy(first.root, work / "trial"))
    updated(trial)
    write_state(trial, replace(read_state(trial), trial=Trial(version=new, attempts=1)))
    for name, verdict in (("confirm", "confirm(i, {v!r})"), ("revert", "revert(i, {v!r}, {r!r})")):
        code = CALL + verdict.format(v=new, r=REASON)

        def judged(tried: Installation, name: str = name) -> None:
            if tried.is_on_trial():
                confirm(tried, new) if name == "confirm" else revert(tried, new, REASON)
            wanted = new if name == "confirm" else old
            links = {tried.current_version(), tried.confirmed_version()}
            expect(links == {wanted}, f"the verdict {name}")

        yield Case(
            name=f"the keeper's {name}",
            before=trial,
            versions=both,
            program=lambda tried, code=code: [sys.executable, "-c", code, tried.root],
            again=judged,
        )
    held = Installation(power_cuts.copy(trial.root, work / "held"))
    confirm(held, new)

    def gone_back(tried: Installation) -> None:
        with suppress(UpdateError):  # it is done already
            roll_back(tried)
        links = {tried.current_version(), tried.confirmed_version()}
        expect(links == {old}, "the version before")

    yield Case(
        name="rollback",
        before=held,
        versions=both,
        program=lambda tried: [sys.executable, "-m", "edgecls", "rollback", "--root", tried.root],
        again=gone_back,
    )


def sweep(case: Case, work: Path) -> Count:
    """Cut before every call, from the first to the last."""
    trace, root = work / "trace", work / "tried"
    for _ in range(2):  # the first time modules may be compiled
        tried = Installation(power_cuts.copy(case.before.root, root))
        calls = power_cuts.calls_of(case.program(tried), trace)
    count = Count(calls=len(calls))
    for number, call in enumerate(calls, 1):
        tried = Installation(power_cuts.copy(case.before.root, root))
        count.cuts += power_cuts.cut(case.program(tried), call, trace)
        judge(tried, case, count, f"{case.name}, call {number} of {len(calls)}: {call.text[:110]}")
    return count


def moments(work: Path, number: int) -> Count:
    """Cut the power of an update and of all its processes while it makes an environment."""
    first = install(work / "again", installable(work / "3.edgecls", work, release=3))
    bundle = installable(work / "4.edgecls", work, release=4, contents={"wheels/more.txt": b"x\n"})
    versions = frozenset({first.current_version() or "", name_of(bundle)})

    def program(tried: Installation) -> list[str | Path]:
        return [sys.executable, "-m", "edgecls", "update", bundle, "--root", tried.root]

    def again(tried: Installation) -> None:
        with quick():
            expect(update(bundle, tried, say=len).result == "pending", "a version on trial")

    case = Case(name="environment", before=first, versions=versions, program=program, again=again)
    root = work / "tried"
    start = time.monotonic()
    run(program(Installation(power_cuts.copy(first.root, root))))
    seconds = time.monotonic() - start
    count = Count(calls=number)
    for i in range(number):
        tried = Installation(power_cuts.copy(first.root, root))
        start, moment = time.monotonic(), seconds * (i + 0.5) / number
        if cut_at(program(tried), moment):
            count.cuts += 1
        else:
            seconds = time.monotonic() - start  # the machine is less busy than it was
        judge(tried, case, count, f"environment, {moment:.1f} s of {seconds:.1f}")
    return count


def judge(tried: Installation, case: Case, count: Count, where: str) -> None:
    """See that all is well after a cut, and count it."""
    try:
        power_cuts.check_old_or_new(tried, case.versions)
        power_cuts.check_settled(tried, case.versions)
        count.old += tried.current_version() == min(case.versions)
        case.again(tried)
        power_cuts.check_settled(tried, case.versions)
    except Exception as error:
        print(f"WRONG: {where}: {error!r}", file=sys.stderr)
    else:
        count.good += 1
        print(where, file=sys.stderr)


def rows_of(name: str, count: Count, what: str) -> list[Row]:
    """Return what is shown of the cuts in one program."""
    tries = f"{count.cuts} cuts, {count.calls - count.cuts} ran to their end; old after {count.old}"
    share = 100 * count.good / count.calls
    return [
        Row(what=f"{name}: {what}", value=count.calls, unit=what, note=tries),
        Row(what=f"{name}: old or new, and repeated well", value=share, unit="%", at_least=100.0),
    ]


def install(root: Path, bundle: Path) -> Installation:
    """Install a bundle for the first time, with its real environment."""
    installation = Installation(root)
    installation.prepare()
    with quick(), open_bundle(bundle) as opened:
        version = preparing.prepare_version(opened, installation, len)
    installation.config.write_text('source = "test:shapes"\n')
    installation.point(installation.confirmed, version)
    installation.point(installation.current, version)
    write_state(installation, State(floor=release_of(version)))
    settle(installation)
    return installation


@contextmanager
def quick() -> Iterator[None]:
    """Let a stand-in accept new versions."""
    accept = preparing.accept
    preparing.accept = accepted
    try:
        yield
    finally:
        preparing.accept = accept


def cut_at(command: Sequence[str | Path], seconds: float) -> bool:
    """Kill a command and all that it started after so long; return whether it still ran."""
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return False
    process.send_signal(signal.SIGSTOP)  # it starts nothing any more
    for pid in [process.pid, *descendants(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    return True


def run(command: Sequence[str | Path]) -> None:
    """Run a command that must succeed."""
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def name_of(bundle: Path) -> str:
    """Return the folder's name of a bundle's version."""
    with open_bundle(bundle) as opened:
        return opened.version_name


def expect(condition: bool, wanted: str) -> None:
    """Fail if something is not as it must be."""
    if not condition:
        message = f"Expected {wanted}, got something else."
        raise AssertionError(message)


if __name__ == "__main__":
    if not shutil.which("strace"):
        sys.exit("error: Expected the program strace, got none.\nhint: sudo apt install strace")
    main()
